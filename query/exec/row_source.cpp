#include "query/exec/row_source.h"

#include <string_view>
#include <unordered_set>

namespace baro::query::exec {

base::Result<Vector> RowSource::Materialise(Context& context, std::size_t steps) {
  Vector vector;
  vector.cells = BARO_TRY(Cells::Make(context.budget(), rows(), steps));
  BARO_TRY(Fill(0, vector.cells));
  vector.names = names();
  vector.DropEmptyRows();
  BARO_TRY(vector.cells.Settle());
  return vector;
}

base::Result<Cells> RowSource::TakeCells(Context& context, std::size_t steps) {
  Cells cells = BARO_TRY(Cells::Make(context.budget(), rows(), steps));
  BARO_TRY(Fill(0, cells));
  BARO_TRY(cells.Settle());
  return cells;
}

base::Result<> VectorSource::Fill(std::size_t begin, Cells& cells) {
  for (std::size_t i = 0; i < cells.rows(); ++i) cells.CopyRow(vector_.cells, begin + i, i);
  return {};
}

base::Result<Vector> VectorSource::Materialise(Context&, std::size_t) { return std::move(vector_); }

base::Result<Cells> VectorSource::TakeCells(Context&, std::size_t) { return std::move(vector_.cells); }

base::Result<> MappedSource::Fill(std::size_t begin, Cells& cells) {
  BARO_TRY(inner_->Fill(begin, cells));
  return change_(cells);
}

RowName DropMetricName(const Context& context, const model::Labels& labels) {
  if (context.drops_names_late()) return {.labels = labels, .drop_name = true};
  return {.labels = WithoutMetadata(labels), .drop_name = false};
}

std::vector<RowName> DropMetricNames(Context& context, const std::vector<RowName>& names) {
  std::vector<RowName> result;
  result.reserve(names.size());
  std::size_t bytes = names.size() * sizeof(RowName);
  for (const RowName& name : names) {
    result.push_back(DropMetricName(context, name.labels));
    if (!context.drops_names_late()) bytes += result.back().labels.packed().size();
  }
  context.Hold(bytes);
  return result;
}

bool HasEqualNames(const std::vector<RowName>& names) {
  std::unordered_set<std::string_view> seen;
  seen.reserve(names.size());
  for (const RowName& name : names) {
    if (!seen.insert(name.labels.packed()).second) return true;
  }
  return false;
}

}  // namespace baro::query::exec

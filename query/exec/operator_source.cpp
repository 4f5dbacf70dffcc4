#include "query/exec/operator_source.h"

#include <algorithm>

namespace baro::query::exec {

base::Result<> OperatorSource::Fill(std::size_t begin, Cells& cells) {
  return context_.At(expr_, [&]() -> base::Result<> {
    BARO_TRY(inner_->Fill(begin, cells));
    if (context_.trace() != nullptr) Count(cells);
    return {};
  });
}

base::Result<Vector> OperatorSource::Materialise(Context& context, std::size_t steps) {
  return context_.At(expr_, [&]() -> base::Result<Vector> {
    Vector vector = BARO_TRY(inner_->Materialise(context, steps));
    if (context_.trace() != nullptr) Count(vector.cells);
    return vector;
  });
}

base::Result<Cells> OperatorSource::TakeCells(Context& context, std::size_t steps) {
  return context_.At(expr_, [&]() -> base::Result<Cells> {
    Cells cells = BARO_TRY(inner_->TakeCells(context, steps));
    if (context_.trace() != nullptr) Count(cells);
    return cells;
  });
}

void OperatorSource::Count(const Cells& cells) const {
  NodeTrace& node = context_.trace()->of(expr_.id);
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const auto kinds = cells.kinds(row);
    node.points += kinds.size() - static_cast<std::size_t>(std::ranges::count(kinds, Kind::kNone));
  }
  node.column_bytes += cells.rows() * Cells::BytesPerRow(cells.steps());
}

}  // namespace baro::query::exec

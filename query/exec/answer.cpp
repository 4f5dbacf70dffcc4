#include "query/exec/answer.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "query/func/extended_range.h"

namespace baro::query::exec {
namespace {

// Rows in the order of their labels.
std::vector<std::size_t> SortedByLabels(const std::vector<RowName>& names) {
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const auto by_labels = names[a].labels <=> names[b].labels;
    return by_labels != 0 ? by_labels < 0 : a < b;
  });
  return order;
}

void AppendRow(const Vector& vector, std::size_t row, const StepGrid& grid, SeriesTable& table) {
  table.BeginSeries(vector.names[row].labels);
  const auto kinds = vector.cells.kinds(row);
  const auto values = vector.cells.values(row);
  for (std::size_t step = 0; step < kinds.size(); ++step) {
    if (kinds[step] == Kind::kFloat) table.AddFloat(grid.at(step), values[step]);
    if (kinds[step] == Kind::kHistogram) table.AddHistogram(grid.at(step), vector.cells.histograms(row)[step]);
  }
}

}  // namespace

base::Result<> FinishNames(Vector& vector) {
  bool is_changed = false;
  for (RowName& name : vector.names) {
    if (!name.drop_name) continue;
    name = {.labels = WithoutMetadata(name.labels)};
    is_changed = true;
  }
  return is_changed ? JoinEqualRows(vector, true) : base::Result<>();
}

VectorResult AnswerVector(const Vector& vector, std::int64_t time_ms) {
  VectorResult result;
  result.series.Reserve(vector.rows(), vector.rows());
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    AppendRow(vector, row, {.start_ms = time_ms, .step_ms = 0, .count = 1}, result.series);
  }
  return result;
}

base::Result<MatrixResult> AnswerMatrix(Context& context, const Vector& vector, const StepGrid& grid) {
  MatrixResult result;
  std::size_t points = 0;
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    points += static_cast<std::size_t>(std::ranges::count(vector.cells.kinds(row), Kind::kFloat));
  }
  Charge held(&context.budget());
  BARO_TRY(held.AddBytes(points * sizeof(model::Sample)));
  result.series.Reserve(vector.rows(), points);
  for (const std::size_t row : SortedByLabels(vector.names)) AppendRow(vector, row, grid, result.series);
  return result;
}

MatrixResult AnswerScalars(std::span<const double> values, const StepGrid& grid) {
  MatrixResult result;
  result.series.Reserve(1, values.size());
  result.series.BeginSeries({});
  for (std::size_t step = 0; step < values.size(); ++step) result.series.AddFloat(grid.at(step), values[step]);
  return result;
}

namespace {

base::Result<> AppendExtended(Extension extension, const func::RangeColumn& column, const func::WindowGrid& windows,
                              const RowName& name, SeriesTable& table) {
  if (!column.histograms.empty()) {
    return base::Fail(base::Code::kUnprocessable,
                      fmt::format("{} modifier is not supported with histograms",
                                  extension == Extension::kAnchored ? "anchored" : "smoothed"));
  }
  const auto samples = func::ExtendedFloats(extension, column, windows.start_ms(0), windows.end_ms(0));
  if (samples.empty()) return {};
  table.BeginSeries(name.labels);
  for (const model::Sample& sample : samples) table.AddFloat(sample.timestamp_ms, sample.value);
  return {};
}

}  // namespace

base::Result<MatrixResult> AnswerColumns(Context& context, const ColumnSource& columns, Extension extension) {
  MatrixResult result;
  ColumnScratch scratch;
  Charge held(&context.budget());
  const std::int64_t after = columns.windows().start_ms(0);
  const std::int64_t until = columns.windows().end_ms(0);
  for (const std::size_t row : SortedByLabels(columns.names())) {
    BARO_TRY(context.Check());
    scratch.columns.Clear();
    const auto column = BARO_TRY(columns.Read(row, scratch));
    if (extension != Extension::kNone) {
      BARO_TRY(held.SetSamples(result.series.point_count() + column.values.size() + 2));
      BARO_TRY(AppendExtended(extension, column, columns.windows(), columns.names()[row], result.series));
      continue;
    }
    const func::Stretch floats = func::FloatEdges(column).MoveTo(after, until);
    const func::Stretch histograms = func::HistogramEdges(column).MoveTo(after, until);
    if (floats.empty() && histograms.empty()) continue;
    BARO_TRY(held.SetSamples(result.series.point_count() + floats.size() + histograms.size()));
    BARO_TRY(held.AddBytes((floats.size() + histograms.size()) * sizeof(HistogramPoint)));
    const RowName& name = columns.names()[row];
    result.series.BeginSeries(name.drop_name ? WithoutMetadata(name.labels) : name.labels);
    for (std::size_t i = floats.begin; i < floats.end; ++i) {
      result.series.AddFloat(column.timestamps_ms[i], column.values[i]);
    }
    for (std::size_t i = histograms.begin; i < histograms.end; ++i) {
      result.series.AddHistogram(column.histograms[i].timestamp_ms, column.histograms[i].histogram);
    }
  }
  return result;
}

}  // namespace baro::query::exec

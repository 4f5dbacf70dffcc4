// Aggregations that choose elements (topk, bottomk, limitk, limit_ratio) and those that need all values of a group at
// once (quantile, count_values).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "base/number_text.h"
#include "model/names.h"
#include "model/quote.h"
#include "query/exec/aggregate.h"
#include "query/func/over_time.h"

namespace baro::query::exec {
namespace {

// What is aggregated. The answer has the names of a few rows or of none, so that they are not made beforehand.
struct Input {
  std::unique_ptr<RowSource> rows;
  Cells cells;

  // The rows that have points, which are taken from here.
  Vector TakeFilled() {
    Vector filled;
    for (std::size_t row = 0; row < cells.rows(); ++row) {
      if (cells.is_row_empty(row)) continue;
      cells.MoveRow(row, filled.names.size());
      filled.names.push_back(rows->name(row));
    }
    cells.Truncate(filled.names.size());
    filled.cells = std::move(cells);
    return filled;
  }
};

base::Result<Input> EvalInput(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  Input input;
  input.rows = BARO_TRY(OpenRows(context, *expr.expr, grid));
  input.cells = BARO_TRY(input.rows->TakeCells(context, grid.count));
  return input;
}

struct GroupedRows {
  std::uint32_t group;
  std::vector<std::uint32_t> rows;  // in the order of the input
};

// The rows that have points, by group; groups are in the order of their first ones.
std::vector<GroupedRows> RowsByGroup(const Grouping& grouping, const Cells& cells) {
  constexpr std::uint32_t kUnseen = std::numeric_limits<std::uint32_t>::max();
  std::vector<GroupedRows> groups;
  std::vector<std::uint32_t> place(grouping.names.size(), kUnseen);
  for (std::uint32_t row = 0; row < grouping.group_of.size(); ++row) {
    if (cells.is_row_empty(row)) continue;
    const std::uint32_t group = grouping.group_of[row];
    if (place[group] == kUnseen) {
      place[group] = static_cast<std::uint32_t>(groups.size());
      groups.push_back({.group = group, .rows = {}});
    }
    groups[place[group]].rows.push_back(row);
  }
  return groups;
}

void IgnoreHistograms(Context& context, const AggregateExpr& expr, Cells& cells) {
  if (!cells.has_histograms()) return;
  // Those that choose elements say it of themselves, those that compute of what they look at.
  const bool chooses = expr.op == AggregateOp::kTopk || expr.op == AggregateOp::kBottomk;
  NoteIgnoredHistogram(context, expr.op, chooses ? expr.span : expr.expr->span);
  cells.DropHistograms();
}

// How many elements to choose at each step.
base::Result<std::vector<std::int64_t>> EvalCounts(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const auto values = BARO_TRY(EvalScalar(context, *expr.param, grid));
  std::vector<std::int64_t> counts(values.size());
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  for (std::size_t step = 0; step < values.size(); ++step) {
    const double value = values[step];
    if (std::isnan(value)) return base::Fail(base::Code::kUnprocessable, "Parameter value is NaN");
    if (value >= kLimit || value < -kLimit) {
      return base::Fail(base::Code::kUnprocessable, fmt::format("Scalar value {} {} int64", FormatGo(value),
                                                                value > 0 ? "overflows" : "underflows"));
    }
    counts[step] = static_cast<std::int64_t>(value);
  }
  return counts;
}

// Before `b` in the ranking of topk or bottomk. NaN ranks last; equal values keep their order.
bool RanksBefore(bool is_top, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a);
  return is_top ? a > b : a < b;
}

// Steps that are looked at together: rows stand one behind the other in memory, so that one look at a row should serve
// several steps.
constexpr std::size_t kStepsAtOnce = 16;

// The floats of a group's rows at a few steps.
class StepColumns {
 public:
  struct Element {
    double value;
    std::uint32_t row;
  };

  // Gathers `count` steps from `first` on. Shape    at most kStepsAtOnce.
  void Gather(const Cells& cells, std::span<const std::uint32_t> rows, std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) columns_[i].clear();
    for (const std::uint32_t row : rows) {
      const auto kinds = cells.kinds(row).subspan(first, count);
      const auto values = cells.values(row).subspan(first, count);
      for (std::size_t i = 0; i < count; ++i) {
        if (kinds[i] == Kind::kFloat) columns_[i].push_back({.value = values[i], .row = row});
      }
    }
  }
  std::vector<Element>& operator[](std::size_t step) { return columns_[step]; }

 private:
  std::array<std::vector<Element>, kStepsAtOnce> columns_;
};

// Puts the best `count` elements in front, best first, and returns how many there are.
std::size_t RankFirst(bool is_top, std::int64_t count, std::vector<StepColumns::Element>& elements) {
  const std::size_t kept = count < 1 ? 0 : std::min(elements.size(), static_cast<std::size_t>(count));
  const auto before = [is_top](const StepColumns::Element& a, const StepColumns::Element& b) {
    if (RanksBefore(is_top, a.value, b.value)) return true;
    if (RanksBefore(is_top, b.value, a.value)) return false;
    return a.row < b.row;
  };
  std::partial_sort(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(kept), elements.end(), before);
  return kept;
}

base::Result<Vector> TopOrBottom(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const auto counts = BARO_TRY(EvalCounts(context, expr, grid));
  Input input = BARO_TRY(EvalInput(context, expr, grid));
  Cells& cells = input.cells;
  IgnoreHistograms(context, expr, cells);
  const Grouping grouping = MakeGrouping(context, expr, *input.rows);
  const bool is_top = expr.op == AggregateOp::kTopk;
  StepColumns columns;
  std::vector<std::uint32_t> order;  // of the answer, if there is one step only
  for (const auto& [group, rows] : RowsByGroup(grouping, cells)) {
    for (std::size_t first = 0; first < grid.count; first += kStepsAtOnce) {
      BARO_TRY(context.Check());
      const std::size_t steps = std::min(kStepsAtOnce, grid.count - first);
      columns.Gather(cells, rows, first, steps);
      for (std::size_t i = 0; i < steps; ++i) {
        const std::size_t kept = RankFirst(is_top, counts[first + i], columns[i]);
        const std::span elements(columns[i]);
        for (const auto& element : elements.subspan(kept)) cells.row(element.row).kinds[first + i] = Kind::kNone;
        if (grid.count > 1) continue;
        for (const auto& element : elements.first(kept)) order.push_back(element.row);
      }
    }
  }
  if (grid.count > 1) return input.TakeFilled();
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), order.size(), 1));
  for (std::size_t i = 0; i < order.size(); ++i) {
    result.cells.CopyRow(cells, order[i], i);
    result.names.push_back(input.rows->name(order[i]));
  }
  return result;
}

base::Result<Vector> LimitCount(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const auto counts = BARO_TRY(EvalCounts(context, expr, grid));
  Input input = BARO_TRY(EvalInput(context, expr, grid));
  const Grouping grouping = MakeGrouping(context, expr, *input.rows);
  std::vector<std::int64_t> left(grid.count);
  for (const auto& [group, rows] : RowsByGroup(grouping, input.cells)) {
    BARO_TRY(context.Check());
    left = counts;
    for (const std::uint32_t row : rows) {
      const auto kinds = input.cells.row(row).kinds;
      for (std::size_t step = 0; step < grid.count; ++step) {
        if (kinds[step] != Kind::kNone && left[step]-- <= 0) kinds[step] = Kind::kNone;
      }
    }
  }
  return input.TakeFilled();
}

// The least and the greatest of what a parameter is at all steps, by which it is warned of.
struct Extremes {
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
  bool has_nan = false;
};

Extremes ExtremesOf(std::span<const double> values) {
  Extremes extremes;
  for (const double value : values) {
    extremes.has_nan |= std::isnan(value);
    if (value < extremes.least) extremes.least = value;
    if (value > extremes.greatest) extremes.greatest = value;
  }
  return extremes;
}

base::Result<std::vector<double>> EvalRatios(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  auto ratios = BARO_TRY(EvalScalar(context, *expr.param, grid));
  const Extremes extremes = ExtremesOf(ratios);
  if (extremes.has_nan) return base::Fail(base::Code::kUnprocessable, "Ratio value is NaN");
  const auto warn = [&](double ratio, int capped) {
    context.annotations().Warn(
        fmt::format("ratio value should be between -1 and 1, got {}, capping to {}", FormatGo(ratio), capped),
        expr.param->span);
  };
  if (extremes.greatest > 1) warn(extremes.greatest, 1);
  if (extremes.least < -1) warn(extremes.least, -1);
  for (double& ratio : ratios) ratio = std::clamp(ratio, -1.0, 1.0);
  return ratios;
}

base::Result<Vector> LimitRatio(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const auto ratios = BARO_TRY(EvalRatios(context, expr, grid));
  Vector vector = BARO_TRY(EvalVector(context, *expr.expr, grid));
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    // The same series is in or out at every step and on every server. A negative ratio chooses the complement.
    const double offset = static_cast<double>(vector.names[row].labels.Hash()) /
                          static_cast<double>(std::numeric_limits<std::uint64_t>::max());
    const auto kinds = vector.cells.row(row).kinds;
    for (std::size_t step = 0; step < grid.count; ++step) {
      const double ratio = ratios[step];
      const bool is_in = ratio >= 0 ? offset < ratio : offset >= 1 + ratio;
      if (!is_in) kinds[step] = Kind::kNone;
    }
  }
  vector.DropEmptyRows();
  return vector;
}

}  // namespace

base::Result<Vector> EvalSelection(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  switch (expr.op) {
    case AggregateOp::kLimitk:
      return LimitCount(context, expr, grid);
    case AggregateOp::kLimitRatio:
      return LimitRatio(context, expr, grid);
    default:
      return TopOrBottom(context, expr, grid);
  }
}

base::Result<Vector> EvalQuantile(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const auto phis = BARO_TRY(EvalScalar(context, *expr.param, grid));
  const Extremes extremes = ExtremesOf(phis);
  if (extremes.has_nan) WarnQuantile(context, std::numeric_limits<double>::quiet_NaN(), expr.param->span);
  if (extremes.greatest > 1) WarnQuantile(context, extremes.greatest, expr.param->span);
  if (extremes.least < 0) WarnQuantile(context, extremes.least, expr.param->span);
  Input input = BARO_TRY(EvalInput(context, expr, grid));
  IgnoreHistograms(context, expr, input.cells);
  Grouping grouping = MakeGrouping(context, expr, *input.rows);
  const auto groups = RowsByGroup(grouping, input.cells);
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), groups.size(), grid.count));
  for (std::size_t at = 0; at < groups.size(); ++at) {
    const std::vector<std::uint32_t>& rows = groups[at].rows;
    result.names.push_back(std::move(grouping.names[groups[at].group]));
    const RowView out = result.cells.row(at);
    BARO_TRY(context.ForStretches(grid.count, kStepsAtOnce, [&](std::size_t begin, std::size_t end) -> base::Result<> {
      StepColumns columns;
      std::vector<double> values;
      columns.Gather(input.cells, rows, begin, end - begin);
      for (std::size_t step = begin; step < end; ++step) {
        values.clear();
        for (const auto& element : columns[step - begin]) values.push_back(element.value);
        if (!values.empty()) out.SetFloat(step, func::Quantile(phis[step], values));
      }
      return {};
    }));
  }
  result.DropEmptyRows();
  return result;
}

base::Result<Vector> EvalCountValues(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  const std::string_view label = EvalString(*expr.param);
  if (!model::IsValidLabelName(label)) {
    return base::Fail(base::Code::kUnprocessable, fmt::format("invalid label name {}", model::Quoted(label)));
  }
  const Vector vector = BARO_TRY(EvalVector(context, *expr.expr, grid));
  const Grouping grouping = MakeGrouping(expr, vector.names);
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), 0, grid.count));
  std::unordered_map<model::Labels, std::size_t> rows;
  model::LabelsBuilder builder;
  std::string text;
  // The value is a label before the elements are grouped: `without` can take it away again.
  const bool is_label_kept =
      !expr.without || (label != model::kMetricName && std::ranges::find(expr.grouping, label) == expr.grouping.end());
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    BARO_TRY(context.Check());
    const auto kinds = vector.cells.kinds(row);
    const RowName& group = grouping.names[grouping.group_of[row]];
    for (std::size_t step = 0; step < grid.count; ++step) {
      if (kinds[step] == Kind::kNone) continue;
      text.clear();
      if (kinds[step] == Kind::kFloat) {
        base::AppendFloatF(text, vector.cells.values(row)[step]);
      } else {
        text = vector.cells.histograms(row)[step]->ToString();
      }
      builder.Reset(group.labels);
      if (is_label_kept) builder.Set(label, text);
      model::Labels labels = builder.Build();
      const auto [at, is_new] = rows.try_emplace(labels, result.rows());
      if (is_new) BARO_TRY(result.AddRow({.labels = std::move(labels), .drop_name = group.drop_name}));
      const RowView out = result.cells.row(at->second);
      out.SetFloat(step, out.kinds[step] == Kind::kFloat ? out.values[step] + 1 : 1);
    }
  }
  return result;
}

}  // namespace baro::query::exec

// Functions that look at whole vectors: labels, sorting, absence.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "model/matcher.h"
#include "model/names.h"
#include "model/regex.h"
#include "query/exec/evaluate.h"
#include "query/exec/natural_order.h"

namespace baro::query::exec {
namespace {

base::Result<std::string> DestinationLabel(const CallExpr& call) {
  const std::string_view name = EvalString(*call.args[1]);
  if (!model::IsValidLabelName(name)) {
    return base::Fail(base::Code::kUnprocessable,
                      fmt::format("invalid destination label name in {}(): {}", call.function->name, name));
  }
  return std::string(name);
}

// Rows may have got the same labels: those of equal names are joined, unless both have a point at one step.
base::Result<Vector> Relabelled(Vector vector) {
  BARO_TRY(JoinEqualRows(vector, true));
  return vector;
}

base::Result<Vector> LabelReplace(Context& context, const CallExpr& call, const StepGrid& grid) {
  const std::string_view pattern = EvalString(*call.args[4]);
  const auto regex = model::AnchoredRegex::Make(pattern);
  if (!regex) {
    return base::Fail(base::Code::kUnprocessable,
                      fmt::format("invalid regular expression in label_replace(): {}", pattern));
  }
  const std::string destination = BARO_TRY(DestinationLabel(call));
  const model::ReplacementTemplate replacement(EvalString(*call.args[2]));
  const std::string_view source = EvalString(*call.args[3]);
  Vector vector = BARO_TRY(EvalVector(context, *call.args[0], grid));
  model::LabelsBuilder builder;
  std::string value;
  for (RowName& name : vector.names) {
    if (!regex->MatchAndExpand(name.labels.Get(source), replacement, value)) continue;
    builder.Reset(name.labels);
    builder.Set(destination, value);
    name.labels = builder.Build();
    // A name that was given anew is not the one that was to go.
    if (destination == model::kMetricName) name.drop_name = false;
  }
  return Relabelled(std::move(vector));
}

base::Result<Vector> LabelJoin(Context& context, const CallExpr& call, const StepGrid& grid) {
  const std::string_view separator = EvalString(*call.args[2]);
  std::vector<std::string_view> sources;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    sources.push_back(EvalString(*call.args[i]));
    if (!model::IsValidLabelName(sources.back())) {
      return base::Fail(base::Code::kUnprocessable,
                        fmt::format("invalid source label name in label_join(): {}", sources.back()));
    }
  }
  const std::string destination = BARO_TRY(DestinationLabel(call));
  Vector vector = BARO_TRY(EvalVector(context, *call.args[0], grid));
  model::LabelsBuilder builder;
  std::string value;
  for (RowName& name : vector.names) {
    value.clear();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (i > 0) value += separator;
      value += name.labels.Get(sources[i]);
    }
    builder.Reset(name.labels);
    builder.Set(destination, value);
    name.labels = builder.Build();
    if (destination == model::kMetricName) name.drop_name = false;
  }
  return Relabelled(std::move(vector));
}

base::Result<Vector> Reordered(Context& context, const Vector& vector, std::span<const std::size_t> order) {
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), vector.rows(), vector.steps()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    result.cells.CopyRow(vector.cells, order[i], i);
    result.names.push_back(vector.names[order[i]]);
  }
  return result;
}

// Sorting is for instant queries: a range query's answer is ordered by labels, and says so.
base::Result<Vector> Sort(Context& context, const CallExpr& call, const StepGrid& grid) {
  Vector vector = BARO_TRY(EvalVector(context, *call.args[0], grid));
  const Function function = call.function->id;
  const bool by_value = function == Function::kSort || function == Function::kSortDesc;
  if (by_value) {
    vector.cells.DropHistograms();
    vector.DropEmptyRows();
  }
  if (grid.count > 1) {
    context.annotations().Warn("sort is ineffective for range queries since results are always ordered by labels",
                               call.span);
    return vector;
  }
  std::vector<std::size_t> order(vector.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (by_value) {
    const bool descending = function == Function::kSortDesc;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      const double x = vector.cells.values(a)[0];
      const double y = vector.cells.values(b)[0];
      if (std::isnan(x) != std::isnan(y)) return std::isnan(y);  // NaN last in both directions
      if (x == y || std::isnan(x)) return a < b;
      return descending ? x > y : x < y;
    });
  } else {
    std::vector<std::string_view> labels;
    for (std::size_t i = 1; i < call.args.size(); ++i) labels.push_back(EvalString(*call.args[i]));
    const bool descending = function == Function::kSortByLabelDesc;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      const auto order_of = CompareByLabels(vector.names[a].labels, vector.names[b].labels, labels);
      if (order_of == 0) return a < b;
      return descending ? order_of > 0 : order_of < 0;
    });
  }
  return Reordered(context, vector, order);
}

base::Result<Vector> Absent(Context& context, const CallExpr& call, const StepGrid& grid) {
  const Vector vector = BARO_TRY(EvalVector(context, *call.args[0], grid));
  std::vector<bool> is_present(grid.count);
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    const auto kinds = vector.cells.kinds(row);
    for (std::size_t step = 0; step < grid.count; ++step) {
      if (kinds[step] != Kind::kNone) is_present[step] = true;
    }
  }
  return MakeAbsent(context, StripParens(*call.args[0]), is_present);
}

base::Result<Vector> VectorOf(Context& context, const CallExpr& call, const StepGrid& grid) {
  const auto scalar = BARO_TRY(EvalScalar(context, *call.args[0], grid));
  Vector vector;
  vector.cells = BARO_TRY(Cells::Make(context.budget(), 0, grid.count));
  BARO_TRY(vector.AddRow({}));
  for (std::size_t step = 0; step < grid.count; ++step) vector.cells.row(0).SetFloat(step, scalar[step]);
  return vector;
}

// The labels that a selector demands by equality. One that is named twice cannot be told.
model::Labels LabelsDemanded(const Expr& expr) {
  const auto* selector = As<VectorSelector>(&expr);
  if (const auto* matrix = As<MatrixSelector>(&expr)) selector = matrix->selector;
  if (selector == nullptr) return {};
  model::LabelsBuilder builder;
  std::vector<std::string_view> seen;
  for (const LabelMatcher& matcher : selector->matchers) {
    if (matcher.name == model::kMetricName) continue;
    const bool is_new = std::ranges::find(seen, matcher.name) == seen.end();
    if (matcher.op == MatchOp::kEqual && is_new) {
      builder.Set(matcher.name, matcher.value);
      seen.push_back(matcher.name);
    } else {
      builder.Delete(matcher.name);
    }
  }
  return builder.Build();
}

}  // namespace

base::Result<Vector> MakeAbsent(Context& context, const Expr& selector, const std::vector<bool>& is_present) {
  Vector vector;
  vector.cells = BARO_TRY(Cells::Make(context.budget(), 0, is_present.size()));
  BARO_TRY(vector.AddRow({.labels = LabelsDemanded(selector)}));
  for (std::size_t step = 0; step < is_present.size(); ++step) {
    if (!is_present[step]) vector.cells.row(0).SetFloat(step, 1);
  }
  vector.DropEmptyRows();
  return vector;
}

base::Result<Vector> EvalCall(Context& context, const CallExpr& call, const StepGrid& grid) {
  switch (call.function->id) {
    case Function::kAbsent:
      return Absent(context, call, grid);
    case Function::kAbsentOverTime:
      return EvalAbsentOverTime(context, call, grid);
    case Function::kHistogramFraction:
    case Function::kHistogramQuantile:
    case Function::kHistogramQuantiles:
      return EvalHistogramFunction(context, call, grid);
    case Function::kInfo:
      return EvalInfo(context, call, grid);
    case Function::kLabelJoin:
      return LabelJoin(context, call, grid);
    case Function::kLabelReplace:
      return LabelReplace(context, call, grid);
    case Function::kSort:
    case Function::kSortDesc:
    case Function::kSortByLabel:
    case Function::kSortByLabelDesc:
      return Sort(context, call, grid);
    case Function::kVector:
      return VectorOf(context, call, grid);
    default:
      return base::Fail(base::Code::kUnsupported,
                        fmt::format("function {}() is not supported yet", call.function->name));
  }
}

}  // namespace baro::query::exec

// histogram_quantile(), histogram_quantiles() and histogram_fraction(), for classic and native histograms.
#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/number_text.h"
#include "model/names.h"
#include "model/quote.h"
#include "query/exec/evaluate.h"
#include "query/func/classic_histogram.h"
#include "query/func/native_histogram.h"

namespace baro::query::exec {
namespace {

// The rows that make one histogram: buckets of a classic one, sorted by bound, and native ones of the same name.
struct HistogramGroup {
  struct BucketRow {
    double upper_bound = 0;
    std::size_t row = 0;
  };

  model::Labels labels;
  std::vector<BucketRow> buckets;
  std::vector<std::size_t> native_rows;
};

// The metric's name as annotations have it: only where names are dropped at the end of a query.
std::string_view NameFor(const Context& context, const model::Labels& labels) {
  return context.drops_names_late() ? labels.metric_name() : std::string_view();
}

bool HasKind(std::span<const Kind> kinds, Kind kind) { return std::ranges::find(kinds, kind) != kinds.end(); }

// Groups the rows of a vector, and warns of those whose bound cannot be read.
std::vector<HistogramGroup> GroupHistograms(Context& context, const Vector& vector, TextSpan span) {
  std::vector<HistogramGroup> groups;
  std::unordered_map<model::Labels, std::size_t> index;
  model::LabelsBuilder builder;
  const auto group_of = [&](const model::Labels& labels) -> HistogramGroup& {
    const auto [at, is_new] = index.try_emplace(labels, groups.size());
    if (is_new) groups.push_back({.labels = labels, .buckets = {}, .native_rows = {}});
    return groups[at->second];
  };
  for (std::size_t row = 0; row < vector.rows(); ++row) {
    const model::Labels& labels = vector.names[row].labels;
    const auto kinds = vector.cells.kinds(row);
    if (HasKind(kinds, Kind::kHistogram)) group_of(labels).native_rows.push_back(row);
    if (!HasKind(kinds, Kind::kFloat)) continue;
    const std::string_view bound_text = labels.Get(model::kBucketLabel);
    const auto bound = base::ParseFloat(bound_text);
    if (!bound || std::isnan(*bound)) {
      context.annotations().Warn(fmt::format("bucket label \"le\" is missing or has a malformed value of {}{}",
                                             model::Quoted(bound_text), ForMetric(NameFor(context, labels))),
                                 span);
      continue;
    }
    builder.Reset(labels);
    builder.Delete(model::kBucketLabel);
    group_of(builder.Build()).buckets.push_back({.upper_bound = *bound, .row = row});
  }
  for (HistogramGroup& group : groups) {
    std::ranges::sort(group.buckets, [](const auto& a, const auto& b) {
      return a.upper_bound != b.upper_bound ? a.upper_bound < b.upper_bound : a.row < b.row;
    });
  }
  return groups;
}

// What a function does to one histogram at one step.
struct HistogramFunction {
  std::function<void(std::size_t step, std::size_t group, std::vector<func::ClassicBucket>& buckets)> classic;
  std::function<void(std::size_t step, std::size_t group, const model::FloatHistogram& histogram)> native;
};

base::Result<> ForEachHistogram(Context& context, const Vector& vector, std::span<const HistogramGroup> groups,
                                TextSpan span, const HistogramFunction& function) {
  std::vector<func::ClassicBucket> buckets;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    BARO_TRY(context.Check());
    const HistogramGroup& group = groups[g];
    for (std::size_t step = 0; step < vector.steps(); ++step) {
      buckets.clear();
      for (const auto& bucket : group.buckets) {
        if (vector.cells.kinds(bucket.row)[step] != Kind::kFloat) continue;
        buckets.push_back({.upper_bound = bucket.upper_bound, .count = vector.cells.values(bucket.row)[step]});
      }
      const auto native = std::ranges::find_if(
          group.native_rows, [&](std::size_t row) { return vector.cells.kinds(row)[step] == Kind::kHistogram; });
      if (native == group.native_rows.end()) {
        if (!buckets.empty()) function.classic(step, g, buckets);
      } else if (buckets.empty()) {
        function.native(step, g, *vector.cells.histograms(*native)[step]);
      } else {
        context.annotations().Warn(
            "vector contains a mix of classic and native histograms" + ForMetric(NameFor(context, group.labels)), span);
      }
    }
  }
  return {};
}

RowName ResultName(const Context& context, const model::Labels& labels) {
  if (context.drops_names_late()) return {.labels = labels, .drop_name = true};
  return {.labels = WithoutMetadata(labels)};
}

void NoteNaN(Context& context, func::NaNEffect effect, const model::Labels& labels, TextSpan span) {
  const auto inform = [&](std::string_view text) {
    context.annotations().Inform(std::string(text) + ForMetric(NameFor(context, labels)), span);
  };
  switch (effect) {
    case func::NaNEffect::kNone:
      return;
    case func::NaNEffect::kResultIsNaN:
      return inform("input to histogram_quantile has NaN observations, result is NaN");
    case func::NaNEffect::kSkewedHigher:
      return inform("input to histogram_quantile has NaN observations, result is skewed higher");
    case func::NaNEffect::kExcluded:
      return inform("input to histogram_fraction has NaN observations, which are excluded from all fractions");
  }
}

// A quantile in a label looks as OpenMetrics writes it: whole numbers have a fraction.
std::string FormatOpenMetrics(double value) {
  std::string text = FormatGo(value);
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// One quantile of every histogram, into `result`. With a label the rows carry the quantile in it.
base::Result<> AddQuantiles(Context& context, const Vector& vector, std::span<const HistogramGroup> groups,
                            TextSpan span, const StepGrid& grid, std::span<const double> phis, std::string_view label,
                            Vector& result) {
  // Rows of the result by group and, if the quantile is part of the name, its text.
  std::vector<std::unordered_map<std::string, std::size_t>> rows(groups.size());
  base::Result<> failed;
  const auto set = [&](std::size_t step, std::size_t g, double value) {
    std::string text;
    if (!label.empty()) text = FormatOpenMetrics(phis[step]);
    auto at = rows[g].find(text);
    if (at == rows[g].end()) {
      RowName name = ResultName(context, groups[g].labels);
      if (!label.empty()) {
        model::LabelsBuilder builder(name.labels);
        builder.Set(label, text);
        name.labels = builder.Build();
      }
      auto row = result.AddRow(std::move(name));
      if (!row) {
        failed = row.error();
        return;
      }
      at = rows[g].emplace(text, *row).first;
    }
    result.cells.row(at->second).SetFloat(step, value);
  };
  HistogramFunction function;
  function.classic = [&](std::size_t step, std::size_t g, std::vector<func::ClassicBucket>& buckets) {
    func::MonotonicityFix fix;
    const double value = func::ClassicQuantile(phis[step], buckets, fix);
    if (fix.was_forced) {
      context.annotations().InformMonotonicity(NameFor(context, groups[g].labels), span,
                                               {.lowest_bound = fix.lowest_bound,
                                                .highest_bound = fix.highest_bound,
                                                .largest_difference = fix.largest_difference,
                                                .first_ms = grid.at(step),
                                                .last_ms = grid.at(step),
                                                .samples = 1});
    }
    set(step, g, value);
  };
  function.native = [&](std::size_t step, std::size_t g, const model::FloatHistogram& histogram) {
    const func::HistogramEstimate estimate = func::NativeQuantile(phis[step], histogram);
    NoteNaN(context, estimate.nan_effect, groups[g].labels, span);
    set(step, g, estimate.value);
  };
  BARO_TRY(ForEachHistogram(context, vector, groups, span, function));
  return failed;
}

base::Result<std::vector<double>> EvalPhi(Context& context, const Expr& expr, const StepGrid& grid) {
  auto phis = BARO_TRY(EvalScalar(context, expr, grid));
  for (const double phi : phis) {
    if (!(phi >= 0 && phi <= 1)) WarnQuantile(context, phi, expr.span);
  }
  return phis;
}

base::Result<Vector> Fraction(Context& context, const CallExpr& call, const StepGrid& grid) {
  const auto lower = BARO_TRY(EvalScalar(context, *call.args[0], grid));
  const auto upper = BARO_TRY(EvalScalar(context, *call.args[1], grid));
  const Vector vector = BARO_TRY(EvalVector(context, *call.args[2], grid));
  const TextSpan span = call.args[2]->span;
  const auto groups = GroupHistograms(context, vector, span);
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), groups.size(), grid.count));
  for (const HistogramGroup& group : groups) result.names.push_back(ResultName(context, group.labels));
  HistogramFunction function;
  function.classic = [&](std::size_t step, std::size_t g, std::vector<func::ClassicBucket>& buckets) {
    result.cells.row(g).SetFloat(step, func::ClassicFraction(lower[step], upper[step], buckets));
  };
  function.native = [&](std::size_t step, std::size_t g, const model::FloatHistogram& histogram) {
    const func::HistogramEstimate estimate = func::NativeFraction(lower[step], upper[step], histogram);
    NoteNaN(context, estimate.nan_effect, groups[g].labels, span);
    result.cells.row(g).SetFloat(step, estimate.value);
  };
  BARO_TRY(ForEachHistogram(context, vector, groups, span, function));
  return result;
}

base::Result<Vector> Quantiles(Context& context, const CallExpr& call, const StepGrid& grid) {
  const bool is_many = call.function->id == Function::kHistogramQuantiles;
  const Expr& vector_expr = *call.args[is_many ? 0 : 1];
  std::vector<std::vector<double>> phis;
  for (std::size_t i = is_many ? 2 : 0; i < (is_many ? call.args.size() : 1); ++i) {
    phis.push_back(BARO_TRY(EvalPhi(context, *call.args[i], grid)));
  }
  std::string_view label;
  if (is_many) {
    label = EvalString(*call.args[1]);
    if (!model::IsValidLabelName(label)) {
      return base::Fail(base::Code::kUnprocessable, fmt::format("invalid label name {}", model::Quoted(label)));
    }
  }
  const Vector vector = BARO_TRY(EvalVector(context, vector_expr, grid));
  const auto groups = GroupHistograms(context, vector, vector_expr.span);
  Vector result;
  result.cells = BARO_TRY(Cells::Make(context.budget(), 0, grid.count));
  for (const auto& phi : phis) {
    BARO_TRY(AddQuantiles(context, vector, groups, vector_expr.span, grid, phi, label, result));
  }
  return result;
}

}  // namespace

base::Result<Vector> EvalHistogramFunction(Context& context, const CallExpr& call, const StepGrid& grid) {
  Vector result = call.function->id == Function::kHistogramFraction ? BARO_TRY(Fraction(context, call, grid))
                                                                    : BARO_TRY(Quantiles(context, call, grid));
  result.DropEmptyRows();
  if (!context.drops_names_late()) BARO_TRY(JoinEqualRows(result, true));
  BARO_TRY(result.cells.Settle());
  return result;
}

}  // namespace baro::query::exec

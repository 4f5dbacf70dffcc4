// sum, avg, min, max, count, group, stddev and stdvar: aggregations that keep one accumulator for each group and step.
//
// Their input is made batch by batch, so that memory follows the groups and not the series.
#include "query/exec/aggregate.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "model/quote.h"
#include "query/func/column_loops.h"
#include "query/func/compensated.h"

namespace baro::query::exec {
namespace {

// Input held at a time: enough for all threads to be busy, little enough for memory not to matter.
constexpr std::size_t kCellsPerBatch = std::size_t{1} << 18;
constexpr std::size_t kRowsPerBatchMin = 64;

// Steps that one thread adds up while another adds up others: enough to be worth a task.
constexpr std::size_t kStepsPerTask = 256;
constexpr std::size_t kCellsPerTask = std::size_t{1} << 15;

// Two summands below it have a finite sum.
constexpr double kSafeSummand = 8e307;

// What a group has met at a step. Histograms of layouts that do not go together drop the cell, but where floats were
// met before it is a mix, whose histograms are not looked at any more. As in Prometheus, also in what is warned of.
enum Met : std::uint8_t { kNothing = 0, kFloats = 1, kHistograms = 2, kDropped = 4, kMixed = 8 };

struct HistogramSum {
  model::FloatHistogram sum;
  model::FloatHistogram lost;
  double count = 0;
  // For averages whose sum is too large.
  std::vector<HistogramPtr> parts;
  bool has_reset = false;
  bool has_not_reset = false;
};

class Accumulators {
 public:
  Accumulators(Context& context, const AggregateExpr& expr, std::size_t groups, std::size_t steps)
      : context_(context), expr_(expr), groups_(groups), steps_(steps), charge_(&context.budget()) {}

  base::Result<> Allocate() {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(groups_ * (1 + sizeof(double) * 3), steps_, &bytes)) bytes = SIZE_MAX / 2;
    BARO_TRY(charge_.AddBytes(bytes));
    const std::size_t cells = groups_ * steps_;
    met_.resize(cells);
    values_.resize(cells);
    if (expr_.op == AggregateOp::kSum || expr_.op == AggregateOp::kAvg || IsSpread()) lost_.resize(cells);
    if (expr_.op != AggregateOp::kSum && expr_.op != AggregateOp::kMin && expr_.op != AggregateOp::kMax &&
        expr_.op != AggregateOp::kGroup) {
      counts_.resize(cells);
    }
    return {};
  }

  // Adds rows in their order, so that the outcome does not depend on who adds which steps.
  // `rows` have the metric names from `first` on, for annotations of histograms.
  base::Result<> AddRows(const Cells& cells, std::span<const std::uint32_t> group_of, const RowSource& rows,
                         std::size_t first) {
    if (cells.has_histograms()) {
      for (std::size_t row = 0; row < cells.rows(); ++row) {
        AddMixedRow(cells, row, group_of[row] * steps_, rows.names()[first + row].labels.metric_name());
      }
      return {};
    }
    const std::size_t grain = cells.rows() * steps_ < kCellsPerTask ? steps_ : std::max(kStepsPerTask, steps_ / 8);
    return context_.ForStretches(steps_, grain, [&](std::size_t begin, std::size_t end) -> base::Result<> {
      for (std::size_t row = 0; row < cells.rows(); ++row) {
        AddFloats(cells.kinds(row).subspan(begin, end - begin), cells.values(row).subspan(begin, end - begin),
                  group_of[row] * steps_ + begin);
      }
      return {};
    });
  }

  base::Result<Vector> Finish(std::vector<RowName> names) {
    Vector result;
    result.cells = BARO_TRY(Cells::Make(context_.budget(), names.size(), steps_));
    result.names = std::move(names);
    for (std::size_t group = 0; group < result.rows(); ++group) {
      BARO_TRY(context_.Check());
      for (std::size_t step = 0; step < steps_; ++step) {
        FinishCell(group * steps_ + step, step, result.cells.row(group));
      }
    }
    result.DropEmptyRows();
    BARO_TRY(result.cells.Settle());
    return result;
  }

 private:
  void AddMixedRow(const Cells& cells, std::size_t row, std::size_t base, std::string_view metric_name) {
    const auto kinds = cells.kinds(row);
    const auto values = cells.values(row);
    if (cells.histograms(row).empty()) return AddFloats(kinds, values, base);
    for (std::size_t step = 0; step < steps_; ++step) {
      if (kinds[step] == Kind::kFloat) AddFloats(kinds.subspan(step, 1), values.subspan(step, 1), base + step);
      if (kinds[step] == Kind::kHistogram) AddHistogram(cells.histograms(row)[step], base + step, metric_name);
    }
  }

  bool IsSpread() const { return expr_.op == AggregateOp::kStddev || expr_.op == AggregateOp::kStdvar; }

  template <typename Add>
  void ForFloats(std::span<const Kind> kinds, std::span<const double> values, std::size_t base, const Add& add) {
    for (std::size_t step = 0; step < kinds.size(); ++step) {
      if (kinds[step] != Kind::kFloat) continue;
      add(base + step, values[step]);
      met_[base + step] |= kFloats;
    }
  }

  // Rows without gaps, which most are, in one loop without branches. False: it is no such row.
  bool AddFullRow(std::span<const Kind> kinds, std::span<const double> values, std::size_t base) {
    if (values.size() < 8 || !func::AreAllFloats(kinds)) return false;
    const std::size_t size = values.size();
    switch (expr_.op) {
      case AggregateOp::kSum:
        break;
      case AggregateOp::kAvg:
        // No sum may become infinite: from then on the mean itself is kept.
        if (!(func::GreatestMagnitude(values) < kSafeSummand)) return false;
        if (!(func::GreatestMagnitude(std::span(values_).subspan(base, size)) < kSafeSummand)) return false;
        if (!IsCounting(std::span(counts_).subspan(base, size))) return false;
        for (double& count : std::span(counts_).subspan(base, size)) count += 1;
        break;
      default:
        return false;
    }
    func::AddToSums(values, std::span(values_).subspan(base, size), std::span(lost_).subspan(base, size));
    for (std::uint8_t& met : std::span(met_).subspan(base, size)) met |= kFloats;
    return true;
  }

  // A negative count says that the mean itself is kept.
  static bool IsCounting(std::span<const double> counts) {
    bool is_counting = true;
    for (const double count : counts) is_counting &= count >= 0;
    return is_counting;
  }

  void AddFloats(std::span<const Kind> kinds, std::span<const double> values, std::size_t base) {
    if (AddFullRow(kinds, values, base)) return;
    switch (expr_.op) {
      case AggregateOp::kSum:
        return ForFloats(kinds, values, base, [&](std::size_t i, double v) { AddToSum(i, v); });
      case AggregateOp::kAvg:
        return ForFloats(kinds, values, base, [&](std::size_t i, double v) { AddToMean(i, v); });
      case AggregateOp::kMin:
        return ForFloats(kinds, values, base, [&](std::size_t i, double v) {
          if ((met_[i] & kFloats) == 0 || v < values_[i] || std::isnan(values_[i])) values_[i] = v;
        });
      case AggregateOp::kMax:
        return ForFloats(kinds, values, base, [&](std::size_t i, double v) {
          if ((met_[i] & kFloats) == 0 || v > values_[i] || std::isnan(values_[i])) values_[i] = v;
        });
      case AggregateOp::kCount:
        return ForFloats(kinds, values, base, [&](std::size_t i, double) { counts_[i]++; });
      case AggregateOp::kGroup:
        return ForFloats(kinds, values, base, [](std::size_t, double) {});
      default:
        return ForFloats(kinds, values, base, [&](std::size_t i, double v) {
          // Welford's method: values_ is the mean, lost_ the sum of squared distances from it.
          counts_[i]++;
          const double distance = v - values_[i];
          values_[i] += distance / counts_[i];
          lost_[i] += distance * (v - values_[i]);
        });
    }
  }

  void AddToSum(std::size_t i, double value) {
    func::CompensatedSum sum{.sum = values_[i], .lost = lost_[i]};
    sum.Add(value);
    values_[i] = sum.sum;
    lost_[i] = sum.lost;
  }

  // The sum until it is too large; from then on the mean itself, which is marked by a negative count.
  void AddToMean(std::size_t i, double value) {
    func::CompensatedSum sum{.sum = values_[i], .lost = lost_[i]};
    double count = std::fabs(counts_[i]) + 1;
    bool is_mean = counts_[i] < 0;
    if (!is_mean) {
      func::CompensatedSum next = sum;
      next.Add(value);
      if (count == 1 || !std::isinf(next.sum)) {
        sum = next;
      } else {
        is_mean = true;
        sum.sum /= count - 1;
        sum.lost /= count - 1;
      }
    }
    if (is_mean) {
      const double kept = (count - 1) / count;
      sum.sum *= kept;
      sum.lost *= kept;
      sum.Add(value / count);
    }
    values_[i] = sum.sum;
    lost_[i] = sum.lost;
    counts_[i] = is_mean ? -count : count;
  }

  void AddHistogram(const HistogramPtr& histogram, std::size_t i, std::string_view metric_name) {
    switch (expr_.op) {
      case AggregateOp::kCount:
        counts_[i]++;
        met_[i] |= kFloats;
        return;
      case AggregateOp::kGroup:
        met_[i] |= kFloats;
        return;
      case AggregateOp::kSum:
      case AggregateOp::kAvg:
        return MergeHistogram(histogram, i, metric_name);
      default:
        NoteIgnoredHistogram(context_, expr_.op, expr_.expr->span);
    }
  }

  void MergeHistogram(const HistogramPtr& histogram, std::size_t i, std::string_view metric_name) {
    if ((met_[i] & (kDropped | kMixed)) != 0) return;
    if (met_[i] == kFloats) {
      met_[i] |= kHistograms | kMixed;
      return;
    }
    HistogramSum& sum = histograms_[i];
    sum.has_reset |= histogram->counter_reset_hint == model::CounterResetHint::kReset;
    sum.has_not_reset |= histogram->counter_reset_hint == model::CounterResetHint::kNotReset;
    if (expr_.op == AggregateOp::kAvg) sum.parts.push_back(histogram);
    sum.count++;
    if ((met_[i] & kHistograms) == 0) {
      met_[i] |= kHistograms;
      sum.sum = *histogram;
      return;
    }
    const auto added = sum.sum.KahanAdd(*histogram, sum.lost);
    if (!added) {
      met_[i] |= (met_[i] & kFloats) != 0 ? kMixed : kDropped;
      context_.annotations().Warn(
          fmt::format(
              "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
              model::Quoted(metric_name)),
          expr_.expr->span);
      return;
    }
    if (added->custom_bounds_reconciled) {
      context_.annotations().Inform("mismatched custom buckets were reconciled during aggregation", expr_.expr->span);
    }
  }

  void FinishCell(std::size_t i, std::size_t step, const RowView& out) {
    if (met_[i] == kNothing || (met_[i] & kDropped) != 0) return;
    if ((met_[i] & kFloats) != 0 && (met_[i] & kHistograms) != 0) {
      context_.annotations().Warn("encountered a mix of histograms and floats for aggregation", expr_.expr->span);
      return;
    }
    if ((met_[i] & kHistograms) != 0) return FinishHistogram(i, step, out);
    switch (expr_.op) {
      case AggregateOp::kSum:
        return out.SetFloat(step, func::CompensatedSum{.sum = values_[i], .lost = lost_[i]}.value());
      case AggregateOp::kAvg:
        return out.SetFloat(step, Mean(i));
      case AggregateOp::kCount:
        return out.SetFloat(step, counts_[i]);
      case AggregateOp::kGroup:
        return out.SetFloat(step, 1);
      case AggregateOp::kStddev:
        return out.SetFloat(step, std::sqrt(lost_[i] / counts_[i]));
      case AggregateOp::kStdvar:
        return out.SetFloat(step, lost_[i] / counts_[i]);
      default:
        return out.SetFloat(step, values_[i]);
    }
  }

  double Mean(std::size_t i) const {
    const func::CompensatedSum sum{.sum = values_[i], .lost = lost_[i]};
    if (counts_[i] < 0) return sum.value();
    return std::isinf(sum.sum) ? sum.sum / counts_[i] : sum.sum / counts_[i] + sum.lost / counts_[i];
  }

  void FinishHistogram(std::size_t i, std::size_t step, const RowView& out) {
    HistogramSum& sum = histograms_[i];
    if (sum.has_reset && sum.has_not_reset) {
      context_.annotations().Warn("conflicting counter resets during histogram aggregation", expr_.expr->span);
    }
    model::FloatHistogram result = std::move(sum.sum);
    result.ApplyCompensation(sum.lost);
    if (expr_.op == AggregateOp::kAvg) {
      if (std::isinf(result.sum) || std::isinf(result.count)) {
        result = DividedMean(sum.parts);
      } else {
        result.Div(sum.count);
      }
    }
    result.Compact(0);
    out.SetHistogram(step, std::make_shared<model::FloatHistogram>(std::move(result)));
  }

  // The mean of histograms whose sum is too large: each is divided before it is added.
  static model::FloatHistogram DividedMean(std::span<const HistogramPtr> parts) {
    const auto count = static_cast<double>(parts.size());
    model::FloatHistogram mean = *parts[0];
    mean.Div(count);
    model::FloatHistogram lost;
    for (const HistogramPtr& part : parts.subspan(1)) {
      model::FloatHistogram share = *part;
      share.Div(count);
      // The layouts were found to go together when they were summed.
      static_cast<void>(mean.KahanAdd(share, lost));
    }
    mean.ApplyCompensation(lost);
    return mean;
  }

  Context& context_;
  const AggregateExpr& expr_;
  const std::size_t groups_;
  const std::size_t steps_;
  std::vector<std::uint8_t> met_;  // of Met; group after group
  std::vector<double> values_;
  std::vector<double> lost_;
  std::vector<double> counts_;
  std::unordered_map<std::size_t, HistogramSum> histograms_;  // few queries have any
  Charge charge_;
};

}  // namespace

namespace {

// `labels_of` and `drops_name` by row.
template <typename LabelsOf, typename DropsName>
Grouping GroupRows(const AggregateExpr& expr, std::size_t rows, const LabelsOf& labels_of,
                   const DropsName& drops_name) {
  Grouping grouping;
  grouping.group_of.resize(rows);
  std::unordered_map<std::string_view, std::uint32_t> index;  // by the packed labels of grouping.names
  std::string key;
  for (std::size_t row = 0; row < rows; ++row) {
    const model::Labels& labels = labels_of(row);
    key.clear();
    if (expr.without) {
      labels.AppendPackedWithout(expr.grouping, key);
    } else {
      labels.AppendPackedOnly(expr.grouping, key);
    }
    auto at = index.find(key);
    if (at == index.end()) {
      const auto group = static_cast<std::uint32_t>(grouping.names.size());
      grouping.names.push_back(
          {.labels = expr.without ? labels.WithoutLabels(expr.grouping) : labels.WithLabelsOnly(expr.grouping)});
      at = index.emplace(grouping.names.back().labels.packed(), group).first;
    }
    grouping.names[at->second].drop_name |= drops_name(row);
    grouping.group_of[row] = at->second;
  }
  return grouping;
}

// Whether all that names have lost makes no difference to the groups.
bool GroupsByKeptLabels(const AggregateExpr& expr) {
  return !expr.without && std::ranges::none_of(expr.grouping, [](const std::string& name) {
    return name == model::kMetricName || name == model::kTypeLabel || name == model::kUnitLabel;
  });
}

}  // namespace

Grouping MakeGrouping(const AggregateExpr& expr, const std::vector<RowName>& rows) {
  return GroupRows(
      expr, rows.size(), [&rows](std::size_t row) -> const model::Labels& { return rows[row].labels; },
      [&rows](std::size_t row) { return rows[row].drop_name; });
}

Grouping MakeGrouping(const Context& context, const AggregateExpr& expr, const RowSource& rows) {
  if (context.drops_names_late() || !GroupsByKeptLabels(expr)) return MakeGrouping(expr, rows.names());
  if (expr.grouping.empty()) {  // all are one group
    Grouping grouping;
    if (rows.rows() > 0) grouping.names.emplace_back();
    grouping.group_of.resize(rows.rows());
    return grouping;
  }
  return GroupRows(
      expr, rows.rows(), [&rows](std::size_t row) -> const model::Labels& { return rows.labels(row); },
      [](std::size_t) { return false; });
}

void NoteIgnoredHistogram(Context& context, AggregateOp op, TextSpan span) {
  context.annotations().Inform(fmt::format("ignored histogram in {} aggregation", AggregateOpText(op)), span);
}

namespace {

// Batch by batch, in one batch's memory.
base::Result<> AddAll(Context& context, RowSource& rows, const Grouping& grouping, const StepGrid& grid,
                      Accumulators& accumulators) {
  const std::size_t per_batch = std::max(kCellsPerBatch / grid.count, kRowsPerBatchMin);
  Cells cells = BARO_TRY(Cells::Make(context.budget(), std::min(per_batch, rows.rows()), grid.count));
  for (std::size_t begin = 0; begin < rows.rows(); begin += per_batch) {
    BARO_TRY(context.Check());
    if (begin > 0) {
      cells.Clear();
      cells.Truncate(std::min(per_batch, rows.rows() - begin));
    }
    BARO_TRY(rows.Fill(begin, cells));
    BARO_TRY(cells.Settle());
    BARO_TRY(accumulators.AddRows(cells, std::span(grouping.group_of).subspan(begin, cells.rows()), rows, begin));
  }
  return {};
}

}  // namespace

base::Result<Vector> EvalAggregation(Context& context, const AggregateExpr& expr, const StepGrid& grid) {
  switch (expr.op) {
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
      return EvalSelection(context, expr, grid);
    case AggregateOp::kQuantile:
      return EvalQuantile(context, expr, grid);
    case AggregateOp::kCountValues:
      return EvalCountValues(context, expr, grid);
    default:
      break;
  }
  auto rows = BARO_TRY(OpenRows(context, *expr.expr, grid));
  Grouping grouping = MakeGrouping(context, expr, *rows);
  Accumulators accumulators(context, expr, grouping.names.size(), grid.count);
  BARO_TRY(accumulators.Allocate());
  BARO_TRY(AddAll(context, *rows, grouping, grid, accumulators));
  return accumulators.Finish(std::move(grouping.names));
}

}  // namespace baro::query::exec

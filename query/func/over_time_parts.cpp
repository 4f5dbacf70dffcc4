#include "query/func/over_time_parts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/saturating.h"
#include "query/func/over_time.h"
#include "query/func/start_resets.h"

namespace baro::query::func {

CompensatedSum SumOf(std::span<const double> values) {
  CompensatedSum sum;
  for (const double value : values) sum.Add(value);
  return sum;
}

double AverageOf(std::span<const double> values) {
  CompensatedSum sum;
  CompensatedSum mean;
  bool is_incremental = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto count = static_cast<double>(i + 1);
    if (!is_incremental) {
      CompensatedSum next = sum;
      next.Add(values[i]);
      // The first value may be infinite by itself; then there is no overflow to be avoided.
      if (i == 0 || !std::isinf(next.sum)) {
        sum = next;
        continue;
      }
      is_incremental = true;
      mean.sum = sum.sum / (count - 1);
      mean.lost = sum.lost / (count - 1);
    }
    const double kept = (count - 1) / count;
    mean.sum *= kept;
    mean.lost *= kept;
    mean.Add(values[i] / count);
  }
  if (is_incremental) return mean.value();
  const auto count = static_cast<double>(values.size());
  return std::isinf(sum.sum) ? sum.sum / count : sum.sum / count + sum.lost / count;
}

double VarianceOf(std::span<const double> values) {
  CompensatedSum mean;
  CompensatedSum squares;
  double count = 0;
  for (const double value : values) {
    count++;
    const double from_old = value - (mean.sum + mean.lost);
    mean.Add(from_old / count);
    squares.Add(from_old * (value - (mean.sum + mean.lost)));
  }
  return (squares.sum + squares.lost) / count;
}

double MedianDeviationOf(std::span<const double> values) {
  if (std::ranges::any_of(values, [](double value) { return std::isnan(value); })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::vector<double> scratch(values.begin(), values.end());
  const double median = Quantile(0.5, scratch);
  for (double& value : scratch) value = std::fabs(value - median);
  return Quantile(0.5, scratch);
}

double SmoothExponentially(std::span<const double> values, double level_factor, double trend_factor) {
  double level_before = 0;
  double level = values[0];
  double trend = values[1] - values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (i > 1) trend = trend_factor * (level - level_before) + (1 - trend_factor) * trend;
    level_before = level;
    level = level_factor * values[i] + (1 - level_factor) * (level + trend);
  }
  return level;
}

Line FitLine(std::span<const std::int64_t> timestamps_ms, std::span<const double> values, std::int64_t origin_ms) {
  const bool is_constant = std::ranges::all_of(values, [&](double value) { return value == values[0]; });
  if (is_constant) {
    if (std::isinf(values[0])) {
      return {.slope = std::numeric_limits<double>::quiet_NaN(), .intercept = std::numeric_limits<double>::quiet_NaN()};
    }
    return {.slope = 0, .intercept = values[0]};
  }
  CompensatedSum x;
  CompensatedSum y;
  CompensatedSum xy;
  CompensatedSum xx;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double seconds = static_cast<double>(base::SaturatingSub(timestamps_ms[i], origin_ms)) / 1000;
    x.Add(seconds);
    y.Add(values[i]);
    xy.Add(seconds * values[i]);
    xx.Add(seconds * seconds);
  }
  const auto n = static_cast<double>(values.size());
  const double sum_x = x.sum + x.lost;
  const double sum_y = y.sum + y.lost;
  const double covariance = (xy.sum + xy.lost) - sum_x * sum_y / n;
  const double variance = (xx.sum + xx.lost) - sum_x * sum_x / n;
  const double slope = covariance / variance;
  return {.slope = slope, .intercept = sum_y / n - slope * sum_x / n};
}

namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using Histograms = std::span<const tsdb::HistogramSample>;

void NoteMerge(const model::HistogramMergeNotes& merged, Notes& notes) {
  if (merged.custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledAggregation);
}

// Whether samples with the hints "reset" and "not reset" both take part. The first sample's hint speaks of what was
// before the window as much as the others do.
void NoteResetCollision(Histograms samples, Notes& notes) {
  bool has_reset = false;
  bool has_not_reset = false;
  for (const tsdb::HistogramSample& sample : samples) {
    has_reset |= sample.histogram->counter_reset_hint == CounterResetHint::kReset;
    has_not_reset |= sample.histogram->counter_reset_hint == CounterResetHint::kNotReset;
  }
  if (has_reset && has_not_reset) notes.Add(Note::kResetCollisionAggregation);
}

std::optional<FloatHistogram> SumHistograms(Histograms samples, Notes& notes) {
  FloatHistogram sum = *samples[0].histogram;
  FloatHistogram compensation;
  for (const tsdb::HistogramSample& sample : samples.subspan(1)) {
    const auto added = sum.KahanAdd(*sample.histogram, compensation);
    if (!added) {
      notes.Add(Note::kMixedBucketSchemas);
      return std::nullopt;
    }
    NoteMerge(*added, notes);
  }
  sum.ApplyCompensation(compensation);
  return sum;
}

bool HasInfinity(const FloatHistogram& histogram) {
  const auto is_infinite = [](double value) { return std::isinf(value); };
  return std::isinf(histogram.sum) || std::isinf(histogram.count) || std::isinf(histogram.zero_count) ||
         std::ranges::any_of(histogram.positive_buckets, is_infinite) ||
         std::ranges::any_of(histogram.negative_buckets, is_infinite);
}

// The mean of histograms whose sum is too large for doubles: each is divided before it is added.
std::optional<FloatHistogram> DividedMean(Histograms samples, Notes& notes) {
  const auto count = static_cast<double>(samples.size());
  FloatHistogram mean = *samples[0].histogram;
  mean.Div(count);
  FloatHistogram compensation;
  for (const tsdb::HistogramSample& sample : samples.subspan(1)) {
    FloatHistogram part = *sample.histogram;
    part.Div(count);
    const auto added = mean.KahanAdd(part, compensation);
    if (!added) {
      notes.Add(Note::kMixedBucketSchemas);
      return std::nullopt;
    }
  }
  mean.ApplyCompensation(compensation);
  return mean;
}

void SumOrAverageAt(bool is_average, Histograms samples, std::size_t step, const RowView& out, Notes& notes) {
  NoteResetCollision(samples, notes);
  auto result = SumHistograms(samples, notes);
  if (!result) return;
  if (is_average) {
    const bool overflowed = HasInfinity(*result) && std::ranges::none_of(samples, [](const auto& sample) {
                              return HasInfinity(*sample.histogram);
                            });
    if (overflowed) {
      result = DividedMean(samples, notes);
    } else {
      result->Div(static_cast<double>(samples.size()));
    }
  }
  result->Compact(0);
  out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*result)));
}

}  // namespace

namespace {

// One sample of either kind.
struct Neighbour {
  StartedAt at;
  double value = 0;
  const FloatHistogram* histogram = nullptr;
};

// The first sample over both kinds in the order of time; the stretch that it comes from shrinks.
Neighbour TakeFirst(const RangeColumn& column, Stretch& floats, Stretch& histograms) {
  const bool is_float = histograms.empty() || (!floats.empty() && column.timestamps_ms[floats.begin] <
                                                                      column.histograms[histograms.begin].timestamp_ms);
  if (is_float) {
    const std::size_t at = floats.begin++;
    const std::int64_t start_ms = column.starts_ms.empty() ? 0 : column.starts_ms[at];
    return {.at = {.timestamp_ms = column.timestamps_ms[at], .start_ms = start_ms}, .value = column.values[at]};
  }
  const tsdb::HistogramSample& sample = column.histograms[histograms.begin++];
  return {.at = {.timestamp_ms = sample.timestamp_ms,
                 .start_ms = column.has_histogram_starts ? sample.start_timestamp_ms : 0},
          .value = 0,
          .histogram = sample.histogram.get()};
}

bool IsChange(const Neighbour& previous, const Neighbour& next) {
  if (next.histogram != nullptr) return !next.histogram->Equals(*previous.histogram);
  return next.value != previous.value && !(std::isnan(next.value) && std::isnan(previous.value));
}

bool IsReset(const Neighbour& previous, const Neighbour& next) {
  if (IsStartReset(previous.at, next.at)) return true;
  return next.histogram != nullptr ? next.histogram->DetectReset(*previous.histogram) : next.value < previous.value;
}

}  // namespace

double CountPairs(Function function, const RangeColumn& column, Stretch floats, Stretch histograms) {
  if (floats.empty() && histograms.empty()) return 0;
  double pairs = 0;
  Neighbour previous = TakeFirst(column, floats, histograms);
  while (!floats.empty() || !histograms.empty()) {
    const Neighbour next = TakeFirst(column, floats, histograms);
    const bool is_other_kind = (next.histogram == nullptr) != (previous.histogram == nullptr);
    if (is_other_kind || (function == Function::kChanges ? IsChange(previous, next) : IsReset(previous, next))) pairs++;
    previous = next;
  }
  return pairs;
}

void HistogramsOverTime(Function function, const RangeColumn& column, const WindowGrid& windows, const RowView& out,
                        Notes& notes) {
  auto float_edges = FloatEdges(column);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const Stretch floats = float_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    const Stretch histograms = histogram_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    if (floats.empty() && histograms.empty()) continue;
    if (function == Function::kChanges || function == Function::kResets) {
      out.SetFloat(step, CountPairs(function, column, floats, histograms));
    } else if (!floats.empty() && !histograms.empty()) {
      notes.Add(Note::kMixedFloatsHistograms);
    } else if (!floats.empty()) {
      const auto values = column.values.subspan(floats.begin, floats.size());
      out.SetFloat(step, function == Function::kSumOverTime ? SumOf(values).value() : AverageOf(values));
    } else {
      SumOrAverageAt(function == Function::kAvgOverTime, column.histograms.subspan(histograms.begin, histograms.size()),
                     step, out, notes);
    }
  }
}

}  // namespace baro::query::func

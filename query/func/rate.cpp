#include "query/func/rate.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/saturating.h"
#include "query/func/histogram_rate.h"

namespace baro::query::func {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

// What extrapolation needs to know of a window, whatever its samples are. Times in seconds.
struct Edges {
  double to_start = 0;  // from the window's start to the first sample
  double to_end = 0;    // from the last sample to the window's end
  double sampled = 0;   // from the first to the last sample
  double intervals = 1;
};

Edges MakeEdges(std::int64_t start_ms, std::int64_t end_ms, std::int64_t first_ms, std::int64_t last_ms,
                std::size_t count) {
  return {.to_start = static_cast<double>(base::SaturatingSub(first_ms, start_ms)) / 1000,
          .to_end = static_cast<double>(base::SaturatingSub(end_ms, last_ms)) / 1000,
          .sampled = static_cast<double>(last_ms - first_ms) / 1000,
          .intervals = static_cast<double>(count - 1)};
}

// The factor from the difference of the samples to that of the window. `to_zero` is how long before the first sample a
// counter was zero, if it grew at the same pace all the time; infinite if that does not bind.
double ExtrapolationFactor(const Edges& edges, double to_zero) {
  const double average = edges.sampled / edges.intervals;
  const double threshold = average * 1.1;
  double to_start = edges.to_start >= threshold ? average / 2 : edges.to_start;
  if (to_zero < to_start) to_start = to_zero;
  const double to_end = edges.to_end >= threshold ? average / 2 : edges.to_end;
  return (edges.sampled + to_start + to_end) / edges.sampled;
}

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Positions at which a counter is smaller than before.
std::vector<std::size_t> FindResets(std::span<const double> values) {
  std::vector<std::size_t> resets;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] < values[i - 1]) resets.push_back(i);
  }
  return resets;
}

// Sums what stood before the resets inside a window. Resets are rare; those of one window are summed anew, so that a
// large value that has left the window leaves no rounding error behind.
class ResetSum {
 public:
  explicit ResetSum(std::span<const double> values) : values_(values), resets_(FindResets(values)) {}

  double In(const Stretch& window) {
    while (first_ < resets_.size() && resets_[first_] <= window.begin) ++first_;
    double sum = 0;
    for (std::size_t i = first_; i < resets_.size() && resets_[i] < window.end; ++i) sum += values_[resets_[i] - 1];
    return sum;
  }

 private:
  std::span<const double> values_;
  std::vector<std::size_t> resets_;
  std::size_t first_ = 0;  // the first reset behind the window's first sample
};

class FloatRate {
 public:
  FloatRate(RateKind kind, const RangeColumn& column, const WindowGrid& windows)
      : kind_(kind),
        column_(column),
        range_s_(static_cast<double>(windows.range_ms) / 1000),
        resets_(kind == RateKind::kDelta ? std::span<const double>() : column.values) {}

  // Shape: at least two samples.
  double At(const Stretch& window, std::int64_t start_ms, std::int64_t end_ms) {
    const auto& times = column_.timestamps_ms;
    const auto& values = column_.values;
    const double first = values[window.begin];
    const double result = values[window.end - 1] - first + resets_.In(window);
    const Edges edges = MakeEdges(start_ms, end_ms, times[window.begin], times[window.end - 1], window.size());
    const bool is_counter = kind_ != RateKind::kDelta;
    const double to_zero = is_counter && result > 0 && first >= 0 ? edges.sampled * (first / result) : kUnbounded;
    const double factor = ExtrapolationFactor(edges, to_zero);
    return result * (kind_ == RateKind::kRate ? factor / range_s_ : factor);
  }

 private:
  const RateKind kind_;
  const RangeColumn& column_;
  const double range_s_;
  ResetSum resets_;
};

void HistogramRateAt(RateKind kind, std::span<const tsdb::HistogramSample> samples, const WindowGrid& windows,
                     std::size_t step, const RowView& out, Notes& notes) {
  const bool is_counter = kind != RateKind::kDelta;
  auto result = HistogramIncrease(samples, is_counter, notes);
  if (!result) return;
  const Edges edges = MakeEdges(windows.start_ms(step), windows.end_ms(step), samples.front().timestamp_ms,
                                samples.back().timestamp_ms, samples.size());
  double to_zero = kUnbounded;
  const double first_count = samples.front().histogram->count;
  if (is_counter && result->count > 0 && first_count >= 0) to_zero = edges.sampled * (first_count / result->count);
  double factor = ExtrapolationFactor(edges, to_zero);
  if (kind == RateKind::kRate) factor /= static_cast<double>(windows.range_ms) / 1000;
  result->Mul(factor);
  out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*result)));
}

}  // namespace

void Rate(RateKind kind, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
  FloatRate rate(kind, column, windows);
  auto floats = FloatEdges(column);
  auto histograms = HistogramEdges(column);
  const bool has_histograms = !column.histograms.empty();
  for (std::size_t step = 0; step < windows.count; ++step) {
    const std::int64_t start = windows.start_ms(step);
    const std::int64_t end = windows.end_ms(step);
    const Stretch window = floats.MoveTo(start, end);
    const Stretch histogram_window = has_histograms ? histograms.MoveTo(start, end) : Stretch{};
    if (!histogram_window.empty() && !window.empty()) {
      notes.Add(Note::kMixedFloatsHistograms);
    } else if (histogram_window.size() >= 2) {
      HistogramRateAt(kind, column.histograms.subspan(histogram_window.begin, histogram_window.size()), windows, step,
                      out, notes);
    } else if (window.size() >= 2) {
      out.SetFloat(step, rate.At(window, start, end));
    }
  }
}

namespace {

// One of the last two samples of a window.
struct LastSample {
  std::int64_t timestamp_ms = 0;
  double value = 0;
  const FloatHistogram* histogram = nullptr;
};

// The `back`-th last sample of a window over both kinds; the two stretches shrink by what is taken.
std::optional<LastSample> TakeLast(const RangeColumn& column, Stretch& floats, Stretch& histograms) {
  const bool has_float = !floats.empty();
  const bool has_histogram = !histograms.empty();
  if (!has_float && !has_histogram) return std::nullopt;
  if (has_float &&
      (!has_histogram || column.timestamps_ms[floats.end - 1] > column.histograms[histograms.end - 1].timestamp_ms)) {
    --floats.end;
    return LastSample{.timestamp_ms = column.timestamps_ms[floats.end], .value = column.values[floats.end]};
  }
  --histograms.end;
  const tsdb::HistogramSample& sample = column.histograms[histograms.end];
  return LastSample{.timestamp_ms = sample.timestamp_ms, .value = 0, .histogram = sample.histogram.get()};
}

std::optional<FloatHistogram> HistogramDifference(bool is_rate, const FloatHistogram& previous,
                                                  const FloatHistogram& last, Notes& notes) {
  const bool has_gauge =
      previous.counter_reset_hint == CounterResetHint::kGauge || last.counter_reset_hint == CounterResetHint::kGauge;
  const bool has_counter =
      previous.counter_reset_hint != CounterResetHint::kGauge || last.counter_reset_hint != CounterResetHint::kGauge;
  if (is_rate && has_gauge) notes.Add(Note::kNotCounter);
  if (!is_rate && has_counter) notes.Add(Note::kNotGauge);
  FloatHistogram result = last;
  if (!is_rate || !last.DetectReset(previous)) {
    const auto subtracted = result.Sub(previous);
    if (!subtracted) {
      notes.Add(Note::kMixedBucketSchemas);
      return std::nullopt;
    }
    if (subtracted->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledSub);
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  result.Compact(0);
  return result;
}

void InstantRateAt(bool is_rate, const LastSample& previous, const LastSample& last, std::size_t step,
                   const RowView& out, Notes& notes) {
  const double seconds = static_cast<double>(last.timestamp_ms - previous.timestamp_ms) / 1000;
  if (seconds == 0) return;
  if ((previous.histogram == nullptr) != (last.histogram == nullptr)) {
    notes.Add(Note::kMixedFloatsHistograms);
    return;
  }
  if (last.histogram == nullptr) {
    const bool is_reset = is_rate && last.value < previous.value;
    const double difference = is_reset ? last.value : last.value - previous.value;
    out.SetFloat(step, is_rate ? difference / seconds : difference);
    return;
  }
  auto difference = HistogramDifference(is_rate, *previous.histogram, *last.histogram, notes);
  if (!difference) return;
  if (is_rate) difference->Div(seconds);
  out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*difference)));
}

}  // namespace

void InstantRate(bool is_rate, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
  auto float_edges = FloatEdges(column);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count; ++step) {
    Stretch floats = float_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    Stretch histograms = histogram_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
    const auto last = TakeLast(column, floats, histograms);
    if (!last) continue;
    const auto previous = TakeLast(column, floats, histograms);
    if (previous) InstantRateAt(is_rate, *previous, *last, step, out, notes);
  }
}

}  // namespace baro::query::func

#include "query/func/rate.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/saturating.h"
#include "query/func/column_loops.h"
#include "query/func/column_windows.h"
#include "query/func/histogram_rate.h"
#include "query/func/start_resets.h"

namespace baro::query::func {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

// What extrapolation needs to know of a window, whatever its samples are. Times in seconds.
struct Edges {
  double to_start = 0;  // from the window's start to the first sample
  double to_end = 0;    // from the last sample to the window's end
  double sampled = 0;   // from the first to the last sample, or from where it is known to have begun
  double average = 0;   // between samples
};

Edges MakeEdges(std::int64_t start_ms, std::int64_t end_ms, std::int64_t first_ms, std::int64_t last_ms,
                std::size_t count) {
  const double sampled = static_cast<double>(last_ms - first_ms) / 1000;
  return {.to_start = static_cast<double>(base::SaturatingSub(first_ms, start_ms)) / 1000,
          .to_end = static_cast<double>(base::SaturatingSub(end_ms, last_ms)) / 1000,
          .sampled = sampled,
          .average = sampled / static_cast<double>(count - 1)};
}

// As MakeEdges(), for samples that are known to have been zero inside of the window. That is no sample by which usual
// intervals are judged, and where there is but one sample, there is none to follow it.
Edges MakeEdgesFromZero(std::int64_t zero_ms, std::int64_t end_ms, std::int64_t first_ms, std::int64_t last_ms,
                        std::size_t count) {
  const double from_first = static_cast<double>(last_ms - first_ms) / 1000;
  return {.to_start = 0,
          .to_end = static_cast<double>(base::SaturatingSub(end_ms, last_ms)) / 1000,
          .sampled = static_cast<double>(base::SaturatingSub(last_ms, zero_ms)) / 1000,
          .average = count == 1 ? 0 : from_first / static_cast<double>(count - 1)};
}

// The factor from the difference of the samples to that of the window. `to_zero` is how long before the first sample a
// counter was zero, if it grew at the same pace all the time; infinite if that does not bind.
double ExtrapolationFactor(const Edges& edges, double to_zero) {
  const double threshold = edges.average * 1.1;
  double to_start = edges.to_start >= threshold ? edges.average / 2 : edges.to_start;
  if (to_zero < to_start) to_start = to_zero;
  const double to_end = edges.to_end >= threshold ? edges.average / 2 : edges.to_end;
  return (edges.sampled + to_start + to_end) / edges.sampled;
}

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Pairs of neighbours, by the position of the second, inside of a window that only moves forward.
class PairsInside {
 public:
  explicit PairsInside(std::vector<std::size_t> positions) : positions_(std::move(positions)) {}

  template <typename Each>
  void ForEach(const Stretch& window, const Each& each) {
    while (first_ < positions_.size() && positions_[first_] <= window.begin) ++first_;
    for (std::size_t i = first_; i < positions_.size() && positions_[i] < window.end; ++i) each(positions_[i]);
  }

 private:
  std::vector<std::size_t> positions_;
  std::size_t first_ = 0;  // the first pair behind the window's first sample
};

template <bool kHasStarts>
class FloatRate {
 public:
  FloatRate(RateKind kind, const RangeColumn& column, const WindowGrid& windows)
      : kind_(kind),
        column_(column),
        range_s_(static_cast<double>(windows.range_ms) / 1000),
        resets_(kind == RateKind::kDelta ? std::vector<std::size_t>() : FindResets(column)),
        overlaps_(kHasStarts ? FindOverlaps(column) : std::vector<std::size_t>()) {}

  // Nothing if there are too few samples: one is enough if it is known to have begun inside of the window.
  std::optional<double> At(const Stretch& window, std::int64_t start_ms, std::int64_t end_ms, Notes& notes) {
    if (window.size() < (kHasStarts ? 1 : 2)) return std::nullopt;
    const auto& times = column_.timestamps_ms;
    const std::int64_t first_ms = times[window.begin];
    const std::int64_t last_ms = times[window.end - 1];
    const double first = column_.values[window.begin];
    const double difference = WithResets(column_.values[window.end - 1] - first, window);
    if constexpr (kHasStarts) {
      overlaps_.ForEach(window, [&notes](std::size_t) { notes.Add(Note::kStartsOverlap); });
      if (BeginsInside(StartOf(column_, window.begin), start_ms)) {
        const Edges edges =
            MakeEdgesFromZero(column_.starts_ms[window.begin], end_ms, first_ms, last_ms, window.size());
        return Scaled(difference + first, ExtrapolationFactor(edges, kUnbounded));
      }
      if (window.size() < 2) return std::nullopt;
    }
    const Edges edges = MakeEdges(start_ms, end_ms, first_ms, last_ms, window.size());
    const bool is_counter = kind_ != RateKind::kDelta;
    double to_zero = kUnbounded;
    // Where the counter was at least twice its growth, zero lies two times the samples' length away. The start of the
    // window is never that far: most steps go without this division.
    if (is_counter && difference > 0 && first >= 0 && first < 2 * difference) {
      to_zero = edges.sampled * (first / difference);
    }
    return Scaled(difference, ExtrapolationFactor(edges, to_zero));
  }

 private:
  // The difference plus what stood before the resets. Resets are rare; those of one window are summed anew, so that a
  // large value that has left the window leaves no rounding error behind; and in this order, which counts where sums
  // leave the range of doubles.
  double WithResets(double difference, const Stretch& window) {
    resets_.ForEach(window, [&](std::size_t reset) { difference += column_.values[reset - 1]; });
    return difference;
  }

  double Scaled(double difference, double factor) const {
    return difference * (kind_ == RateKind::kRate ? factor / range_s_ : factor);
  }

  const RateKind kind_;
  const RangeColumn& column_;
  const double range_s_;
  PairsInside resets_;
  PairsInside overlaps_;
};

class HistogramRate {
 public:
  HistogramRate(RateKind kind, const RangeColumn& column, const WindowGrid& windows)
      : kind_(kind),
        column_(column),
        windows_(windows),
        range_s_(static_cast<double>(windows.range_ms) / 1000),
        resets_by_(kind == RateKind::kDelta      ? ResetsBy::kNothing
                   : column.has_histogram_starts ? ResetsBy::kValuesAndStarts
                                                 : ResetsBy::kValues) {}

  // Nothing if there are too few samples, as for floats.
  // Shape: not empty.
  void At(const Stretch& window, std::size_t step, const RowView& out, Notes& notes) const {
    const auto samples = column_.histograms.subspan(window.begin, window.size());
    const std::int64_t first_ms = samples.front().timestamp_ms;
    const std::int64_t last_ms = samples.back().timestamp_ms;
    const FloatHistogram& first = *samples.front().histogram;
    const bool begins_inside =
        resets_by_ == ResetsBy::kValuesAndStarts && BeginsInside(StartOf(samples.front()), windows_.start_ms(step));
    if (samples.size() < 2 && !begins_inside) return;
    auto result = samples.size() < 2 ? std::optional(first) : HistogramIncrease(samples, resets_by_, notes);
    if (!result) return;
    Edges edges;
    double to_zero = kUnbounded;
    if (begins_inside) {
      if (samples.size() > 1 && !AddFirst(first, *result, notes)) return;
      edges = MakeEdgesFromZero(samples.front().start_timestamp_ms, windows_.end_ms(step), first_ms, last_ms,
                                samples.size());
    } else {
      edges = MakeEdges(windows_.start_ms(step), windows_.end_ms(step), first_ms, last_ms, samples.size());
      const bool is_counter = resets_by_ != ResetsBy::kNothing;
      if (is_counter && result->count > 0 && first.count >= 0) to_zero = edges.sampled * (first.count / result->count);
    }
    double factor = ExtrapolationFactor(edges, to_zero);
    if (kind_ == RateKind::kRate) factor /= range_s_;
    result->Mul(factor);
    out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*result)));
  }

 private:
  static bool AddFirst(const FloatHistogram& first, FloatHistogram& result, Notes& notes) {
    const auto added = result.Add(first);
    if (!added) {
      notes.Add(Note::kMixedBucketSchemas);
      return false;
    }
    if (added->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledAdd);
    return true;
  }

  const RateKind kind_;
  const RangeColumn& column_;
  const WindowGrid& windows_;
  const double range_s_;
  const ResetsBy resets_by_;
};

}  // namespace

namespace {

template <bool kHasStarts>
void RateSteps(RateKind kind, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
  FloatRate<kHasStarts> float_rate(kind, column, windows);
  const HistogramRate histogram_rate(kind, column, windows);
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
    } else if (!histogram_window.empty()) {
      histogram_rate.At(histogram_window, step, out, notes);
    } else if (const auto value = float_rate.At(window, start, end, notes)) {
      out.SetFloat(step, *value);
    }
  }
}

}  // namespace

namespace {

// Whether a counter that grew at the window's pace was zero less than `times.to_start` before the first sample. The
// division is done only where a product does not tell already; it leaves room for what either of them rounds.
bool WasZero(const RateTimes& times, double first, double result, double& to_zero) {
  const double bound = 2 * times.to_start * result;
  if (bound > 1e-290 && times.sampled * first > bound) return false;
  to_zero = times.sampled * (first / result);
  return to_zero < times.to_start;
}

inline double PlainRate(const RateTimes& times, double first, double result, bool is_counter, RateDivisor divisor) {
  double to_zero = 0;
  if (is_counter && result > 0 && first >= 0 && WasZero(times, first, result, to_zero)) {
    return result * ((times.sampled + to_zero + times.to_end) / times.sampled / divisor);
  }
  return result * times.factor;
}

// Floats without starts, which nearly all columns are: what extrapolation takes from the times is known.
void PlainRates(RateKind kind, const RangeColumn& column, const WindowGrid& windows, const RowView& out) {
  ColumnWindows own;
  const RateDivisor divisor = DivisorOf(kind, windows);
  const ColumnWindows& known = WindowsOf(column, windows, divisor, own);
  const bool is_counter = kind != RateKind::kDelta;
  PairsInside resets(is_counter && HasDecrease(column.values) ? FindResets(column) : std::vector<std::size_t>());
  // Pointers: the checks of [] would cost as much as the arithmetic.
  const double* const values = column.values.data();
  const Stretch* const stretches = known.stretches.data();
  const RateTimes* const rates = known.rates.data();
  double* const results = out.values.data();
  Kind* const kinds = out.kinds.data();
  for (std::size_t step = 0; step < windows.count; ++step) {
    const Stretch window = stretches[step];
    if (window.size() < 2) continue;
    const double first = values[window.begin];
    double result = values[window.end - 1] - first;
    resets.ForEach(window, [&result, values](std::size_t reset) { result += values[reset - 1]; });
    results[step] = PlainRate(rates[step], first, result, is_counter, divisor);
    kinds[step] = Kind::kFloat;
  }
}

}  // namespace

void Rate(RateKind kind, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
  // What most series do without shall not cost them a branch at each step.
  const bool has_starts = kind != RateKind::kDelta && !column.starts_ms.empty();
  if (!has_starts && column.histograms.empty()) return PlainRates(kind, column, windows, out);
  return (has_starts ? RateSteps<true> : RateSteps<false>)(kind, column, windows, out, notes);
}

namespace {

// One of the last two samples of a window.
struct LastSample {
  StartedAt at;
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
    const std::int64_t start_ms = column.starts_ms.empty() ? 0 : column.starts_ms[floats.end];
    return LastSample{.at = {.timestamp_ms = column.timestamps_ms[floats.end], .start_ms = start_ms},
                      .value = column.values[floats.end]};
  }
  --histograms.end;
  const tsdb::HistogramSample& sample = column.histograms[histograms.end];
  const std::int64_t start_ms = column.has_histogram_starts ? sample.start_timestamp_ms : 0;
  return LastSample{.at = {.timestamp_ms = sample.timestamp_ms, .start_ms = start_ms},
                    .value = 0,
                    .histogram = sample.histogram.get()};
}

std::optional<FloatHistogram> HistogramDifference(bool is_rate, const LastSample& previous_sample,
                                                  const LastSample& last_sample, Notes& notes) {
  const FloatHistogram& previous = *previous_sample.histogram;
  const FloatHistogram& last = *last_sample.histogram;
  const bool has_gauge =
      previous.counter_reset_hint == CounterResetHint::kGauge || last.counter_reset_hint == CounterResetHint::kGauge;
  const bool has_counter =
      previous.counter_reset_hint != CounterResetHint::kGauge || last.counter_reset_hint != CounterResetHint::kGauge;
  if (is_rate && has_gauge) notes.Add(Note::kNotCounter);
  if (!is_rate && has_counter) notes.Add(Note::kNotGauge);
  FloatHistogram result = last;
  const bool is_reset = is_rate && (IsStartReset(previous_sample.at, last_sample.at) || last.DetectReset(previous));
  if (!is_reset) {
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

// Of a float and the one before, without starts.
double InstantFloatRate(bool is_rate, const RangeColumn& column, std::size_t index) {
  const double value = column.values[index];
  const double previous = column.values[index - 1];
  const double difference = is_rate && value < previous ? value : value - previous;
  if (!is_rate) return difference;
  return difference / (static_cast<double>(column.timestamps_ms[index] - column.timestamps_ms[index - 1]) / 1000);
}

void InstantRateAt(bool is_rate, const LastSample& previous, const LastSample& last, std::size_t step,
                   const RowView& out, Notes& notes) {
  const double seconds = static_cast<double>(last.at.timestamp_ms - previous.at.timestamp_ms) / 1000;
  if (seconds == 0) return;
  if ((previous.histogram == nullptr) != (last.histogram == nullptr)) {
    notes.Add(Note::kMixedFloatsHistograms);
    return;
  }
  if (last.histogram == nullptr) {
    const bool is_reset = is_rate && (last.value < previous.value || IsStartReset(previous.at, last.at));
    const double difference = is_reset ? last.value : last.value - previous.value;
    out.SetFloat(step, is_rate ? difference / seconds : difference);
    return;
  }
  auto difference = HistogramDifference(is_rate, previous, last, notes);
  if (!difference) return;
  if (is_rate) difference->Div(seconds);
  out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*difference)));
}

}  // namespace

void InstantRate(bool is_rate, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes) {
  auto float_edges = FloatEdges(column);
  if (column.histograms.empty() && column.starts_ms.empty()) {
    for (std::size_t step = 0; step < windows.count; ++step) {
      const Stretch window = float_edges.MoveTo(windows.start_ms(step), windows.end_ms(step));
      if (window.size() >= 2) out.SetFloat(step, InstantFloatRate(is_rate, column, window.end - 1));
    }
    return;
  }
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

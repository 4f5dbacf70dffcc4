#include "query/func/extended_range.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/saturating.h"
#include "query/func/over_time_parts.h"

namespace baro::query::func {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using Histograms = std::span<const tsdb::HistogramSample>;

double FractionAt(std::int64_t from_ms, std::int64_t to_ms, std::int64_t time_ms) {
  return static_cast<double>(time_ms - from_ms) / static_cast<double>(to_ms - from_ms);
}

// What a difference over a window is made of: samples `first` to `last` of a column, the outer two interpolated to the
// window's edges or taken as they are.
struct Extent {
  std::size_t first = 0;
  std::size_t last = 0;
  bool cuts_first = false;  // the left value lies between first and first + 1
  bool cuts_last = false;   // the right value lies between last - 1 and last
};

// Nothing if no sample tells anything about the window.
template <typename TimeOf>
std::optional<Extent> FindExtent(std::size_t count, const TimeOf& time_of, std::int64_t start_ms, std::int64_t end_ms,
                                 bool is_smoothed) {
  if (count == 0) return std::nullopt;
  Extent extent;
  extent.last = count - 1;
  // The newest sample at or before the start, or else the first one.
  while (extent.first < extent.last && time_of(extent.first + 1) <= start_ms) ++extent.first;
  if (is_smoothed) {
    std::size_t behind = extent.first;
    while (behind < extent.last && time_of(behind) < end_ms) ++behind;
    extent.last = behind;
  }
  if (time_of(extent.last) <= start_ms || time_of(extent.first) > end_ms) return std::nullopt;
  extent.cuts_first = is_smoothed && extent.first < extent.last && time_of(extent.first) < start_ms;
  extent.cuts_last = is_smoothed && extent.first < extent.last && time_of(extent.last) > end_ms;
  return extent;
}

double Interpolate(double from, double to, double fraction, bool is_counter) {
  if (is_counter && to < from) from = 0;
  return from + (to - from) * fraction;
}

std::optional<double> FloatDifference(const RangeColumn& column, std::int64_t start_ms, std::int64_t end_ms,
                                      bool is_smoothed, bool is_counter) {
  const auto& times = column.timestamps_ms;
  const auto& values = column.values;
  const auto extent = FindExtent(times.size(), [&](std::size_t i) { return times[i]; }, start_ms, end_ms, is_smoothed);
  if (!extent) return std::nullopt;
  double left = values[extent->first];
  double right = values[extent->last];
  if (extent->cuts_first) {
    left = Interpolate(left, values[extent->first + 1],
                       FractionAt(times[extent->first], times[extent->first + 1], start_ms), is_counter);
  }
  if (extent->cuts_last) {
    right = Interpolate(values[extent->last - 1], right,
                        FractionAt(times[extent->last - 1], times[extent->last], end_ms), is_counter);
  }
  double difference = right - left;
  if (is_counter) {
    // A reset across the left edge is part of the interpolation.
    for (std::size_t i = extent->first + (extent->cuts_first ? 2 : 1); i <= extent->last; ++i) {
      if (values[i] < values[i - 1]) difference += values[i - 1];
    }
  }
  return difference;
}

// The histogram at `fraction` of the way; `to` tells what comes before it. A counter that was reset on the way counts
// from zero.
std::optional<FloatHistogram> Interpolate(const FloatHistogram& from, const FloatHistogram& to, double fraction,
                                          bool is_counter, Notes& notes) {
  if (from.uses_custom_buckets() != to.uses_custom_buckets()) {
    notes.Add(Note::kMixedBucketSchemas);
    return std::nullopt;
  }
  FloatHistogram result = to;
  if (is_counter && to.DetectReset(from)) {
    result.Mul(fraction);
    return result;
  }
  const auto subtracted = result.Sub(from);
  if (!subtracted) return std::nullopt;
  if (subtracted->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledSub);
  result.Mul(fraction);
  const auto added = result.Add(from);
  if (!added) return std::nullopt;
  if (added->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledAdd);
  result.counter_reset_hint = to.counter_reset_hint;
  return result;
}

void NoteFlavour(Histograms samples, const Extent& extent, bool is_counter, Notes& notes) {
  const auto is_gauge = [&](std::size_t i) {
    return samples[i].histogram->counter_reset_hint == CounterResetHint::kGauge;
  };
  if (!is_counter) {
    if (!is_gauge(extent.first) || !is_gauge(extent.last)) notes.Add(Note::kNotGauge);
    return;
  }
  for (std::size_t i = extent.first; i <= extent.last; ++i) {
    if (is_gauge(i)) notes.Add(Note::kNotCounter);
  }
}

bool HasMixedSchemas(Histograms samples, const Extent& extent) {
  const bool is_custom = samples[extent.first].histogram->uses_custom_buckets();
  return std::any_of(samples.begin() + static_cast<std::ptrdiff_t>(extent.first),
                     samples.begin() + static_cast<std::ptrdiff_t>(extent.last) + 1,
                     [&](const auto& sample) { return sample.histogram->uses_custom_buckets() != is_custom; });
}

std::optional<FloatHistogram> HistogramDifference(Histograms samples, std::int64_t start_ms, std::int64_t end_ms,
                                                  bool is_smoothed, bool is_counter, Notes& notes) {
  const auto time_of = [&](std::size_t i) { return samples[i].timestamp_ms; };
  const auto extent = FindExtent(samples.size(), time_of, start_ms, end_ms, is_smoothed);
  if (!extent) return std::nullopt;
  if (HasMixedSchemas(samples, *extent)) {
    notes.Add(Note::kMixedBucketSchemas);
    return std::nullopt;
  }
  NoteFlavour(samples, *extent, is_counter, notes);

  std::optional<FloatHistogram> left = *samples[extent->first].histogram;
  std::optional<FloatHistogram> right = *samples[extent->last].histogram;
  if (extent->cuts_first) {
    left = Interpolate(*left, *samples[extent->first + 1].histogram,
                       FractionAt(time_of(extent->first), time_of(extent->first + 1), start_ms), is_counter, notes);
  }
  if (extent->cuts_last) {
    right = Interpolate(*samples[extent->last - 1].histogram, *right,
                        FractionAt(time_of(extent->last - 1), time_of(extent->last), end_ms), is_counter, notes);
  }
  if (!left || !right) return std::nullopt;
  const auto subtracted = right->Sub(*left);
  if (!subtracted) {
    notes.Add(Note::kMixedBucketSchemas);
    return std::nullopt;
  }
  if (subtracted->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledSub);
  if (is_counter) {
    for (std::size_t i = extent->first + (extent->cuts_first ? 2 : 1); i <= extent->last; ++i) {
      if (!samples[i].histogram->DetectReset(*samples[i - 1].histogram)) continue;
      const auto added = right->Add(*samples[i - 1].histogram);
      if (!added) return std::nullopt;
      if (added->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledAdd);
    }
  }
  right->counter_reset_hint = CounterResetHint::kGauge;
  right->Compact(0);
  return right;
}

// changes and resets: the anchor counts as the first sample of a window that has samples of its own.
void AnchoredPairs(Function function, const RangeColumn& column, const WindowGrid& windows, std::int64_t lookback_ms,
                   const RowView& out) {
  auto float_edges = FloatEdges(column);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const std::int64_t start = windows.start_ms(step);
    const std::int64_t oldest = base::SaturatingSub(start, lookback_ms);
    Stretch floats = float_edges.MoveTo(start, windows.end_ms(step));
    Stretch histograms = histogram_edges.MoveTo(start, windows.end_ms(step));
    if (floats.empty() && histograms.empty()) continue;
    const std::int64_t float_time = floats.begin > 0 ? column.timestamps_ms[floats.begin - 1] : model::kMinTimestampMs;
    const std::int64_t histogram_time =
        histograms.begin > 0 ? column.histograms[histograms.begin - 1].timestamp_ms : model::kMinTimestampMs;
    if (float_time > oldest && float_time >= histogram_time) {
      --floats.begin;
    } else if (histogram_time > oldest) {
      --histograms.begin;
    }
    out.SetFloat(step, CountPairs(function, column, floats, histograms));
  }
}

}  // namespace

void ExtendedRange(Function function, Extension extension, const RangeColumn& column, const WindowGrid& windows,
                   std::int64_t lookback_ms, const RowView& out, Notes& notes) {
  if (function == Function::kChanges || function == Function::kResets) {
    return AnchoredPairs(function, column, windows, lookback_ms, out);
  }
  const bool is_smoothed = extension == Extension::kSmoothed;
  const bool is_counter = function != Function::kDelta;
  const double range_s = static_cast<double>(windows.range_ms) / 1000;
  auto float_edges = FloatEdges(column);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count; ++step) {
    const std::int64_t start = windows.start_ms(step);
    const std::int64_t end = windows.end_ms(step);
    const std::int64_t after = base::SaturatingSub(start, lookback_ms);
    const std::int64_t until = is_smoothed ? base::SaturatingAdd(end, lookback_ms) : end;
    const Stretch floats = float_edges.MoveTo(after, until);
    const Stretch histograms = histogram_edges.MoveTo(after, until);
    if (!floats.empty() && !histograms.empty()) {
      notes.Add(Note::kMixedFloatsHistograms);
    } else if (!histograms.empty()) {
      auto difference = HistogramDifference(column.histograms.subspan(histograms.begin, histograms.size()), start, end,
                                            is_smoothed, is_counter, notes);
      if (!difference) continue;
      if (function == Function::kRate) difference->Div(range_s);
      out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*difference)));
    } else {
      const RangeColumn part{.timestamps_ms = column.timestamps_ms.subspan(floats.begin, floats.size()),
                             .values = column.values.subspan(floats.begin, floats.size()),
                             .histograms = {}};
      const auto difference = FloatDifference(part, start, end, is_smoothed, is_counter);
      if (difference) out.SetFloat(step, function == Function::kRate ? *difference / range_s : *difference);
    }
  }
}

std::vector<model::Sample> ExtendedFloats(Extension extension, const RangeColumn& column, std::int64_t start_ms,
                                          std::int64_t end_ms) {
  const auto& times = column.timestamps_ms;
  const auto& values = column.values;
  if (times.empty() || times.back() <= start_ms) return {};
  const bool is_smoothed = extension == Extension::kSmoothed;
  // The newest sample at or before the start, or else the first one; the first at or behind the end, or else the last.
  auto first = static_cast<std::size_t>(std::ranges::upper_bound(times, start_ms) - times.begin());
  if (first > 0) --first;
  std::size_t last = times.size() - 1;
  if (is_smoothed) {
    last = std::min(last, static_cast<std::size_t>(std::ranges::lower_bound(times, end_ms) - times.begin()));
  }
  const auto at_edge = [&](std::size_t from, std::int64_t time_ms) {
    return Interpolate(values[from], values[from + 1], FractionAt(times[from], times[from + 1], time_ms), false);
  };
  const bool cuts_first = is_smoothed && times[first] < start_ms;
  const bool cuts_last = is_smoothed && last > 0 && times[last] > end_ms;
  std::vector<model::Sample> samples = {
      {.timestamp_ms = start_ms, .value = cuts_first ? at_edge(first, start_ms) : values[first]}};
  for (std::size_t i = first; i <= last; ++i) {
    if (times[i] > start_ms && times[i] < end_ms) samples.push_back({.timestamp_ms = times[i], .value = values[i]});
  }
  samples.push_back({.timestamp_ms = end_ms, .value = cuts_last ? at_edge(last - 1, end_ms) : values[last]});
  return samples;
}

namespace {

void SmoothHistogramAt(Histograms samples, std::int64_t time_ms, std::size_t step, const RowView& out, Notes& notes) {
  const auto next = std::ranges::lower_bound(samples, time_ms, {}, &tsdb::HistogramSample::timestamp_ms);
  if (next != samples.end() && next->timestamp_ms == time_ms) return out.SetHistogram(step, next->histogram);
  if (next == samples.begin()) return;
  const tsdb::HistogramSample& before = *(next - 1);
  if (next == samples.end()) {
    // What came before a sample is told of that sample alone.
    auto carried = std::make_shared<FloatHistogram>(*before.histogram);
    carried->counter_reset_hint = CounterResetHint::kUnknown;
    return out.SetHistogram(step, std::move(carried));
  }
  const bool is_counter = before.histogram->counter_reset_hint != CounterResetHint::kGauge ||
                          next->histogram->counter_reset_hint != CounterResetHint::kGauge;
  auto value = Interpolate(*before.histogram, *next->histogram,
                           FractionAt(before.timestamp_ms, next->timestamp_ms, time_ms), is_counter, notes);
  if (value) out.SetHistogram(step, std::make_shared<FloatHistogram>(std::move(*value)));
}

void SmoothFloatAt(const RangeColumn& column, const Stretch& window, std::int64_t time_ms, std::size_t step,
                   const RowView& out) {
  const auto times = column.timestamps_ms.subspan(window.begin, window.size());
  const auto values = column.values.subspan(window.begin, window.size());
  const auto next = static_cast<std::size_t>(std::ranges::lower_bound(times, time_ms) - times.begin());
  if (next < times.size() && times[next] == time_ms) return out.SetFloat(step, values[next]);
  if (next == 0) return;
  if (next == times.size()) return out.SetFloat(step, values[next - 1]);
  const double fraction = FractionAt(times[next - 1], times[next], time_ms);
  out.SetFloat(step, Interpolate(values[next - 1], values[next], fraction, false));
}

}  // namespace

void SmoothedInstant(const tsdb::SampleColumns& columns, const InstantTimes& times, std::int64_t lookback_ms,
                     const RowView& out, Notes& notes) {
  std::vector<std::int64_t> live_times;
  std::vector<double> live_values;
  for (std::size_t i = 0; i < columns.values().size(); ++i) {
    if (model::IsStaleNaN(columns.values()[i])) continue;
    live_times.push_back(columns.timestamps_ms()[i]);
    live_values.push_back(columns.values()[i]);
  }
  std::vector<tsdb::HistogramSample> live_histograms;
  std::ranges::copy_if(columns.histograms(), std::back_inserter(live_histograms),
                       [](const auto& sample) { return !model::IsStaleNaN(sample.histogram->sum); });
  const RangeColumn column{.timestamps_ms = live_times, .values = live_values, .histograms = live_histograms};
  auto float_edges = FloatEdges(column);
  auto histogram_edges = HistogramEdges(column);
  for (std::size_t step = 0; step < out.kinds.size(); ++step) {
    const std::int64_t time = base::SaturatingAdd(times.first_ms, static_cast<std::int64_t>(step) * times.step_ms);
    const std::int64_t after = base::SaturatingSub(time, lookback_ms);
    const std::int64_t until = base::SaturatingAdd(time, lookback_ms);
    const Stretch floats = float_edges.MoveTo(after, until);
    const Stretch histograms = histogram_edges.MoveTo(after, until);
    if (!floats.empty() && !histograms.empty()) {
      notes.Add(Note::kMixedFloatsHistograms);
    } else if (!histograms.empty()) {
      SmoothHistogramAt(column.histograms.subspan(histograms.begin, histograms.size()), time, step, out, notes);
    } else if (!floats.empty()) {
      SmoothFloatAt(column, floats, time, step, out);
    }
  }
}

}  // namespace baro::query::func

#include "query/func/histogram_rate.h"

#include <algorithm>

namespace baro::query::func {

using model::CounterResetHint;
using model::FloatHistogram;

namespace {

bool IsGauge(const FloatHistogram& histogram) { return histogram.counter_reset_hint == CounterResetHint::kGauge; }

// The first sample counts as an empty histogram of the second's layout if the counter was reset between them.
FloatHistogram FirstOperand(std::span<const tsdb::HistogramSample> samples, bool is_counter) {
  const FloatHistogram& first = *samples[0].histogram;
  const FloatHistogram& second = *samples[1].histogram;
  if (!is_counter || !second.DetectReset(first)) return first;
  FloatHistogram empty;
  empty.schema = second.schema;
  empty.custom_values = second.custom_values;
  return empty;
}

// The coarsest schema that the result will have; nothing if exponential and custom buckets meet.
std::optional<std::int32_t> CommonSchema(std::span<const tsdb::HistogramSample> samples, const FloatHistogram& first,
                                         bool is_counter, Notes& notes) {
  const FloatHistogram& last = *samples.back().histogram;
  const bool is_custom = first.uses_custom_buckets();
  bool is_mixed = last.uses_custom_buckets() != is_custom;
  std::int32_t schema = std::min(first.schema, last.schema);
  if (is_counter) {
    for (const tsdb::HistogramSample& sample : samples.subspan(1, samples.size() - 2)) {
      if (IsGauge(*sample.histogram)) notes.Add(Note::kNotCounter);
      is_mixed |= sample.histogram->uses_custom_buckets() != is_custom;
      schema = std::min(schema, sample.histogram->schema);
    }
  }
  if (!is_mixed) return schema;
  notes.Add(Note::kMixedBucketSchemas);
  return std::nullopt;
}

}  // namespace

std::optional<FloatHistogram> HistogramIncrease(std::span<const tsdb::HistogramSample> samples, bool is_counter,
                                                Notes& notes) {
  const FloatHistogram& last = *samples.back().histogram;
  const bool has_gauge_edge = IsGauge(*samples.front().histogram) || IsGauge(last);
  const bool has_counter_edge = !IsGauge(*samples.front().histogram) || !IsGauge(last);
  if (is_counter && has_gauge_edge) notes.Add(Note::kNotCounter);

  const FloatHistogram first = FirstOperand(samples, is_counter);
  const auto schema = CommonSchema(samples, first, is_counter, notes);
  if (!schema) return std::nullopt;

  FloatHistogram result = last.CopyToSchema(*schema);
  const auto subtracted = result.Sub(first);
  if (!subtracted) {
    notes.Add(Note::kMixedBucketSchemas);
    return std::nullopt;
  }
  if (subtracted->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledSub);

  if (!is_counter) {
    if (has_counter_edge) notes.Add(Note::kNotGauge);
  } else {
    const FloatHistogram* previous = &first;
    for (const tsdb::HistogramSample& sample : samples.subspan(1)) {
      if (sample.histogram->DetectReset(*previous)) {
        const auto added = result.Add(*previous);
        if (!added) {
          notes.Add(Note::kMixedBucketSchemas);
          return std::nullopt;
        }
        if (added->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledAdd);
      }
      previous = sample.histogram.get();
    }
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  result.Compact(0);
  return result;
}

}  // namespace baro::query::func

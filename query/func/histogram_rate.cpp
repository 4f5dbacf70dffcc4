#include "query/func/histogram_rate.h"

#include <algorithm>

#include "query/func/start_resets.h"

namespace baro::query::func {

using model::CounterResetHint;
using model::FloatHistogram;

namespace {

bool IsGauge(const FloatHistogram& histogram) { return histogram.counter_reset_hint == CounterResetHint::kGauge; }

bool IsReset(std::span<const tsdb::HistogramSample> samples, std::size_t index, const FloatHistogram& previous,
             ResetsBy resets_by) {
  if (resets_by == ResetsBy::kNothing) return false;
  const bool began_anew =
      resets_by == ResetsBy::kValuesAndStarts && IsStartReset(StartOf(samples[index - 1]), StartOf(samples[index]));
  return began_anew || samples[index].histogram->DetectReset(previous);
}

// The first sample counts as an empty histogram of the second's layout if the counter was reset between them.
FloatHistogram FirstOperand(std::span<const tsdb::HistogramSample> samples, ResetsBy resets_by) {
  const FloatHistogram& first = *samples[0].histogram;
  const FloatHistogram& second = *samples[1].histogram;
  if (!IsReset(samples, 1, first, resets_by)) return first;
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

std::optional<FloatHistogram> HistogramIncrease(std::span<const tsdb::HistogramSample> samples, ResetsBy resets_by,
                                                Notes& notes) {
  const bool is_counter = resets_by != ResetsBy::kNothing;
  const FloatHistogram& last = *samples.back().histogram;
  const bool has_gauge_edge = IsGauge(*samples.front().histogram) || IsGauge(last);
  const bool has_counter_edge = !IsGauge(*samples.front().histogram) || !IsGauge(last);
  if (is_counter && has_gauge_edge) notes.Add(Note::kNotCounter);

  const FloatHistogram first = FirstOperand(samples, resets_by);
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
    for (std::size_t i = 1; i < samples.size(); ++i) {
      if (resets_by == ResetsBy::kValuesAndStarts && StartsOverlap(StartOf(samples[i - 1]), StartOf(samples[i]))) {
        notes.Add(Note::kStartsOverlap);
      }
      if (IsReset(samples, i, *previous, resets_by)) {
        const auto added = result.Add(*previous);
        if (!added) {
          notes.Add(Note::kMixedBucketSchemas);
          return std::nullopt;
        }
        if (added->custom_bounds_reconciled) notes.Add(Note::kBoundsReconciledAdd);
      }
      previous = samples[i].histogram.get();
    }
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  result.Compact(0);
  return result;
}

}  // namespace baro::query::func

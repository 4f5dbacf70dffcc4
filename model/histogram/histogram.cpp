#include "model/histogram.h"

#include <algorithm>
#include <bit>

#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

bool IsSame(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

std::vector<double> ToFloats(const std::vector<std::int64_t>& deltas) {
  std::vector<double> floats;
  floats.reserve(deltas.size());
  for (const std::int64_t count : internal::AbsoluteCounts(deltas)) floats.push_back(static_cast<double>(count));
  return floats;
}

}  // namespace

FloatHistogram Histogram::ToFloat() const {
  return {.counter_reset_hint = counter_reset_hint,
          .schema = schema,
          .zero_threshold = zero_threshold,
          .zero_count = static_cast<double>(zero_count),
          .count = static_cast<double>(count),
          .sum = sum,
          .positive_spans = positive_spans,
          .negative_spans = negative_spans,
          .positive_buckets = ToFloats(positive_buckets),
          .negative_buckets = ToFloats(negative_buckets),
          .custom_values = custom_values};
}

Histogram Histogram::CopyToSchema(std::int32_t target_schema) const {
  Histogram copy = *this;
  if (target_schema == schema) return copy;
  BARO_ASSERT(IsExponentialSchema(schema) && IsExponentialSchema(target_schema) && target_schema < schema);
  const int shift = schema - target_schema;
  const auto reduce = [shift](std::vector<Span>& spans, std::vector<std::int64_t>& deltas) {
    auto sparse = internal::ToSparse(spans, internal::AbsoluteCounts(deltas));
    internal::MapBuckets(sparse, [shift](std::int64_t index) { return internal::CoarserIndex(index, shift); });
    internal::FromSparse(sparse, spans, deltas);
    deltas = internal::DeltaCounts(deltas);
  };
  reduce(copy.positive_spans, copy.positive_buckets);
  reduce(copy.negative_spans, copy.negative_buckets);
  copy.schema = target_schema;
  return copy;
}

void Histogram::Compact(std::size_t empty_buckets_max) {
  const auto compact = [empty_buckets_max](std::vector<Span>& spans, std::vector<std::int64_t>& deltas) {
    auto counts = internal::AbsoluteCounts(deltas);
    internal::CompactSide(spans, counts, empty_buckets_max);
    deltas = internal::DeltaCounts(counts);
  };
  compact(positive_spans, positive_buckets);
  compact(negative_spans, negative_buckets);
}

bool Histogram::Equals(const Histogram& other) const {
  return schema == other.schema && count == other.count && IsSame(sum, other.sum) && zero_count == other.zero_count &&
         zero_threshold == other.zero_threshold &&
         std::equal(custom_values.begin(), custom_values.end(), other.custom_values.begin(), other.custom_values.end(),
                    IsSame) &&
         positive_buckets == other.positive_buckets && negative_buckets == other.negative_buckets &&
         internal::SpansCoverTheSame(positive_spans, other.positive_spans) &&
         internal::SpansCoverTheSame(negative_spans, other.negative_spans);
}

}  // namespace baro::model

#include <bit>
#include <cmath>

#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

bool IsSame(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool AreSame(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), IsSame);
}

template <typename Change>
void ChangeAll(FloatHistogram& histogram, const Change& change) {
  change(histogram.zero_count);
  change(histogram.count);
  change(histogram.sum);
  for (double& count : histogram.positive_buckets) change(count);
  for (double& count : histogram.negative_buckets) change(count);
}

}  // namespace

void FloatHistogram::Mul(double factor) {
  ChangeAll(*this, [factor](double& value) { value *= factor; });
  if (factor < 0) counter_reset_hint = CounterResetHint::kGauge;
}

void FloatHistogram::Div(double divisor) {
  if (divisor == 0) {
    // Every bucket would be infinite or NaN, the empty ones that are not listed too: no layout can say so.
    positive_spans.clear();
    negative_spans.clear();
    positive_buckets.clear();
    negative_buckets.clear();
  }
  ChangeAll(*this, [divisor](double& value) { value /= divisor; });
  if (divisor < 0) counter_reset_hint = CounterResetHint::kGauge;
}

void FloatHistogram::Compact(std::size_t empty_buckets_max) {
  internal::CompactSide(positive_spans, positive_buckets, empty_buckets_max);
  internal::CompactSide(negative_spans, negative_buckets, empty_buckets_max);
}

FloatHistogram FloatHistogram::CopyToSchema(std::int32_t target_schema) const {
  FloatHistogram copy = *this;
  if (target_schema == schema) return copy;
  BARO_ASSERT(IsExponentialSchema(schema) && IsExponentialSchema(target_schema) && target_schema < schema);
  const int shift = schema - target_schema;
  const auto reduce = [shift](std::vector<Span>& spans, std::vector<double>& counts) {
    auto sparse = internal::ToSparse(spans, counts);
    internal::MapBuckets(sparse, [shift](std::int64_t index) { return internal::CoarserIndex(index, shift); });
    internal::FromSparse(sparse, spans, counts);
  };
  reduce(copy.positive_spans, copy.positive_buckets);
  reduce(copy.negative_spans, copy.negative_buckets);
  copy.schema = target_schema;
  return copy;
}

bool FloatHistogram::Equals(const FloatHistogram& other) const {
  return schema == other.schema && IsSame(count, other.count) && IsSame(sum, other.sum) &&
         IsSame(zero_count, other.zero_count) && zero_threshold == other.zero_threshold &&
         AreSame(custom_values, other.custom_values) && AreSame(positive_buckets, other.positive_buckets) &&
         AreSame(negative_buckets, other.negative_buckets) &&
         internal::SpansCoverTheSame(positive_spans, other.positive_spans) &&
         internal::SpansCoverTheSame(negative_spans, other.negative_spans);
}

std::size_t FloatHistogram::SizeBytes() const {
  // What Prometheus' struct and its five lists take on a 64-bit machine, so that its limit means the same here.
  constexpr std::size_t kHeadBytes = 160;
  return kHeadBytes + 8 * (positive_spans.size() + negative_spans.size() + positive_buckets.size() +
                           negative_buckets.size() + custom_values.size());
}

}  // namespace baro::model

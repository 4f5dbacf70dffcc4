// Histograms as text, for messages, logs and count_values().
#include <algorithm>

#include <fmt/format.h>

#include "base/number_text.h"
#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

void AppendCount(std::string& out, double count) { base::AppendFloatG(out, count); }
void AppendCount(std::string& out, std::int64_t count) { out += fmt::format("{}", count); }

template <typename Count>
void AppendBucket(std::string& out, const Bucket& bounds, Count count) {
  out += bounds.is_lower_inclusive ? ", [" : ", (";
  base::AppendFloatG(out, bounds.lower);
  out += ',';
  base::AppendFloatG(out, bounds.upper);
  out += bounds.is_upper_inclusive ? "]:" : "):";
  AppendCount(out, count);
}

// The populated buckets of one side, from the zero bucket outwards.
template <typename Count>
internal::Sparse<Count> Populated(const std::vector<Span>& spans, const std::vector<Count>& counts) {
  auto sparse = internal::ToSparse(spans, counts);
  std::erase_if(sparse, [](const auto& bucket) { return bucket.count == Count{}; });
  return sparse;
}

// What the two flavours have in common; the counts of the buckets are absolute.
template <typename Count>
struct Parts {
  std::int32_t schema;
  std::span<const double> custom_values;
  double zero_threshold;
  Count zero_count;
  Count count;
  double sum;
  internal::Sparse<Count> positive;
  internal::Sparse<Count> negative;
};

template <typename Count>
std::string ToText(const Parts<Count>& parts) {
  std::string out = "{count:";
  AppendCount(out, parts.count);
  out += ", sum:";
  base::AppendFloatG(out, parts.sum);
  for (auto it = parts.negative.rbegin(); it != parts.negative.rend(); ++it) {
    AppendBucket(out, internal::BucketOf(parts.schema, parts.custom_values, it->index, false), it->count);
  }
  if (parts.zero_count != Count{}) {
    AppendBucket(out,
                 {.lower = -parts.zero_threshold,
                  .upper = parts.zero_threshold,
                  .is_lower_inclusive = true,
                  .is_upper_inclusive = true},
                 parts.zero_count);
  }
  for (const auto& [index, count] : parts.positive) {
    AppendBucket(out, internal::BucketOf(parts.schema, parts.custom_values, index, true), count);
  }
  out += '}';
  return out;
}

}  // namespace

std::string FloatHistogram::ToString() const {
  return ToText(Parts<double>{.schema = schema,
                              .custom_values = custom_values,
                              .zero_threshold = zero_threshold,
                              .zero_count = zero_count,
                              .count = count,
                              .sum = sum,
                              .positive = Populated(positive_spans, positive_buckets),
                              .negative = Populated(negative_spans, negative_buckets)});
}

std::string Histogram::ToString() const {
  return ToText(Parts<std::int64_t>{.schema = schema,
                                    .custom_values = custom_values,
                                    .zero_threshold = zero_threshold,
                                    .zero_count = static_cast<std::int64_t>(zero_count),
                                    .count = static_cast<std::int64_t>(count),
                                    .sum = sum,
                                    .positive = Populated(positive_spans, internal::AbsoluteCounts(positive_buckets)),
                                    .negative = Populated(negative_spans, internal::AbsoluteCounts(negative_buckets))});
}

}  // namespace baro::model

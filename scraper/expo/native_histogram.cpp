// Native histograms of the Protobuf format as they are stored.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "model/sample.h"
#include "scraper/expo/metric_message.h"

namespace baro::scraper::expo {
namespace {

using base::Code;
using base::Fail;

// Absolute counts of delta-coded buckets; their sum is added to `total`.
base::Result<> TakeDeltas(std::string_view side, std::span<const std::int64_t> deltas, std::uint64_t& total,
                          std::vector<double>& counts) {
  std::uint64_t count = 0;  // wraps around instead of overflowing
  counts.reserve(deltas.size());
  for (const std::int64_t delta : deltas) {
    count += static_cast<std::uint64_t>(delta);
    if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("histogram: {} bucket {} has a negative count", side, counts.size() + 1));
    }
    total += count;
    counts.push_back(static_cast<double>(count));
  }
  return {};
}

base::Result<> TakeIntegers(const MetricMessage& message, model::FloatHistogram& histogram) {
  std::uint64_t total = message.zero_count;
  BARO_TRY(TakeDeltas("positive", message.positive_deltas, total, histogram.positive_buckets));
  BARO_TRY(TakeDeltas("negative", message.negative_deltas, total, histogram.negative_buckets));
  // Observations of NaN are in no bucket, and make the sum NaN.
  const bool fits = std::isnan(message.sum) ? total <= message.count : total == message.count;
  if (!fits) {
    return Fail(Code::kInvalidArgument,
                fmt::format("histogram: the buckets have {} observations, the count is {}", total, message.count));
  }
  histogram.zero_count = static_cast<double>(message.zero_count);
  histogram.count = static_cast<double>(message.count);
  return {};
}

// Of a reserved schema only its distance to the finest stored one counts, so the reduction is done within the schemas
// that are known, in steps that these have room for.
void ReduceReserved(std::int32_t schema, model::FloatHistogram& histogram) {
  constexpr int kStepMax = model::kSchemaMax - model::kSchemaMin;
  for (int excess = schema - model::kSchemaMax; excess > 0; excess -= kStepMax) {
    histogram = histogram.CopyToSchema(model::kSchemaMax - std::min(excess, kStepMax));
    histogram.schema = model::kSchemaMax;
  }
}

bool HasEmptyBuckets(const std::vector<model::Span>& spans, const std::vector<double>& counts) {
  return std::ranges::find(counts, 0.0) != counts.end() ||
         std::ranges::find(spans, 0U, &model::Span::length) != spans.end();
}

}  // namespace

base::Result<> MakeHistogram(const MetricMessage& message, FamilyType type, model::FloatHistogram& histogram) {
  if (type == FamilyType::kGaugeHistogram) histogram.counter_reset_hint = model::CounterResetHint::kGauge;
  const bool is_reserved = message.schema > model::kSchemaMax && message.schema <= model::kSchemaReservedMax;
  histogram.schema = is_reserved ? model::kSchemaMax : message.schema;
  histogram.zero_threshold = message.zero_threshold;
  histogram.sum = std::isnan(message.sum) ? model::CanonicalNaN() : message.sum;
  histogram.positive_spans = message.positive_spans;
  histogram.negative_spans = message.negative_spans;
  if (message.count_float > 0 || message.zero_count_float > 0) {
    histogram.zero_count = message.zero_count_float;
    histogram.count = message.count_float;
    histogram.positive_buckets = message.positive_counts;
    histogram.negative_buckets = message.negative_counts;
  } else {
    BARO_TRY(TakeIntegers(message, histogram));
  }
  BARO_TRY(histogram.Validate());
  if (is_reserved) ReduceReserved(message.schema, histogram);
  if (HasEmptyBuckets(histogram.positive_spans, histogram.positive_buckets) ||
      HasEmptyBuckets(histogram.negative_spans, histogram.negative_buckets)) {
    histogram.Compact(0);
  }
  return {};
}

}  // namespace baro::scraper::expo

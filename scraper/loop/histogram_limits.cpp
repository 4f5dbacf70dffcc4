#include "scraper/loop/histogram_limits.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

std::size_t BucketsOf(const model::FloatHistogram& histogram) {
  return histogram.positive_buckets.size() + histogram.negative_buckets.size();
}

}  // namespace

std::int32_t SchemaOfBucketFactor(double factor) {
  if (!(factor > 1)) return model::kSchemaMax;  // NaN, too
  const double schema = std::floor(-std::log2(std::log2(factor)));
  return static_cast<std::int32_t>(
      std::clamp(schema, static_cast<double>(model::kSchemaMin), static_cast<double>(model::kSchemaMax)));
}

base::Result<const model::FloatHistogram*> FitHistogram(const model::FloatHistogram& histogram,
                                                        const NativeHistogramOptions& options,
                                                        model::FloatHistogram& scratch) {
  const model::FloatHistogram* fitted = &histogram;
  const auto reduce_to = [&](std::int32_t schema) {
    scratch = fitted->CopyToSchema(schema);
    fitted = &scratch;
  };
  const bool is_exponential = model::IsExponentialSchema(histogram.schema);
  const std::int32_t schema_max = SchemaOfBucketFactor(options.min_bucket_factor);
  if (is_exponential && histogram.schema > schema_max) reduce_to(schema_max);
  if (options.bucket_limit == 0) return fitted;
  while (BucketsOf(*fitted) > options.bucket_limit) {
    if (!is_exponential || fitted->schema == model::kSchemaMin) {
      return base::Fail(
          base::Code::kLimitExceeded,
          fmt::format("native_histogram_bucket_limit: a histogram has {} buckets{}, the limit is {}",
                      BucketsOf(*fitted), is_exponential ? " in the coarsest schema" : "", options.bucket_limit));
    }
    reduce_to(fitted->schema - 1);
  }
  return fitted;
}

}  // namespace baro::scraper

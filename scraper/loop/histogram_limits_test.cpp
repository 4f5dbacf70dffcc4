#include "scraper/loop/histogram_limits.h"

#include <limits>

#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

// (1, 2^(1/16)], four buckets of schema 4.
model::FloatHistogram FourBuckets() {
  return {.schema = 4, .count = 10, .sum = 11, .positive_spans = {{1, 4}}, .positive_buckets = {1, 2, 3, 4}};
}

TEST(HistogramLimits, TheFactorSaysTheFinestSchema) {
  struct Row {
    double factor;
    std::int32_t schema;
  };
  // The factor of schema s is 2^(2^-s).
  constexpr Row kRows[] = {{0, 8},     {1, 8},    {1.001, 8}, {1.0027, 8}, {1.00272, 7}, {1.1, 2},
                           {1.189, 2}, {1.19, 1}, {2, 0},     {4, -1},     {65536, -4},  {1e300, -4}};
  for (const auto& [factor, schema] : kRows) EXPECT_EQ(SchemaOfBucketFactor(factor), schema) << factor;
  EXPECT_EQ(SchemaOfBucketFactor(std::numeric_limits<double>::quiet_NaN()), 8);
  EXPECT_EQ(SchemaOfBucketFactor(std::numeric_limits<double>::infinity()), -4);
}

TEST(HistogramLimits, WhatFitsStaysAsItIs) {
  const model::FloatHistogram histogram = FourBuckets();
  model::FloatHistogram scratch;
  const auto fitted = FitHistogram(histogram, {.bucket_limit = 4, .min_bucket_factor = 1.01}, scratch);
  ASSERT_TRUE(fitted);
  EXPECT_EQ(*fitted, &histogram);
}

TEST(HistogramLimits, FinerOrLargerOnesBecomeCoarser) {
  model::FloatHistogram scratch;
  const auto by_factor = FitHistogram(FourBuckets(), {.min_bucket_factor = 2}, scratch);
  ASSERT_TRUE(by_factor);
  EXPECT_EQ((*by_factor)->schema, 0);
  EXPECT_EQ((*by_factor)->positive_buckets, (std::vector<double>{10}));
  const auto by_limit = FitHistogram(FourBuckets(), {.bucket_limit = 2}, scratch);
  ASSERT_TRUE(by_limit);
  EXPECT_EQ((*by_limit)->schema, 3);
  EXPECT_EQ((*by_limit)->positive_buckets, (std::vector<double>{3, 7}));
  EXPECT_EQ((*by_limit)->sum, 11);
}

TEST(HistogramLimits, WhatNoSchemaMakesSmallEnoughIsRefused) {
  model::FloatHistogram two_sided = FourBuckets();
  two_sided.negative_spans = {{1, 1}};
  two_sided.negative_buckets = {5};
  model::FloatHistogram scratch;
  const auto refused = FitHistogram(two_sided, {.bucket_limit = 1}, scratch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error(),
      base::Error(base::Code::kLimitExceeded,
                  "native_histogram_bucket_limit: a histogram has 2 buckets in the coarsest schema, the limit is 1"));
  const model::FloatHistogram custom{.schema = model::kSchemaCustom,
                                     .count = 2,
                                     .positive_spans = {{0, 2}},
                                     .positive_buckets = {1, 1},
                                     .custom_values = {1}};
  EXPECT_FALSE(FitHistogram(custom, {.bucket_limit = 1}, scratch));
  EXPECT_TRUE(FitHistogram(custom, {.min_bucket_factor = 10}, scratch));
}

}  // namespace
}  // namespace baro::scraper

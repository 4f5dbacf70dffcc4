#include "scraper/loop/synthesized_start.h"

#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

using Verdict = SynthesizedStart::Verdict;

TEST(SynthesizedStart, CountsFromTheFirstSampleAndFromZeroAfterAReset) {
  const struct Row {
    std::int64_t timestamp_ms;
    double value;
    Verdict verdict;
    double want;
    std::int64_t start_ms;
  } rows[] = {{1000, 7, Verdict::kFirst, 7, 1000},     {2000, 9, Verdict::kStored, 2, 1000},
              {3000, 9, Verdict::kStored, 2, 1000},    {3000, 10, Verdict::kTooLate, 10, 1000},
              {2999, 11, Verdict::kTooLate, 11, 1000}, {4000, 3, Verdict::kStored, 3, 3999},
              {5000, 4, Verdict::kStored, 4, 3999},    {6000, 1, Verdict::kStored, 1, 5999}};
  SynthesizedStart start;
  for (const Row& row : rows) {
    double value = row.value;
    EXPECT_EQ(start.Take(row.timestamp_ms, value), row.verdict) << row.timestamp_ms;
    EXPECT_EQ(value, row.want) << row.timestamp_ms;
    EXPECT_EQ(start.start_ms(), row.start_ms) << row.timestamp_ms;
  }
}

model::FloatHistogram Histogram(double low, double high) {
  model::FloatHistogram histogram;
  histogram.positive_spans = {{.offset = 1, .length = 2}};
  histogram.positive_buckets = {low, high};
  histogram.count = low + high;
  histogram.sum = low + 3 * high;
  return histogram;
}

TEST(SynthesizedStart, SubtractsHistogramsBucketByBucket) {
  const struct Row {
    double low;
    double high;
    Verdict verdict;
    const char* want;
    std::int64_t start_ms;
  } rows[] = {{2, 5, Verdict::kFirst, "{count:7, sum:17, (1,2]:2, (2,4]:5}", 1000},
              {2, 6, Verdict::kStored, "{count:1, sum:3, (2,4]:1}", 1000},
              {3, 7, Verdict::kStored, "{count:3, sum:7, (1,2]:1, (2,4]:2}", 1000},
              {2, 9, Verdict::kStored, "{count:11, sum:29, (1,2]:2, (2,4]:9}", 3999},
              {3, 9, Verdict::kStored, "{count:12, sum:30, (1,2]:3, (2,4]:9}", 3999}};
  SynthesizedStart start;
  std::int64_t timestamp_ms = 0;
  for (const Row& row : rows) {
    const model::FloatHistogram given = Histogram(row.low, row.high);
    const model::FloatHistogram* histogram = &given;
    EXPECT_EQ(start.Take(timestamp_ms += 1000, histogram), row.verdict) << row.want;
    EXPECT_EQ(histogram->ToString(), row.want);
    EXPECT_EQ(start.start_ms(), row.start_ms) << row.want;
  }
}

TEST(SynthesizedStart, AnotherKindOfSampleBeginsAnew) {
  SynthesizedStart start;
  double value = 5;
  EXPECT_EQ(start.Take(1000, value), Verdict::kFirst);
  const model::FloatHistogram exponential = Histogram(1, 2);
  const model::FloatHistogram* histogram = &exponential;
  EXPECT_EQ(start.Take(2000, histogram), Verdict::kFirst);
  model::FloatHistogram custom;
  custom.schema = model::kSchemaCustom;
  custom.custom_values = {1};
  custom.positive_spans = {{.offset = 0, .length = 2}};
  custom.positive_buckets = {10, 20};
  custom.count = 30;
  histogram = &custom;
  EXPECT_NE(start.Take(3000, histogram), Verdict::kTooLate);
  EXPECT_EQ(start.Take(4000, value), Verdict::kFirst);
  EXPECT_EQ(start.start_ms(), 4000);
}

}  // namespace
}  // namespace baro::scraper

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "query/func/classic_histogram.h"
#include "query/func/native_histogram.h"

namespace baro::query::func {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void ExpectValue(double want, double got, const char* what) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << what << ": " << got;
  } else if (std::isinf(want)) {
    EXPECT_EQ(want, got) << what;
  } else {
    EXPECT_NEAR(want, got, 1e-12) << what;
  }
}

TEST(ClassicQuantile, InterpolatesAndKnowsItsBounds) {
  struct Row {
    const char* what;
    double phi;
    std::vector<ClassicBucket> buckets;
    double want;
  };
  const Row rows[] = {
      {"inside", 0.5, {{1, 0}, {2, 10}, {kInfinity, 10}}, 1.5},
      {"the lowest bucket begins at 0", 0.5, {{1, 10}, {kInfinity, 10}}, 0.5},
      {"a lowest bound below 0 is the answer", 0.1, {{-1, 10}, {kInfinity, 20}}, -1},
      {"above all bounds", 0.9, {{1, 1}, {2, 2}, {kInfinity, 100}}, 2},
      {"no infinite bucket", 0.5, {{1, 1}, {2, 2}}, kNaN},
      {"one bucket", 0.5, {{kInfinity, 2}}, kNaN},
      {"no observations", 0.5, {{1, 0}, {kInfinity, 0}}, kNaN},
      {"below", -0.1, {{1, 1}, {kInfinity, 1}}, -kInfinity},
      {"above", 1.1, {{1, 1}, {kInfinity, 1}}, kInfinity},
      {"equal bounds are one", 0.5, {{1, 5}, {1, 5}, {kInfinity, 10}}, 0.5},
  };
  for (const Row& row : rows) {
    std::vector<ClassicBucket> buckets = row.buckets;
    MonotonicityFix fix;
    ExpectValue(row.want, ClassicQuantile(row.phi, buckets, fix), row.what);
    EXPECT_FALSE(fix.was_forced) << row.what;
  }
}

TEST(ClassicQuantile, RaisesWhatFellAndTellsOfIt) {
  std::vector<ClassicBucket> buckets = {{1, 10}, {2, 8}, {3, 12}, {kInfinity, 12}};
  MonotonicityFix fix;
  ExpectValue(1.0, ClassicQuantile(10.0 / 12, buckets, fix), "repaired");
  EXPECT_TRUE(fix.was_forced);
  EXPECT_EQ(fix.lowest_bound, 2);
  EXPECT_EQ(fix.highest_bound, 2);
  EXPECT_EQ(fix.largest_difference, 2);

  // A difference of rounding is repaired in silence.
  buckets = {{1, 10}, {2, 10 - 1e-13}, {kInfinity, 10}};
  fix = {};
  ClassicQuantile(0.5, buckets, fix);
  EXPECT_FALSE(fix.was_forced);
}

model::FloatHistogram PowersOfTwo() {
  model::FloatHistogram histogram;  // (0.5, 1]: 4, (1, 2]: 8, (2, 4]: 4
  histogram.schema = 0;
  histogram.count = 16;
  histogram.sum = 24;
  histogram.positive_spans = {{.offset = 0, .length = 3}};
  histogram.positive_buckets = {4, 8, 4};
  return histogram;
}

TEST(NativeQuantile, InterpolatesExponentially) {
  const model::FloatHistogram histogram = PowersOfTwo();
  ExpectValue(std::sqrt(2.0), NativeQuantile(0.5, histogram).value, "middle of (1, 2]");
  ExpectValue(1, NativeQuantile(0.25, histogram).value, "edge");
  ExpectValue(4, NativeQuantile(1, histogram).value, "top");
  ExpectValue(0.5, NativeQuantile(0, histogram).value, "bottom");
  ExpectValue(-kInfinity, NativeQuantile(-1, histogram).value, "below");
  ExpectValue(kNaN, NativeQuantile(0.5, {}).value, "empty");
}

TEST(NativeFraction, IsTheInverseOfTheQuantile) {
  const model::FloatHistogram histogram = PowersOfTwo();
  for (double phi = 0.05; phi < 1; phi += 0.05) {
    const double value = NativeQuantile(phi, histogram).value;
    EXPECT_NEAR(NativeFraction(-kInfinity, value, histogram).value, phi, 1e-9) << phi;
  }
  ExpectValue(0, NativeFraction(3, 2, histogram).value, "reversed");
  ExpectValue(kNaN, NativeFraction(kNaN, 2, histogram).value, "NaN");
}

TEST(NativeQuantile, SaysWhatNaNObservationsDo) {
  model::FloatHistogram histogram = PowersOfTwo();
  histogram.sum = kNaN;
  histogram.count = 20;  // four NaN
  EXPECT_EQ(NativeQuantile(0.9, histogram).nan_effect, NaNEffect::kResultIsNaN);
  EXPECT_EQ(NativeQuantile(0.2, histogram).nan_effect, NaNEffect::kSkewedHigher);
  EXPECT_EQ(NativeFraction(0, 2, histogram).nan_effect, NaNEffect::kExcluded);
}

}  // namespace
}  // namespace baro::query::func

#include "model/histogram.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();

TEST(HistogramBounds, ArePowersOfTwoWhereTheyShouldBe) {
  for (int schema = 0; schema <= kSchemaMax; ++schema) {
    for (int power = -1000; power < 1024; ++power) {
      ASSERT_EQ(BucketUpperBound(schema, power * (1 << schema)), std::ldexp(1.0, power)) << schema << " " << power;
    }
    EXPECT_EQ(BucketUpperBound(schema, 1024 << schema), kMax) << schema;
    EXPECT_EQ(BucketUpperBound(schema, (1024 << schema) + 1), kInfinity) << schema;
  }
  EXPECT_EQ(BucketUpperBound(-1, 3), 64);
  EXPECT_EQ(BucketUpperBound(-4, -1), std::ldexp(1.0, -16));
  EXPECT_EQ(BucketUpperBound(-4, 64), kMax);
  EXPECT_EQ(BucketUpperBound(-4, 65), kInfinity);
}

TEST(HistogramBounds, ACoarserSchemaTakesEveryOtherBound) {
  for (int schema = kSchemaMin; schema < kSchemaMax; ++schema) {
    for (int index = -60; index < 60; ++index) {
      ASSERT_EQ(BucketUpperBound(schema, index), BucketUpperBound(schema + 1, 2 * index)) << schema << " " << index;
      ASSERT_LT(BucketUpperBound(schema, index - 1), BucketUpperBound(schema, index));
    }
  }
  for (int i = 0; i < 256; ++i) {
    EXPECT_NEAR(BucketUpperBound(8, i), std::exp2(i / 256.0), 1e-15) << i;
  }
}

TEST(HistogramBounds, AreTheDoublesThatClientsSortBy) {
  // Observed in Prometheus 3.14 by iterating over histograms of schema 8.
  struct Row {
    int index;
    double want;
  };
  constexpr Row kRows[] = {{1, 1.0027112750502025},  {6, 1.0163783149109529},   {64, 1.189207115002721},
                           {128, 1.414213562373095}, {192, 1.6817928305074288}, {218, 1.804454167806623},
                           {255, 1.9945921121709396}};
  for (const auto& [index, want] : kRows) EXPECT_EQ(BucketUpperBound(8, index), want) << index;
}

TEST(HistogramBounds, OfCustomBucketsReachFromInfinityToInfinity) {
  const std::vector<double> bounds = {-1, 2};
  EXPECT_EQ(BucketUpperBound(kSchemaCustom, -1, bounds), -kInfinity);
  EXPECT_EQ(BucketUpperBound(kSchemaCustom, 0, bounds), -1);
  EXPECT_EQ(BucketUpperBound(kSchemaCustom, 2, bounds), kInfinity);
}

Histogram Example() {
  return {.schema = 0,
          .zero_threshold = 0.001,
          .zero_count = 2,
          .count = 15,
          .sum = 18.4,
          .positive_spans = {{0, 2}, {1, 2}},
          .negative_spans = {{0, 1}},
          .positive_buckets = {1, 1, -1, 2},
          .negative_buckets = {6}};
}

TEST(Histogram, PrintsItsPopulatedBucketsInOrder) {
  Histogram histogram = Example();
  EXPECT_EQ(histogram.ToString(),
            "{count:15, sum:18.4, [-1,-0.5):6, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2, (4,8]:1, (8,16]:3}");
  EXPECT_EQ(histogram.ToFloat().ToString(), histogram.ToString());
  histogram.count = 1'234'567;
  EXPECT_TRUE(histogram.ToString().starts_with("{count:1234567, "));
  EXPECT_TRUE(histogram.ToFloat().ToString().starts_with("{count:1.234567e+06, "));
  const FloatHistogram custom{.schema = kSchemaCustom,
                              .count = 3,
                              .sum = 1,
                              .positive_spans = {{0, 1}, {1, 1}},
                              .positive_buckets = {1, 2},
                              .custom_values = {1, 2}};
  EXPECT_EQ(custom.ToString(), "{count:3, sum:1, [-Inf,1]:1, (2,+Inf]:2}");
  EXPECT_EQ(FloatHistogram().ToString(), "{count:0, sum:0}");
}

std::vector<Bucket> Walk(BucketCursor cursor) {
  std::vector<Bucket> buckets;
  while (cursor.Next()) buckets.push_back(cursor.bucket());
  return buckets;
}

TEST(BucketCursor, WalksAllPartsInBothDirections) {
  FloatHistogram histogram = Example().ToFloat();
  histogram.positive_spans = {{-3, 0}, {3, 2}, {0, 0}, {1, 2}, {7, 0}};  // empty spans are legal
  const auto all = Walk(AllBuckets(histogram));
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0], (Bucket{-1, -0.5, true, false, 6, 0}));
  EXPECT_EQ(all[1], (Bucket{-0.001, 0.001, true, true, 2, 0}));
  EXPECT_EQ(all[2], (Bucket{0.5, 1, false, true, 1, 0}));
  EXPECT_EQ(all[5], (Bucket{8, 16, false, true, 3, 4}));
  auto reversed = Walk(AllBucketsReversed(histogram));
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(reversed, all);
  EXPECT_EQ(Walk(PositiveBuckets(histogram)).size(), 4u);
  EXPECT_EQ(Walk(NegativeBuckets(FloatHistogram())).size(), 0u);
}

TEST(BucketCursor, CutsAtTheZeroBucketWhatReachesIntoIt) {
  FloatHistogram histogram = Example().ToFloat();
  histogram.zero_threshold = 0.75;
  auto all = Walk(AllBuckets(histogram));
  EXPECT_EQ(all[0], (Bucket{-1, -0.75, true, false, 6, 0}));
  EXPECT_EQ(all[1], (Bucket{-0.75, 0.75, true, true, 2, 0}));
  EXPECT_EQ(all[2], (Bucket{0.75, 1, false, true, 1, 0}));
  EXPECT_EQ(Walk(PositiveBuckets(histogram))[0], (Bucket{0.5, 1, false, true, 1, 0}));
  auto reversed = Walk(AllBucketsReversed(histogram));
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(reversed, all);
}

TEST(BucketCursor, LeavesOutANegativeZeroBucketOfADifference) {
  FloatHistogram histogram = Example().ToFloat();
  histogram.zero_count = -1;
  for (const Bucket& bucket : Walk(AllBuckets(histogram)))
    EXPECT_FALSE(bucket.is_lower_inclusive && bucket.is_upper_inclusive);
}

FloatHistogram Custom(std::vector<double> bounds, std::vector<double> counts) {
  FloatHistogram histogram{.schema = kSchemaCustom,
                           .positive_spans = {{0, static_cast<std::uint32_t>(counts.size())}},
                           .positive_buckets = std::move(counts),
                           .custom_values = std::move(bounds)};
  for (const double count : histogram.positive_buckets) histogram.count += count;
  return histogram;
}

TEST(Histogram, RefusesWhatDoesNotHoldTogether) {
  EXPECT_TRUE(Example().Validate().has_value());
  const auto refused = [](const auto& change) {
    Histogram histogram = Example();
    change(histogram);
    const auto checked = histogram.Validate();
    return checked.has_value() ? std::string("taken") : checked.error().message();
  };
  EXPECT_EQ(refused([](Histogram& h) { h.schema = 9; }), "histogram: schema 9 is not known: want -4 to 8, or -53");
  EXPECT_EQ(refused([](Histogram& h) { h.count = 14; }),
            "histogram: 15 observations in the buckets, but a count of 14");
  EXPECT_EQ(refused([](Histogram& h) {
              h.count = 16;
              h.sum = NAN;
            }),
            "taken");
  EXPECT_EQ(refused([](Histogram& h) {
              h.count = 14;
              h.sum = NAN;
            }),
            "histogram: 15 observations in the buckets, but a count of 14");
  EXPECT_EQ(refused([](Histogram& h) { h.positive_spans[1].length = 3; }),
            "histogram: positive side: the spans ask for 5 buckets, 4 are given");
  EXPECT_EQ(refused([](Histogram& h) { h.positive_spans[1].offset = -1; }),
            "histogram: positive side: span 2 has the negative offset -1: only the first span's may be negative");
  EXPECT_EQ(refused([](Histogram& h) { h.positive_buckets[2] = -3; }),
            "histogram: positive side: bucket 3 has a count below 0 or beyond 2^63");
  EXPECT_NE(refused([](Histogram& h) { h.positive_spans[1] = {std::numeric_limits<std::int32_t>::max(), 2}; }),
            "taken");
  EXPECT_NE(refused([](Histogram& h) { h.positive_spans[1].length = std::numeric_limits<std::uint32_t>::max(); }),
            "taken");
  EXPECT_NE(refused([](Histogram& h) { h.zero_threshold = NAN; }), "taken");
  EXPECT_NE(refused([](Histogram& h) { h.custom_values = {1}; }), "taken");
  EXPECT_NE(refused([](Histogram& h) { h.zero_count = std::numeric_limits<std::uint64_t>::max(); }), "taken");

  EXPECT_TRUE(Custom({1, 2}, {1, 2, 3}).Validate().has_value());
  for (const FloatHistogram& bad : {Custom({2, 1}, {1}), Custom({1, 1}, {1}), Custom({1, kInfinity}, {1}),
                                    Custom({1}, {1, 2, 3}), Custom({NAN}, {1}), Custom({1}, {-1})}) {
    EXPECT_FALSE(bad.Validate().has_value()) << bad.ToString();
  }
}

TEST(Histogram, EqualityDoesNotSeeHowSpansAreCut) {
  Histogram a = Example();
  Histogram b = Example();
  b.positive_spans = {{0, 1}, {0, 1}, {1, 0}, {0, 2}};
  b.counter_reset_hint = CounterResetHint::kGauge;
  EXPECT_EQ(a, b);
  b.positive_spans[2].offset = 2;
  EXPECT_NE(a, b);
  a.sum = b.sum = 0;
  b.positive_spans = a.positive_spans;
  EXPECT_EQ(a, b);
  b.sum = -0.0;
  EXPECT_NE(a, b);
}

TEST(Histogram, CompactsToTheGapsThatAreAllowed) {
  FloatHistogram histogram{.positive_spans = {{-2, 3}, {2, 5}}, .positive_buckets = {0, 1, 0, 0, 2, 0, 0, 3}};
  FloatHistogram copy = histogram;
  copy.Compact(0);
  EXPECT_EQ(copy.positive_spans, (std::vector<Span>{{-1, 1}, {4, 1}, {2, 1}}));
  EXPECT_EQ(copy.positive_buckets, (std::vector<double>{1, 2, 3}));
  copy = histogram;
  copy.Compact(2);
  EXPECT_EQ(copy.positive_spans, (std::vector<Span>{{-1, 1}, {4, 4}}));
  Histogram integers = Example();
  integers.positive_buckets = {1, -1, 0, 2};
  integers.Compact(0);
  EXPECT_EQ(integers.positive_spans, (std::vector<Span>{{0, 1}, {3, 1}}));
  EXPECT_EQ(integers.positive_buckets, (std::vector<std::int64_t>{1, 1}));
}

TEST(Histogram, ReducesItsResolution) {
  Histogram histogram{
      .schema = 2, .count = 10, .positive_spans = {{-3, 8}}, .positive_buckets = {1, 0, 0, 1, -1, 0, 1, -1}};
  const Histogram coarse = histogram.CopyToSchema(1);
  EXPECT_TRUE(coarse.Validate().has_value());
  // -3 and -2 -> -1; -1 and 0 -> 0; 1, 2 -> 1; 3, 4 -> 2.
  EXPECT_EQ(coarse.positive_spans, (std::vector<Span>{{-1, 4}}));
  EXPECT_EQ(internal::AbsoluteCounts(coarse.positive_buckets), (std::vector<std::int64_t>{2, 3, 2, 3}));
  EXPECT_EQ(histogram.ToFloat().CopyToSchema(1), coarse.ToFloat());
}

TEST(FloatHistogram, MultipliesAndDivides) {
  FloatHistogram histogram = Example().ToFloat();
  histogram.Mul(2);
  EXPECT_EQ(histogram.ToString(),
            "{count:30, sum:36.8, [-1,-0.5):12, [-0.001,0.001]:4, (0.5,1]:2, (1,2]:4, (4,8]:2, (8,16]:6}");
  histogram.Div(-2);
  EXPECT_EQ(histogram.counter_reset_hint, CounterResetHint::kGauge);
  histogram.Div(0);
  EXPECT_EQ(histogram.ToString(), "{count:-Inf, sum:-Inf, [-0.001,0.001]:-Inf}");
}

TEST(FloatHistogram, AddingWidensTheZeroBucketToTheEdgeOfAPopulatedOne) {
  FloatHistogram fine{.schema = 0,
                      .zero_threshold = 0.25,
                      .zero_count = 1,
                      .count = 6,
                      .positive_spans = {{-1, 3}},
                      .positive_buckets = {2, 0, 3}};
  const FloatHistogram wide{.schema = 0, .zero_threshold = 0.3, .zero_count = 5, .count = 5};
  ASSERT_TRUE(fine.Add(wide).has_value());
  EXPECT_EQ(fine.zero_threshold, 0.5);  // (0.25, 0.5] has two, and 0.3 would cut it
  EXPECT_EQ(fine.zero_count, 8);
  EXPECT_EQ(fine.ToString(), "{count:11, sum:0, [-0.5,0.5]:8, (1,2]:3}");
}

TEST(FloatHistogram, MergesHints) {
  using enum CounterResetHint;
  struct Row {
    CounterResetHint a, b, want;
    bool collides;
  };
  constexpr Row kRows[] = {{kReset, kReset, kReset, false},     {kReset, kNotReset, kUnknown, true},
                           {kReset, kUnknown, kUnknown, false}, {kGauge, kReset, kGauge, false},
                           {kNotReset, kGauge, kGauge, false},  {kUnknown, kNotReset, kUnknown, false}};
  for (const auto& [a, b, want, collides] : kRows) {
    FloatHistogram left{.counter_reset_hint = a};
    const auto notes = left.Add({.counter_reset_hint = b});
    EXPECT_EQ(left.counter_reset_hint, want);
    EXPECT_EQ(notes->counter_reset_collision, collides);
  }
}

TEST(FloatHistogram, CustomBucketsMeetInTheBoundsThatBothHave) {
  FloatHistogram left = Custom({1, 2, 3, 4}, {1, 2, 3, 4, 5});
  const auto notes = left.Add(Custom({2, 3.5, 4}, {10, 20, 30, 40}));
  EXPECT_TRUE(notes->custom_bounds_reconciled);
  EXPECT_EQ(left.ToString(), "{count:115, sum:0, [-Inf,2]:13, (2,4]:57, (4,+Inf]:45}");
  EXPECT_FALSE(left.Add(FloatHistogram()).has_value());
  ASSERT_TRUE(left.Sub(Custom({7}, {1, 2})).has_value());
  EXPECT_EQ(left.ToString(), "{count:112, sum:0, [-Inf,+Inf]:112}");
}

TEST(FloatHistogram, CompensatesWhatRoundingLoses) {
  FloatHistogram sum{.sum = 1e100, .positive_spans = {{0, 1}}, .positive_buckets = {1e100}};
  FloatHistogram compensation;
  for (const double value : {1.0, -1e100, 2.0}) {
    // The buckets differ too: the layouts meet on the way.
    FloatHistogram next{
        .schema = value == 2 ? -1 : 0, .sum = value, .positive_spans = {{0, 2}}, .positive_buckets = {value, value}};
    ASSERT_TRUE(sum.KahanAdd(next, compensation).has_value());
  }
  sum.ApplyCompensation(compensation);
  EXPECT_EQ(sum.sum, 3);
  EXPECT_EQ(sum.schema, -1);
  // Schema 0's bucket 0 goes to bucket 0, its bucket 1 and 2 to bucket 1.
  EXPECT_EQ(sum.positive_buckets, (std::vector<double>{3, 3 - 1e100}));
}

TEST(FloatHistogram, DetectsResets) {
  const FloatHistogram before{.schema = 1,
                              .zero_threshold = 0.001,
                              .zero_count = 2,
                              .count = 9,
                              .positive_spans = {{0, 3}},
                              .positive_buckets = {2, 0, 5}};
  const auto changed = [&](const auto& change) {
    FloatHistogram now = before;
    change(now);
    return now.DetectReset(before);
  };
  EXPECT_FALSE(changed([](FloatHistogram&) {}));
  EXPECT_FALSE(changed([](FloatHistogram& h) {
    h.count = 10;
    h.positive_buckets[1] = 1;
  }));
  EXPECT_TRUE(changed([](FloatHistogram& h) { h.counter_reset_hint = CounterResetHint::kReset; }));
  EXPECT_FALSE(changed([](FloatHistogram& h) {
    h.counter_reset_hint = CounterResetHint::kNotReset;
    h.count = 0;
  }));
  EXPECT_TRUE(changed([](FloatHistogram& h) { h.count = 8; }));
  EXPECT_TRUE(changed([](FloatHistogram& h) { h.zero_count = 1; }));
  EXPECT_TRUE(changed([](FloatHistogram& h) { h.positive_buckets[0] = 1; }));
  EXPECT_TRUE(changed([](FloatHistogram& h) {
    h.positive_spans = {{0, 2}};
    h.positive_buckets = {2, 7};
  }));
  EXPECT_TRUE(changed([](FloatHistogram& h) { h.schema = 2; }));
  EXPECT_FALSE(changed([](FloatHistogram& h) { h = h.CopyToSchema(0); }));
  EXPECT_TRUE(changed([](FloatHistogram& h) { h.zero_threshold = 0.0001; }));
  EXPECT_FALSE(changed([](FloatHistogram& h) {
    h.zero_threshold = 1;
    h.zero_count = 4;
    h.positive_spans = {{2, 1}};
    h.positive_buckets = {5};
  }));
  EXPECT_TRUE(changed([](FloatHistogram& h) {
    h.zero_threshold = 0.9;
    h.zero_count = 4;
  }));  // cuts (0.707, 1]

  const FloatHistogram custom = Custom({1, 2, 3}, {1, 2, 3, 4});
  EXPECT_FALSE(Custom({1, 3}, {1, 5, 4}).DetectReset(custom));
  EXPECT_TRUE(Custom({1, 3}, {1, 4, 5}).DetectReset(custom));
  EXPECT_FALSE(Custom({1, 2.5, 3}, {1, 2, 3, 4}).DetectReset(custom));  // compared under {1, 3}
  EXPECT_TRUE(Custom({1, 2.5, 3}, {1, 2, 2, 5}).DetectReset(custom));
}

TEST(FloatHistogram, TrimsWithInterpolation) {
  const FloatHistogram exponential{.schema = 0,
                                   .zero_threshold = 0.001,
                                   .zero_count = 1,
                                   .count = 34,
                                   .sum = 123.75,
                                   .positive_spans = {{0, 4}},
                                   .negative_spans = {{0, 2}},
                                   .positive_buckets = {2, 4, 8, 16},
                                   .negative_buckets = {1, 2}};
  FloatHistogram custom = Custom({5, 10, 15, 20}, {1, 6, 4, 3, 1});
  custom.sum = 172.5;
  const FloatHistogram exact_zeros{.zero_count = 4, .count = 4, .sum = 1};
  FloatHistogram around_zero = Custom({-10, 5, 10}, {2, 1, 3});
  FloatHistogram low = Custom({-5}, {1, 100});
  struct Row {
    const FloatHistogram& histogram;
    bool is_upper;
    double at;
    double count;
    double sum;
  };
  const Row rows[] = {
      {exponential, false, -kInfinity, 34, 123.75},
      {exponential, true, kInfinity, 34, 123.75},
      {exponential, false, kInfinity, 0, 0},
      {exponential, false, 0, 30.5, 120.20840280171308},
      {exponential, true, 0, 3.5, -3.53578390593273768},
      {exact_zeros, true, 0, 0, 0},  // zeros alone count as above: below and above add up to the whole
      {exact_zeros, false, 0, 4, 1},
      {exponential, true, std::sqrt(2.0), 8, 0.2570938865989847},
      {exponential, false, std::sqrt(2.0), 26, 116.50067065070982},
      {exponential, true, 2, 10, 3.5355339059327373},
      {exponential, true, -1, 2, -2.8284271247461903},
      {custom, true, 15, 11, 97.5},
      {custom, false, 13, 5.6, 94.9},
      {custom, true, 50, 14, 150},
      {custom, false, 0, 15, 172.5},
      {custom, true, 0, 0, 0},
      {custom, true, -kInfinity, 0, 0},
      {around_zero, true, 2, 2.8, -23.2},
      {around_zero, true, -15, 2, -30},
      {low, true, 10, 1, -5},
      {low, false, -2, 100, -200},
      {low, false, 10, 100, 1000},
  };
  for (const auto& [histogram, is_upper, at, count, sum] : rows) {
    FloatHistogram trimmed = histogram;
    if (is_upper)
      trimmed.TrimUpper(at);
    else
      trimmed.TrimLower(at);
    EXPECT_NEAR(trimmed.count, count, 1e-9) << histogram.ToString() << (is_upper ? " </ " : " >/ ") << at;
    EXPECT_NEAR(trimmed.sum, sum, 1e-7) << histogram.ToString() << (is_upper ? " </ " : " >/ ") << at;
    EXPECT_TRUE(trimmed.Validate().has_value());
  }
}

// Observations themselves are the model: whatever is done to buckets has to agree with counting them anew.
struct Observed {
  std::vector<double> values;
  std::int32_t schema;
  double zero_threshold;

  FloatHistogram Count(std::int32_t as_schema, double threshold) const {
    std::map<std::int64_t, double> sides[2];
    FloatHistogram histogram{.schema = as_schema, .zero_threshold = threshold};
    for (const double value : values) {
      histogram.count += 1;
      histogram.sum += value;
      if (std::abs(value) <= threshold) {
        histogram.zero_count += 1;
        continue;
      }
      std::int32_t index = -60;  // below an eighth in every schema used here
      while (BucketUpperBound(as_schema, index) < std::abs(value)) ++index;
      sides[value < 0][index] += 1;
    }
    for (int side = 0; side < 2; ++side) {
      internal::Sparse<double> sparse;
      for (const auto& [index, count] : sides[side]) sparse.push_back({index, count});
      internal::FromSparse(sparse, side == 0 ? histogram.positive_spans : histogram.negative_spans,
                           side == 0 ? histogram.positive_buckets : histogram.negative_buckets);
    }
    return histogram;
  }
};

TEST(FloatHistogram, MergingAgreesWithCountingTheObservationsAgain) {
  std::mt19937 random(5);
  const auto observe = [&random] {
    Observed observed{.schema = static_cast<std::int32_t>(random() % 5) - 1,
                      .zero_threshold = random() % 2 == 0 ? 0.0 : std::exp2(static_cast<double>(random() % 5) - 4)};
    for (std::size_t i = random() % 12; i > 0; --i) {
      // Multiples of an eighth: sums are exact.
      observed.values.push_back((static_cast<double>(random() % 161) - 80) / 8);
    }
    return observed;
  };
  for (int round = 0; round < 4000; ++round) {
    const Observed a = observe();
    const Observed b = observe();
    const FloatHistogram left = a.Count(a.schema, a.zero_threshold);
    const FloatHistogram right = b.Count(b.schema, b.zero_threshold);
    ASSERT_TRUE(left.Validate().has_value());
    FloatHistogram sum = left;
    ASSERT_TRUE(sum.Add(right).has_value());
    Observed both = a;
    both.values.insert(both.values.end(), b.values.begin(), b.values.end());
    ASSERT_GE(sum.zero_threshold, std::max(a.zero_threshold, b.zero_threshold));
    const FloatHistogram want = both.Count(std::min(a.schema, b.schema), sum.zero_threshold);
    FloatHistogram compact = sum;
    compact.Compact(0);
    ASSERT_EQ(compact, want) << compact.ToString() << " want " << want.ToString();

    EXPECT_FALSE(sum.DetectReset(left)) << left.ToString() << " to " << sum.ToString();
    FloatHistogram compensated = left;
    FloatHistogram compensation;
    ASSERT_TRUE(compensated.KahanAdd(right, compensation).has_value());
    compensated.ApplyCompensation(compensation);
    ASSERT_EQ(compensated, sum);

    ASSERT_TRUE(sum.Sub(right).has_value());
    sum.Compact(0);
    const FloatHistogram back = a.Count(want.schema, want.zero_threshold);
    ASSERT_EQ(sum, back) << sum.ToString() << " want " << back.ToString();
    FloatHistogram coarse = left.CopyToSchema(-1);
    ASSERT_EQ(coarse, a.Count(-1, a.zero_threshold));

    // Cut anywhere: the two halves together have all observations.
    const double at = (static_cast<double>(random() % 401) - 200) / 16;
    FloatHistogram below = left;
    FloatHistogram above = left;
    below.TrimUpper(at);
    above.TrimLower(at);
    ASSERT_NEAR(below.count + above.count, left.count, 1e-9) << left.ToString() << " at " << at;
  }
}

}  // namespace
}  // namespace baro::model

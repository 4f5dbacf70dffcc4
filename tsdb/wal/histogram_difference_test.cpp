#include "tsdb/wal/histogram_difference.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample.h"
#include "tsdb/wal/histogram_record.h"

namespace baro::tsdb {
namespace {

model::FloatHistogram Plain(std::size_t buckets) {
  model::FloatHistogram histogram;
  histogram.schema = 3;
  histogram.zero_threshold = 1e-9;
  histogram.positive_spans = {{.offset = -5, .length = static_cast<std::uint32_t>(buckets)}};
  histogram.positive_buckets.assign(buckets, 0);
  histogram.negative_spans = {{.offset = 2, .length = 2}};
  histogram.negative_buckets = {3, 4};
  histogram.count = 7;
  return histogram;
}

void Grow(base::Random& random, model::FloatHistogram& histogram, std::uint64_t most) {
  const auto grow = [&](double& value) {
    const auto by = static_cast<double>(random.Below(most));
    value += by;
    histogram.count += by;
  };
  for (double& bucket : histogram.positive_buckets) {
    if (random.OneIn(3)) grow(bucket);
  }
  if (random.OneIn(4)) grow(histogram.negative_buckets[1]);
  if (random.OneIn(4)) grow(histogram.zero_count);
  histogram.sum += static_cast<double>(random.Below(1000)) / 7;
}

// Bit for bit: how the spans are cut and what is a NaN matter too.
void ExpectSame(const model::FloatHistogram& got, const model::FloatHistogram& want) {
  base::ByteBuffer got_bytes;
  base::ByteBuffer want_bytes;
  EncodeHistogram(got, got_bytes);
  EncodeHistogram(want, want_bytes);
  EXPECT_EQ(got_bytes, want_bytes);
}

TEST(HistogramDifference, ComesBackBitForBitForRandomGrowthAndResets) {
  base::SeededRandom random(1);
  for (int run = 0; run < 200; ++run) {
    model::FloatHistogram before = Plain(random.Below(170));
    for (int step = 0; step < 5; ++step) {
      model::FloatHistogram next = random.OneIn(8) ? Plain(before.positive_buckets.size()) : before;
      Grow(random, next, std::uint64_t{1} << (1 + random.Below(45)));
      if (random.OneIn(5)) next.count += 3;  // observations of NaN are in no bucket
      if (random.OneIn(9)) next.sum = model::StaleNaN();
      base::ByteBuffer bytes;
      ASSERT_TRUE(EncodeHistogramDifference(next, before, bytes));
      const auto read = DecodeHistogramDifference(bytes, before);
      ASSERT_TRUE(read) << read.error().message();
      ExpectSame(*read, next);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = DecodeHistogramDifference(base::ByteSpan(bytes).first(size), before);
        if (cut) ExpectSame(*cut, next);  // a stream's padding may be missing
      }
      bytes.push_back(std::byte{0});
      EXPECT_FALSE(DecodeHistogramDifference(bytes, before));
      before = next;
    }
  }
}

TEST(HistogramDifference, RefusesWhatItCannotTellExactly) {
  const model::FloatHistogram plain = Plain(4);
  const auto is_refused = [&plain](const auto& change) {
    model::FloatHistogram other = plain;
    change(other);
    base::ByteBuffer bytes;
    return !EncodeHistogramDifference(other, plain, bytes) && !EncodeHistogramDifference(plain, other, bytes) &&
           bytes.empty();
  };
  using H = model::FloatHistogram;
  EXPECT_TRUE(is_refused([](H& h) { h.schema = 2; }));
  EXPECT_TRUE(is_refused([](H& h) { h.zero_threshold = 2e-9; }));
  EXPECT_TRUE(is_refused([](H& h) { h.positive_spans[0].offset = 0; }));
  EXPECT_TRUE(is_refused([](H& h) { h.negative_buckets = {1}; }));
  EXPECT_TRUE(is_refused([](H& h) { h.custom_values = {1}; }));
  EXPECT_TRUE(is_refused([](H& h) { h.counter_reset_hint = model::CounterResetHint::kGauge; }));
  EXPECT_TRUE(is_refused([](H& h) { h.positive_buckets[0] = 0.5; }));
  EXPECT_TRUE(is_refused([](H& h) { h.positive_buckets[0] = -0.0; }));
  EXPECT_TRUE(is_refused([](H& h) { h.zero_count = std::numeric_limits<double>::quiet_NaN(); }));
  EXPECT_TRUE(is_refused([](H& h) { h.count = 9'007'199'254'740'992.0; }));
  EXPECT_TRUE(is_refused([](H& h) { h.count = std::numeric_limits<double>::infinity(); }));
  EXPECT_FALSE(is_refused([](H& h) { h.sum = std::numeric_limits<double>::infinity(); }));
}

}  // namespace
}  // namespace baro::tsdb

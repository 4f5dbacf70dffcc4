// Chunks of native histograms come back bit for bit, in few bytes, and damage is survived.
#include "tsdb/codec/histogram_codec.h"

#include <bit>

#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample.h"

namespace baro::tsdb {
namespace {

using model::FloatHistogram;

std::vector<std::uint64_t> BitsOf(std::span<const double> values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

void ExpectSame(const FloatHistogram& a, const FloatHistogram& b) {
  EXPECT_EQ(a.counter_reset_hint, b.counter_reset_hint);
  EXPECT_EQ(a.schema, b.schema);
  const double a_numbers[] = {a.zero_threshold, a.zero_count, a.count, a.sum};
  const double b_numbers[] = {b.zero_threshold, b.zero_count, b.count, b.sum};
  EXPECT_EQ(BitsOf(a_numbers), BitsOf(b_numbers));
  EXPECT_EQ(a.positive_spans, b.positive_spans);
  EXPECT_EQ(a.negative_spans, b.negative_spans);
  EXPECT_EQ(BitsOf(a.positive_buckets), BitsOf(b.positive_buckets));
  EXPECT_EQ(BitsOf(a.negative_buckets), BitsOf(b.negative_buckets));
  EXPECT_EQ(BitsOf(a.custom_values), BitsOf(b.custom_values));
}

class Chunk {
 public:
  void Add(FloatHistogram histogram) {
    timestamps_.push_back(static_cast<std::int64_t>(timestamps_.size()) * 15'000);
    samples_.push_back({.timestamp_ms = timestamps_.back(),
                        .histogram = std::make_shared<const FloatHistogram>(std::move(histogram))});
  }
  std::size_t rows() const { return samples_.size(); }
  std::span<const std::int64_t> timestamps() const { return timestamps_; }
  std::span<const HistogramSample> samples() const { return samples_; }

  // Encodes, decodes, compares; returns the bytes.
  base::ByteBuffer ExpectRoundTrip() const {
    base::ByteBuffer bytes;
    const auto encoded = EncodeHistograms(samples_, bytes);
    EXPECT_TRUE(encoded) << encoded.error().message();
    std::vector<HistogramSample> decoded;
    const auto result = DecodeHistograms(bytes, timestamps_, decoded);
    EXPECT_TRUE(result) << result.error().message();
    EXPECT_EQ(decoded.size(), samples_.size());
    for (std::size_t i = 0; i < decoded.size() && i < samples_.size(); ++i) {
      EXPECT_EQ(decoded[i].timestamp_ms, timestamps_[i]);
      ExpectSame(*decoded[i].histogram, *samples_[i].histogram);
    }
    return bytes;
  }

 private:
  std::vector<std::int64_t> timestamps_;
  std::vector<HistogramSample> samples_;
};

// A counter of observations in a growing set of buckets, as clients have them.
class Source {
 public:
  explicit Source(base::Random& random) : random_(random) {}

  FloatHistogram Next(bool is_integer) {
    for (int i = 0; i < 20; ++i) {
      const auto bucket = static_cast<std::int32_t>(random_.Below(6) + random_.Below(6) + random_.Below(spread_));
      counts_[bucket] += is_integer ? 1 : static_cast<double>(random_.Below(1000)) / 999;
      sum_ += 0.001 * bucket;
    }
    if (random_.OneIn(30)) ++spread_;
    FloatHistogram histogram;
    histogram.schema = 3;
    histogram.zero_threshold = 0x1p-128;
    histogram.zero_count = zero_count_ += is_integer ? 1 : 0.25;
    histogram.sum = sum_;
    histogram.count = histogram.zero_count;
    std::int32_t next = 0;
    for (const auto& [index, count] : counts_) {
      if (histogram.positive_spans.empty() || index != next) {
        histogram.positive_spans.push_back({.offset = index - next, .length = 0});
      }
      ++histogram.positive_spans.back().length;
      histogram.positive_buckets.push_back(count);
      histogram.count += count;
      next = index + 1;
    }
    return histogram;
  }

 private:
  base::Random& random_;
  std::map<std::int32_t, double> counts_;
  std::uint64_t spread_ = 1;
  double zero_count_ = 0;
  double sum_ = 0;
};

FloatHistogram Stale() {
  FloatHistogram histogram;
  histogram.sum = model::StaleNaN();
  return histogram;
}

TEST(HistogramCodec, GivesBackCountersWhoseBucketsAppearOneByOne) {
  base::SeededRandom random(1);
  for (const bool is_integer : {true, false}) {
    Source source(random);
    Chunk chunk;
    while (chunk.rows() < 480) chunk.Add(source.Next(is_integer));
    chunk.ExpectRoundTrip();
  }
}

TEST(HistogramCodec, KeepsHintsStaleMarkersAndResets) {
  base::SeededRandom random(2);
  Chunk chunk;
  for (int life = 0; life < 6; ++life) {
    Source source(random);
    for (int i = 0; i < 20; ++i) {
      FloatHistogram histogram = source.Next(true);
      histogram.counter_reset_hint = i == 0 ? model::CounterResetHint::kReset : model::CounterResetHint::kNotReset;
      chunk.Add(std::move(histogram));
      if (random.OneIn(7)) chunk.Add(Stale());
    }
    chunk.Add(Stale());
  }
  chunk.ExpectRoundTrip();
}

TEST(HistogramCodec, KeepsWhatIsOdd) {
  base::SeededRandom random(3);
  Source source(random);
  Chunk chunk;
  chunk.Add(Stale());
  chunk.Add({});
  FloatHistogram histogram = source.Next(true);
  histogram.count += 3;  // NaN observations are in no bucket
  histogram.sum = std::bit_cast<double>(0x7ff8dead00000001);
  chunk.Add(histogram);
  histogram.sum = model::StaleNaN();  // a stale marker that has buckets
  chunk.Add(histogram);
  histogram.zero_count = -0.0;
  histogram.schema = -4;
  histogram.counter_reset_hint = model::CounterResetHint::kGauge;
  histogram.negative_spans = {{.offset = -5, .length = 2}, {.offset = 0, .length = 0}, {.offset = 3, .length = 1}};
  histogram.negative_buckets = {1.5, 0, 1e300};
  chunk.Add(histogram);
  FloatHistogram custom;
  custom.schema = model::kSchemaCustom;
  custom.custom_values = {0.005, 0.1, 1, 10};
  custom.positive_spans = {{.offset = 1, .length = 2}, {.offset = 1, .length = 1}};
  custom.positive_buckets = {4, 5, 6};
  custom.count = 15;
  chunk.Add(custom);
  custom.custom_values[3] = 11;
  chunk.Add(custom);
  chunk.ExpectRoundTrip();
}

TEST(HistogramCodec, CostsAFewBitsForABucketThatMovesAsTheOthersDo) {
  base::SeededRandom random(4);
  Source source(random);
  for (int i = 0; i < 2000; ++i) source.Next(true);
  Chunk chunk;
  std::size_t buckets = 0;
  while (chunk.rows() < 480) {
    chunk.Add(source.Next(true));
    buckets += chunk.samples().back().histogram->positive_buckets.size();
  }
  EXPECT_LT(chunk.ExpectRoundTrip().size(), buckets / 2);
}

TEST(HistogramCodec, RefusesHistogramsThatContradictThemselves) {
  FloatHistogram histogram;
  histogram.positive_buckets = {1, 2};
  Chunk chunk;
  chunk.Add(histogram);
  base::ByteBuffer bytes;
  const auto result = EncodeHistograms(chunk.samples(), bytes);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kInvalidArgument);
  EXPECT_TRUE(bytes.empty());
}

TEST(HistogramCodec, RefusesOrSurvivesDamage) {
  base::SeededRandom random(5);
  Source source(random);
  Chunk chunk;
  for (int i = 0; i < 40; ++i) chunk.Add(i % 9 == 3 ? Stale() : source.Next(true));
  const base::ByteBuffer bytes = chunk.ExpectRoundTrip();
  std::vector<HistogramSample> decoded;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    decoded.clear();
    EXPECT_FALSE(DecodeHistograms(base::ByteSpan(bytes).first(cut), chunk.timestamps(), decoded)) << "cut at " << cut;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    base::ByteBuffer flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    decoded.clear();
    const auto result = DecodeHistograms(flipped, chunk.timestamps(), decoded);
    EXPECT_TRUE(result || result.error().code() == base::Code::kCorruption);
  }
}

}  // namespace
}  // namespace baro::tsdb

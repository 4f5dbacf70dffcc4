// Chunks of all encodings: round trips against what was put in, and bytes that make no sense.
#include "tsdb/promblock/chunk.h"

#include <gtest/gtest.h>

#include "tsdb/promblock/bit_codes.h"
#include "tsdb/promblock/series_chunker.h"
#include "tsdb/promblock/testing.h"

namespace baro::tsdb {
namespace {

base::ByteBuffer Bytes(std::initializer_list<unsigned> values) {
  base::ByteBuffer bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(BitCodes, SayEveryNumberAtTheEdgesOfTheirClasses) {
  std::vector<std::int64_t> numbers = {0, 1, -1, std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()};
  for (unsigned width = 1; width < 64; ++width) {
    for (const std::int64_t near : {-1, 0, 1}) {
      const auto edge = static_cast<std::int64_t>(std::uint64_t{1} << (width - 1));
      numbers.push_back(edge + near);
      numbers.push_back(-edge + near);
    }
  }
  BitWriter out;
  for (const std::int64_t number : numbers) {
    WriteVarbit(out, number);
    WriteSigned(out, number, kTimestampWidths);
    WriteVarbitUnsigned(out, static_cast<std::uint64_t>(number));
    out.Varint(static_cast<std::uint64_t>(number));
  }
  BitReader in(out.bytes());
  for (const std::int64_t number : numbers) {
    EXPECT_EQ(ReadVarbit(in), number);
    EXPECT_EQ(ReadSigned(in, kTimestampWidths), number);
    EXPECT_EQ(ReadVarbitUnsigned(in), static_cast<std::uint64_t>(number));
    EXPECT_EQ(in.Varint(), static_cast<std::uint64_t>(number));
  }
  EXPECT_TRUE(in.ok());
  EXPECT_LT(in.remaining(), 8);
}

TEST(BitCodes, HaveOneNumberMoreAboveZeroThanBelow) {
  // Source   Prometheus, tsdb/docs/bstream.md: three bits say -3 to 4.
  EXPECT_TRUE(FitsSigned(4, 3));
  EXPECT_FALSE(FitsSigned(5, 3));
  EXPECT_TRUE(FitsSigned(-3, 3));
  EXPECT_FALSE(FitsSigned(-4, 3));
  EXPECT_EQ(SignExtend(4, 3), 4);
  EXPECT_EQ(SignExtend(5, 3), -3);
}

TEST(XorChunk, HasTheBytesThatTheFormatSays) {
  XorChunkWriter writer;
  writer.Append({.timestamp_ms = 1000, .value = 1});
  writer.Append({.timestamp_ms = 2000, .value = 1});
  writer.Append({.timestamp_ms = 3000, .value = 3});
  // Count; zigzag varint 1000; 1.0; varint 1000; then bits: 0 (same value), 0 (same delta), 11 (new window), 00001 (one
  // leading zero), 001011 (11 significant bits: 0x3ff0... ^ 0x4008... = 0x7ff8...) is 12 bits wide.
  const base::ByteBuffer chunk = writer.Take();
  base::ByteBuffer want = Bytes({0x00, 0x03, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07});
  const base::ByteBuffer bits = Bytes({0b0'0'11'0000, 0b1'001100'1, 0b11111111, 0b111'00000});
  base::AppendBytes(want, bits);
  EXPECT_EQ(chunk, want);
}

std::vector<FinishedChunk> CutIntoChunks(const LiteralSeries& series) {
  std::vector<FinishedChunk> chunks;
  const SeriesChunker::Emit emit = [&chunks](FinishedChunk chunk) { chunks.push_back(std::move(chunk)); };
  SeriesChunker chunker;
  for (const model::Sample& sample : series.samples) chunker.Append(sample, emit);
  for (const HistogramSample& sample : series.histograms) chunker.Append(sample, emit);
  chunker.Finish(emit);
  return chunks;
}

ChunkView ViewOf(const FinishedChunk& chunk) {
  return {.encoding = static_cast<std::uint8_t>(chunk.encoding), .data = chunk.data};
}

/// The same observations: buckets that are there and empty are as good as ones that are not there.
void ExpectSameHistogram(model::FloatHistogram got, model::FloatHistogram want) {
  const bool is_stale = model::IsStaleNaN(want.sum);
  EXPECT_EQ(model::IsStaleNaN(got.sum), is_stale);
  if (is_stale) return;
  got.Compact(0);
  want.Compact(0);
  EXPECT_TRUE(got.Equals(want)) << got.ToString() << " instead of " << want.ToString();
}

void ExpectSame(SampleColumns& columns, const LiteralSeries& want) {
  ASSERT_EQ(columns.timestamp_buffer().size(), want.samples.size());
  for (std::size_t i = 0; i < want.samples.size(); ++i) {
    EXPECT_EQ((model::Sample{columns.timestamp_buffer()[i], columns.value_buffer()[i]}), want.samples[i]) << i;
  }
  ASSERT_EQ(columns.histogram_buffer().size(), want.histograms.size());
  for (std::size_t i = 0; i < want.histograms.size(); ++i) {
    EXPECT_EQ(columns.histogram_buffer()[i].timestamp_ms, want.histograms[i].timestamp_ms);
    ExpectSameHistogram(*columns.histogram_buffer()[i].histogram, *want.histograms[i].histogram);
  }
}

TEST(Chunks, GiveBackEveryBitOfEverySeries) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    base::SeededRandom random(seed);
    for (const LiteralSeries& series : RandomSeries(random, 6)) {
      SampleColumns columns;
      std::size_t samples = 0;
      for (const FinishedChunk& chunk : CutIntoChunks(series)) {
        EXPECT_LE(chunk.samples, kChunkSamplesTarget);
        const auto facts = InspectChunk(ViewOf(chunk));
        ASSERT_TRUE(facts) << facts.error().message();
        EXPECT_EQ(facts->samples, chunk.samples);
        samples += chunk.samples;
        const auto decoded = DecodeChunk(ViewOf(chunk), {}, columns);
        ASSERT_TRUE(decoded) << decoded.error().message();
      }
      EXPECT_EQ(samples, series.samples.size() + series.histograms.size());
      ExpectSame(columns, series);
    }
  }
}

TEST(Chunks, SayNotResetOnlyWhereThereIsNone) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    base::SeededRandom random(seed);
    LiteralSeries series;
    series.histograms = RandomHistograms(random, 200, 0);
    SampleColumns columns;
    for (const FinishedChunk& chunk : CutIntoChunks(series)) {
      ASSERT_TRUE(DecodeChunk(ViewOf(chunk), {}, columns));
    }
    const auto& got = columns.histogram_buffer();
    for (std::size_t i = 1; i < got.size(); ++i) {
      if (got[i].histogram->counter_reset_hint != model::CounterResetHint::kNotReset) continue;
      model::FloatHistogram plain = *series.histograms[i].histogram;
      plain.counter_reset_hint = model::CounterResetHint::kUnknown;
      EXPECT_FALSE(plain.DetectReset(*series.histograms[i - 1].histogram)) << "seed " << seed << ", sample " << i;
    }
  }
}

TEST(Chunks, LeaveOutWhatIsOutsideOrDeleted) {
  LiteralSeries series;
  for (int i = 0; i < 100; ++i) series.samples.push_back({.timestamp_ms = i * 10, .value = i * 1.0});
  const auto chunks = CutIntoChunks(series);
  ASSERT_EQ(chunks.size(), 1);
  const std::vector<model::TimeRange> deleted = {{.min_ms = 0, .max_ms = 205}, {.min_ms = 300, .max_ms = 300}};
  SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(ViewOf(chunks[0]), {.range = {.min_ms = 100, .max_ms = 320}, .deleted = deleted}, columns));
  EXPECT_EQ(columns.timestamp_buffer(),
            (std::vector<std::int64_t>{210, 220, 230, 240, 250, 260, 270, 280, 290, 310, 320}));
}

TEST(Chunks, ForgetTheResetHintBehindAGap) {
  base::SeededRandom random(3);
  LiteralSeries series;
  auto histogram = std::make_shared<model::FloatHistogram>();
  histogram->count = histogram->zero_count = 3;
  for (int i = 0; i < 6; ++i) series.histograms.push_back({.timestamp_ms = i, .histogram = histogram});
  const auto chunks = CutIntoChunks(series);
  ASSERT_EQ(chunks.size(), 1);
  const std::vector<model::TimeRange> deleted = {{.min_ms = 3, .max_ms = 3}};
  SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(ViewOf(chunks[0]), {.range = {.min_ms = 1}, .deleted = deleted}, columns));
  std::vector<model::CounterResetHint> hints;
  for (const auto& sample : columns.histogram_buffer()) hints.push_back(sample.histogram->counter_reset_hint);
  using enum model::CounterResetHint;
  EXPECT_EQ(hints, (std::vector{kUnknown, kNotReset, kUnknown, kNotReset}));
}

TEST(Chunks, NameTheEncodingsThatAreNotRead) {
  const struct {
    std::uint8_t encoding;
    std::string_view name;
  } kRows[] = {{4, "XOR2"}, {5, "histogram with start timestamps"}, {9, "9, which is not known"}};
  for (const auto& [encoding, name] : kRows) {
    SampleColumns columns;
    const auto decoded = DecodeChunk({.encoding = encoding, .data = {}}, {}, columns);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code(), base::Code::kUnsupported);
    EXPECT_NE(decoded.error().message().find(name), std::string::npos) << decoded.error().message();
  }
}

TEST(Chunks, RefuseCutAndFlippedBytesWithoutHarm) {
  base::SeededRandom random(11);
  for (const LiteralSeries& series : RandomSeries(random, 12)) {
    for (const FinishedChunk& chunk : CutIntoChunks(series)) {
      for (int i = 0; i < 60; ++i) {
        FinishedChunk damaged = chunk;
        const std::size_t at = random.Below(damaged.data.size());
        if (random.OneIn(2)) {
          damaged.data.resize(at);
        } else {
          damaged.data[at] ^= static_cast<std::byte>(1U << random.Below(8));
        }
        SampleColumns columns;
        // It fails or not; it neither crashes nor gives samples out of order.
        if (DecodeChunk(ViewOf(damaged), {}, columns)) {
          EXPECT_TRUE(IsInOrder(columns));
        }
      }
      FinishedChunk cut = chunk;
      cut.data.resize(cut.data.size() - 1);
      SampleColumns columns;
      EXPECT_FALSE(DecodeChunk(ViewOf(cut), {}, columns));
    }
  }
}

TEST(Chunks, DoNotAllocateWhatAChunkOnlyClaims) {
  // 65535 histograms of a million buckets each, in a few bytes.
  BitWriter out;
  out.Bits(65'535, 16);
  out.Bits(0, 8);
  out.Bits(0, 8);                       // zero threshold
  WriteVarbit(out, 0);                  // schema
  WriteVarbitUnsigned(out, 1);          // one positive span
  WriteVarbitUnsigned(out, 1'000'000);  // its length
  WriteVarbit(out, 0);                  // its offset
  WriteVarbitUnsigned(out, 0);          // no negative span
  SampleColumns columns;
  EXPECT_FALSE(DecodeChunk({.encoding = 2, .data = out.bytes()}, {}, columns));
  out.bytes().resize(200'000);  // now each bucket has its bit
  const auto decoded = DecodeChunk({.encoding = 2, .data = out.bytes()}, {}, columns);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), base::Code::kLimitExceeded);
}

TEST(MergeBuffers, SortsAndKeepsTheFirstOfEqualTimes) {
  SampleColumns columns;
  columns.timestamp_buffer() = {10, 20, 30, 5, 20, 40};
  columns.value_buffer() = {1, 2, 3, 4, 5, 6};
  const auto histogram = std::make_shared<const model::FloatHistogram>();
  columns.histogram_buffer() = {{.timestamp_ms = 50, .histogram = histogram},
                                {.timestamp_ms = 30, .histogram = histogram}};
  EXPECT_FALSE(IsInOrder(columns));
  MergeBuffers(columns);
  EXPECT_TRUE(IsInOrder(columns));
  EXPECT_EQ(columns.timestamp_buffer(), (std::vector<std::int64_t>{5, 10, 20, 30, 40}));
  EXPECT_EQ(columns.value_buffer(), (std::vector<double>{4, 1, 2, 3, 6}));
  ASSERT_EQ(columns.histogram_buffer().size(), 1);
  EXPECT_EQ(columns.histogram_buffer()[0].timestamp_ms, 50);
}

}  // namespace
}  // namespace baro::tsdb

// Every codec, forced, over every kind of data, decoded by every kernel: the model is what went in.
#include "tsdb/codec/chunk_codec.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample.h"
#include "tsdb/codec/column_codec.h"
#include "tsdb/codec/decode_kernels.h"

namespace baro::tsdb {
namespace {

using Next = std::function<double(double last, base::Random& random)>;

// Kinds of data: what exporters say, and what only an enemy would.
struct Shape {
  const char* name;
  Next next;
};

double Below(base::Random& random, std::uint64_t end) { return static_cast<double>(random.Below(end)); }

const std::vector<Shape>& Shapes() {
  static const std::vector<Shape> shapes = {
      {"zero", [](double, base::Random&) { return 0.0; }},
      {"constant", [](double last, base::Random&) { return last; }},
      {"counter", [](double last, base::Random& random) { return last + Below(random, 1000); }},
      {"steady counter", [](double last, base::Random&) { return last + 15; }},
      {"counter with resets", [](double last, base::Random& random) { return random.OneIn(50) ? 0 : last + 7; }},
      {"counter of pages", [](double last, base::Random& random) { return last + 4096 * Below(random, 100); }},
      {"huge counter", [](double last, base::Random& random) { return last + 0x1p40 * Below(random, 4096); }},
      {"hundredths", [](double last, base::Random& r) { return std::nearbyint(last * 100 + Below(r, 300)) / 100; }},
      {"times 0.001", [](double last, base::Random& r) { return (std::nearbyint(last * 1000) + Below(r, 9)) * 0.001; }},
      {"sums of durations", [](double last, base::Random& r) { return last + Below(r, 1'000'000'000) / 1e9; }},
      {"boolean", [](double, base::Random& random) { return random.OneIn(3) ? 1.0 : 0.0; }},
      {"few values", [](double, base::Random& random) { return 1e6 * Below(random, 5) + 0.25; }},
      {"many values", [](double, base::Random& random) { return 12345.5 * Below(random, 200); }},
      {"rare jumps", [](double last, base::Random& r) { return r.OneIn(20) ? last + Below(r, 1U << 30) : last + 1; }},
      {"mantissas", [](double, base::Random& random) { return 0.5 + std::ldexp(Below(random, 1ULL << 52), -53); }},
      {"any bits", [](double, base::Random& random) { return std::bit_cast<double>(random.NextU64()); }},
      {"payloads of NaN",
       [](double, base::Random& r) { return std::bit_cast<double>(0x7ff0000000000001 | r.NextU64()); }},
      {"stale markers", [](double last, base::Random& r) { return r.OneIn(5) ? model::StaleNaN() : last; }},
      {"runs of stale markers",
       [](double last, base::Random& r) { return std::isnan(last) != r.OneIn(40) ? model::StaleNaN() : 5.0; }},
      {"negative zeros", [](double, base::Random& random) { return random.OneIn(4) ? -0.0 : Below(random, 3); }},
      {"infinities",
       [](double last, base::Random& r) {
         return r.OneIn(9) ? std::numeric_limits<double>::infinity() * (r.OneIn(2) ? 1 : -1)
                           : (std::isinf(last) ? 1 : last + 1);
       }},
      {"denormals", [](double, base::Random& r) { return std::bit_cast<double>(r.NextU64() >> 12); }},
      {"edges of integers",
       [](double, base::Random& r) { return std::ldexp(1.0 - Below(r, 3), static_cast<int>(r.Below(66))) - 1; }},
  };
  return shapes;
}

std::vector<std::uint64_t> BitsOf(std::span<const double> values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

// Kernels are global: put back when a test ends.
class ChunkCodec : public testing::Test {
 protected:
  ~ChunkCodec() override { UseDecodeKernels(usual_); }

 private:
  const DecodeKernels& usual_ = CurrentDecodeKernels();
};

// Decodes from memory that ends where the payload does, as at the end of a file.
void ExpectDecodes(const base::ByteBuffer& header, base::ByteBuffer payload, std::span<const double> values) {
  payload.shrink_to_fit();
  const std::vector<std::uint64_t> expected = BitsOf(values);
  for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
    UseDecodeKernels(*kernels);
    base::ByteReader reader{base::ByteSpan(header).subspan(1)};
    ChunkHeader read;
    const auto rows = static_cast<std::uint32_t>(values.size());
    ASSERT_TRUE(ReadChunkHeader(static_cast<std::uint8_t>(header[0]), rows, reader, read)) << kernels->name;
    ASSERT_TRUE(reader.AtEnd());
    ASSERT_EQ(read.payload_bytes, payload.size()) << kernels->name;
    std::vector<double> decoded(values.size());
    const auto done = DecodeChunk(read, payload, rows, decoded);
    ASSERT_TRUE(done) << kernels->name << ": " << done.error().message();
    ASSERT_EQ(BitsOf(decoded), expected) << kernels->name;
    for (const std::size_t count : {std::size_t{1}, values.size() / 3, values.size() - 1}) {
      if (count == 0) continue;
      std::vector<double> first(count);
      ASSERT_TRUE(DecodeChunk(read, payload, rows, first)) << kernels->name;
      ASSERT_EQ(BitsOf(first), BitsOf(values.first(count))) << kernels->name << ", the first " << count;
    }
    if (const auto constant = ConstantOf(read)) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(*constant), expected[0]);
    }
    if (const auto first = FirstOf(read)) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(*first), expected[0]);
    }
  }
}

TEST_F(ChunkCodec, GivesBackEveryBitByEveryKindAndKernel) {
  base::SeededRandom random(1);
  std::array<std::size_t, 8> uses{};
  for (const Shape& shape : Shapes()) {
    for (const std::size_t rows : {1U, 2U, 3U, 7U, 8U, 9U, 64U, 120U, 137U, 193U, 321U, 480U, 1023U, 1024U}) {
      std::vector<double> values(rows);
      double last = Below(random, 1'000'000);
      for (double& value : values) last = value = shape.next(last, random);
      base::ByteBuffer header;
      base::ByteBuffer payload;
      ChunkHint hint;
      SCOPED_TRACE(fmt::format("{}, {} rows", shape.name, rows));
      EncodeChunk(values, &hint, header, payload);
      ExpectDecodes(header, payload, values);
      for (const ColumnCodec* codec : ColumnCodecs()) {
        SCOPED_TRACE(codec->name);
        base::ByteBuffer forced_header;
        base::ByteBuffer forced_payload;
        if (!EncodeChunkAs(codec->kind, values, forced_header, forced_payload)) {
          EXPECT_TRUE(forced_header.empty() && forced_payload.empty());
          continue;
        }
        ++uses[static_cast<std::size_t>(codec->kind)];
        ExpectDecodes(forced_header, forced_payload, values);
        EXPECT_LE(header.size() + payload.size(), forced_header.size() + forced_payload.size() + 64 + rows / 8);
      }
    }
  }
  for (const std::size_t count : uses) EXPECT_GT(count, 20U);  // each kind held many of them
}

TEST_F(ChunkCodec, SurvivesDamageInEveryKindAndKernel) {
  base::SeededRandom random(2);
  for (const Shape& shape : Shapes()) {
    std::vector<double> values(150);
    double last = Below(random, 1'000'000);
    for (double& value : values) last = value = shape.next(last, random);
    for (const ColumnCodec* codec : ColumnCodecs()) {
      base::ByteBuffer header;
      base::ByteBuffer payload;
      if (!EncodeChunkAs(codec->kind, values, header, payload)) continue;
      for (int round = 0; round < 60; ++round) {
        base::ByteBuffer bad_header = header;
        base::ByteBuffer bad_payload = payload;
        const std::size_t at = random.Below(header.size() + payload.size());
        (at < header.size() ? bad_header[at] : bad_payload[at - header.size()]) ^=
            static_cast<std::byte>(1U << random.Below(8));
        base::ByteReader reader{base::ByteSpan(bad_header).subspan(1)};
        ChunkHeader read;
        if (!ReadChunkHeader(static_cast<std::uint8_t>(bad_header[0]), 150, reader, read)) continue;
        if (read.payload_bytes > bad_payload.size()) continue;
        // All kernels find the same in it, be it an error.
        std::vector<std::vector<std::uint64_t>> found;
        for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
          UseDecodeKernels(*kernels);
          std::vector<double> decoded(values.size());
          const auto done = DecodeChunk(read, bad_payload, decoded.size(), decoded);
          found.push_back(done ? BitsOf(decoded) : std::vector<std::uint64_t>());
          ASSERT_EQ(found.front(), found.back()) << shape.name << ", " << codec->name << ", " << kernels->name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace baro::tsdb

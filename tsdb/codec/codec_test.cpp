// Round trips of all codecs, over values that live and values that hurt.
#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample.h"
#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

using base::ByteBuffer;

std::vector<std::uint64_t> BitsOf(std::span<const double> values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

// Decodes what was encoded and compares bit by bit; returns the encoded size.
std::size_t ExpectRoundTrip(std::span<const double> values) {
  ByteBuffer bytes;
  EncodeValues(values, bytes);
  std::vector<double> decoded(values.size());
  const auto rest = DecodeValues(bytes, decoded);
  EXPECT_TRUE(rest) << (rest ? "" : rest.error().message());
  EXPECT_TRUE(!rest || rest->empty());
  EXPECT_EQ(BitsOf(decoded), BitsOf(values));
  return bytes.size();
}

// One generator per shape that exporters produce, and some that only an enemy would.
double NextValue(unsigned shape, double last, base::Random& random) {
  switch (shape) {
    case 0:
      return last + static_cast<double>(random.Below(1000));
    case 1:
      return std::nearbyint(last * 100 + static_cast<double>(random.Below(300))) / 100;
    case 2:
      return std::bit_cast<double>(random.NextU64());
    case 3:
      return random.OneIn(4) ? model::StaleNaN() : last + 1;
    case 4:
      return random.OneIn(8) ? -0.0 : static_cast<double>(random.Below(3)) - 1;
    case 5:
      return last + 4096.0 * static_cast<double>(random.Below(100));
    case 6:
      return last + std::ldexp(static_cast<double>(random.NextU64() >> 11), -60);
    default:
      return random.OneIn(16) ? std::numeric_limits<double>::infinity() : last;
  }
}

TEST(ValueCodec, GivesBackEveryBitOfEveryShape) {
  base::SeededRandom random(1);
  for (unsigned round = 0; round < 4000; ++round) {
    const auto shape = static_cast<unsigned>(random.Below(8));
    std::vector<double> values(1 + random.Below(300));
    double last = static_cast<double>(random.Below(1'000'000));
    for (double& value : values) {
      value = NextValue(shape, last, random);
      if (std::isfinite(value)) last = value;
    }
    SCOPED_TRACE(fmt::format("round {} shape {}", round, shape));
    ExpectRoundTrip(values);
  }
}

TEST(ValueCodec, KeepsSpecialValues) {
  const std::vector<double> specials = {model::StaleNaN(),
                                        model::CanonicalNaN(),
                                        -0.0,
                                        0.0,
                                        std::numeric_limits<double>::infinity(),
                                        -std::numeric_limits<double>::infinity(),
                                        std::numeric_limits<double>::denorm_min(),
                                        std::numeric_limits<double>::max(),
                                        -9007199254740993.0,
                                        9223372036854775808.0,
                                        std::bit_cast<double>(0xfff8dead00000001),
                                        0.1,
                                        1e-15};
  ExpectRoundTrip(specials);
  for (const double special : specials) {
    ExpectRoundTrip(std::vector<double>(1, special));
    ExpectRoundTrip(std::vector<double>(200, special));
    std::vector<double> among(200, 5);
    among[17] = special;
    ExpectRoundTrip(among);
  }
}

TEST(ValueCodec, CostsLittleForWhatExportersSay) {
  std::vector<double> constant(128, 42);
  EXPECT_LE(ExpectRoundTrip(constant), 3U);
  std::vector<double> steady;
  for (int i = 0; i < 128; ++i) steady.push_back(1e9 + 15 * i);
  EXPECT_LE(ExpectRoundTrip(steady), 12U);
  base::SeededRandom random(2);
  std::vector<double> seconds;  // a CPU counter in hundredths
  std::uint64_t ticks = 123456;
  for (int i = 0; i < 128; ++i) seconds.push_back(static_cast<double>(ticks += 1400 + random.Below(100)) / 100);
  EXPECT_LE(ExpectRoundTrip(seconds), 128U);
}

TEST(IntegerStream, GivesBackEveryBit) {
  base::SeededRandom random(3);
  for (unsigned round = 0; round < 4000; ++round) {
    std::vector<std::uint64_t> values(random.Below(400));
    const auto width = static_cast<unsigned>(random.Below(65));
    std::uint64_t last = random.NextU64();
    const std::uint64_t factor = random.OneIn(3) ? 1000 : 1;
    for (std::uint64_t& value : values) {
      const std::uint64_t step = width == 0 ? 0 : random.NextU64() >> (64 - width);
      value = last += (random.OneIn(50) ? random.NextU64() : step * factor);
    }
    ByteBuffer bytes;
    EncodeIntegers(values, bytes);
    std::vector<std::uint64_t> decoded(values.size());
    const auto rest = DecodeIntegers(bytes, decoded);
    ASSERT_TRUE(rest) << "round " << round << ": " << rest.error().message();
    ASSERT_TRUE(rest->empty()) << "round " << round;
    ASSERT_EQ(decoded, values) << "round " << round;
  }
}

TEST(BitPacking, GivesBackEveryWidth) {
  base::SeededRandom random(4);
  for (unsigned width = 0; width <= 64; ++width) {
    for (const std::size_t count : {0U, 1U, 7U, 8U, 64U, 129U}) {
      std::vector<std::uint64_t> values(count);
      for (std::uint64_t& value : values) value = width == 0 ? 0 : random.NextU64() >> (64 - width);
      ByteBuffer bytes;
      PackBits(values, width, bytes);
      ASSERT_EQ(bytes.size(), PackedBytes(count, width));
      std::vector<std::uint64_t> unpacked(count);
      UnpackBits(bytes, width, unpacked);
      ASSERT_EQ(unpacked, values) << "width " << width << " count " << count;
    }
  }
}

TEST(ValueCodec, RefusesOrSurvivesDamage) {
  base::SeededRandom random(5);
  std::vector<double> values;
  for (int i = 0; i < 150; ++i) values.push_back(random.OneIn(9) ? model::StaleNaN() : static_cast<double>(i) / 10);
  ByteBuffer bytes;
  EncodeValues(values, bytes);
  std::vector<double> decoded(values.size());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(DecodeValues(base::ByteSpan(bytes).first(cut), decoded)) << "cut at " << cut;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    ByteBuffer flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto result = DecodeValues(flipped, decoded);  // a wrong value is for the checksum to find; no bad access
    EXPECT_TRUE(result || result.error().code() == base::Code::kCorruption);
  }
}

}  // namespace
}  // namespace baro::tsdb

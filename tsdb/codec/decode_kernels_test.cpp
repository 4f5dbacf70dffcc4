// Kernels against the portable ones, bit by bit, over all rules, widths and lengths.
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decimal.h"
#include "tsdb/codec/decode_kernels.h"

namespace baro::tsdb {
namespace {

using base::ByteBuffer;

// All but the reference.
std::span<const DecodeKernels* const> VectorKernels() { return AvailableDecodeKernels().subspan(1); }

std::vector<std::uint64_t> RandomBits(std::size_t count, unsigned width, base::Random& random) {
  std::vector<std::uint64_t> values(count);
  for (std::uint64_t& value : values) value = width == 0 ? 0 : random.NextU64() >> (64 - width);
  return values;
}

// Packed bits with just the slack that kernels may read, so that a sanitizer sees what reads more.
ByteBuffer Packed(std::span<const std::uint64_t> values, unsigned width) {
  ByteBuffer bytes;
  PackBits(values, width, bytes);
  bytes.resize(bytes.size() + kReadSlackBytes);
  bytes.shrink_to_fit();
  return bytes;
}

// Small, large and in between.
std::uint64_t RandomNumber(base::Random& random) { return random.NextU64() >> random.Below(64); }

ConversionRule RandomConversion(base::Random& random) {
  const auto conversion = static_cast<Conversion>(random.Below(kConversions));
  const auto exponent = static_cast<std::uint8_t>(1 + random.Below(kExponentMax));
  if (conversion == Conversion::kDivided) return DecimalForm{.exponent = exponent}.rule();
  if (conversion == Conversion::kMultiplied) return DecimalForm{.exponent = exponent, .is_multiplied = true}.rule();
  return {.conversion = conversion};
}

TEST(DecodeKernels, DecodeBlocksAsThePortableOnesDo) {
  base::SeededRandom random(1);
  for (unsigned round = 0; round < 20'000; ++round) {
    const auto width = static_cast<unsigned>(random.Below(65));
    const std::size_t length = 1 + random.Below(192);
    const ByteBuffer bytes = Packed(RandomBits(length, width, random), width);
    const PackedBlock block = {.bytes = bytes.data(), .width = width, .bits = width, .length = length};
    const IntegrationRule rule = {.predictor = static_cast<unsigned>(random.Below(3)),
                                  .is_zigzag = random.OneIn(2),
                                  .divisor = random.OneIn(2) ? 1 : RandomNumber(random),
                                  .base = random.OneIn(2) ? 0 : 0 - RandomNumber(random)};
    const IntegrationState state = {.value = random.OneIn(2) ? RandomNumber(random) : 0 - RandomNumber(random),
                                    .delta = RandomNumber(random)};
    const ConversionRule conversion = RandomConversion(random);
    std::vector<std::uint64_t> expected(length);
    IntegrationState expected_state = state;
    kPortableKernels.decode(block, rule, conversion, expected_state,
                            std::as_writable_bytes(std::span(expected)).data());
    for (const DecodeKernels* kernels : VectorKernels()) {
      SCOPED_TRACE(fmt::format("{} round {} width {} length {}", kernels->name, round, width, length));
      std::vector<std::uint64_t> decoded(length);
      IntegrationState got = state;
      kernels->decode(block, rule, conversion, got, std::as_writable_bytes(std::span(decoded)).data());
      ASSERT_EQ(decoded, expected);
      if (length % 8 != 0) continue;
      if (rule.predictor >= 1) {
        ASSERT_EQ(got.value, expected_state.value);
      }
      if (rule.predictor == 2) {
        ASSERT_EQ(got.delta, expected_state.delta);
      }
    }
  }
}

TEST(DecodeKernels, DecodeLongStreamsOfZeros) {
  for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
    const ByteBuffer bytes(kReadSlackBytes);
    std::vector<std::uint64_t> decoded(5000);
    IntegrationState state = {.value = 7, .delta = 3};
    kernels->decode({.bytes = bytes.data(), .length = decoded.size()}, {.predictor = 2, .base = 1}, {}, state,
                    std::as_writable_bytes(std::span(decoded)).data());
    std::uint64_t value = 7;
    for (std::size_t i = 0; i < decoded.size(); ++i) ASSERT_EQ(decoded[i], value += 3 + i + 1) << kernels->name;
  }
}

// Kernels divide by multiplying and correcting. Quotients nearest to the middle of two doubles are where that would
// show: the integers nearest to such a middle times the scale.
TEST(DecodeKernels, DivideAsDivisionDoes) {
  base::SeededRandom random(2);
  const ByteBuffer none(kReadSlackBytes);
  for (std::uint8_t exponent = 1; exponent <= kExponentMax; ++exponent) {
    const ConversionRule rule = DecimalForm{.exponent = exponent}.rule();
    std::vector<std::uint64_t> integers = {0, 1, 0 - std::uint64_t{1}, std::uint64_t{1} << 53, ~std::uint64_t{0} >> 1};
    for (int round = 0; round < 20'000; ++round) {
      const double middle =
          std::ldexp(static_cast<double>(random.NextU64() >> 11 | std::uint64_t{1} << 52), -52) + std::ldexp(1.0, -53);
      const double scaled = std::ldexp(middle, static_cast<int>(random.Below(62)) - 3 * exponent) * rule.scale;
      if (!(std::fabs(scaled) < 0x1p62)) continue;
      const auto near = static_cast<std::int64_t>(scaled);
      for (const std::int64_t step : {-1, 0, 1}) integers.push_back(static_cast<std::uint64_t>(near + step));
      integers.push_back(0 - RandomNumber(random));
    }
    const ByteBuffer bytes = Packed(integers, 64);
    for (const DecodeKernels* kernels : VectorKernels()) {
      std::vector<double> values(integers.size());
      IntegrationState state;
      kernels->decode({.bytes = bytes.data(), .width = 64, .bits = 64, .length = integers.size()}, {}, rule, state,
                      std::as_writable_bytes(std::span(values)).data());
      for (std::size_t i = 0; i < integers.size(); ++i) {
        const double divided = static_cast<double>(static_cast<std::int64_t>(integers[i])) / rule.scale;
        ASSERT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(divided))
            << kernels->name << ": " << static_cast<std::int64_t>(integers[i]) << " / 10^" << int{exponent};
      }
    }
  }
}

TEST(DecodeKernels, UnpackAsThePortableOnesDo) {
  base::SeededRandom random(3);
  for (unsigned width = 0; width <= 64; ++width) {
    for (std::size_t count = 0; count < 70; ++count) {
      const std::vector<std::uint64_t> values = RandomBits(count, width, random);
      const ByteBuffer bytes = Packed(values, width);
      for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
        std::vector<std::uint64_t> unpacked(count);
        kernels->unpack(bytes.data(), width, unpacked);
        ASSERT_EQ(unpacked, values) << kernels->name << " width " << width << " count " << count;
      }
    }
  }
}

// Exceptions of a block of `length`, as they stand in a payload.
struct Exceptions {
  ByteBuffer bytes;
  PackedExceptions packed;
};

Exceptions RandomExceptions(std::size_t length, bool is_bitmap, base::Random& random) {
  Exceptions made;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < length; ++i) {
    if (random.OneIn(3)) positions.push_back(i);
  }
  if (positions.empty()) positions.push_back(random.Below(length));
  made.packed.is_bitmap = is_bitmap;
  made.packed.count = positions.size();
  made.packed.width = static_cast<unsigned>(random.Below(65));
  made.packed.shift = static_cast<unsigned>(random.Below(64));
  made.packed.position_bytes = is_bitmap ? (length + 7) / 8 : positions.size();
  made.bytes.resize(made.packed.position_bytes);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (is_bitmap) {
      made.bytes[positions[i] / 8] |= static_cast<std::byte>(1U << (positions[i] % 8));
    } else {
      made.bytes[i] = static_cast<std::byte>(positions[i]);
    }
  }
  base::AppendBytes(made.bytes, Packed(RandomBits(positions.size(), made.packed.width, random), made.packed.width));
  made.bytes.shrink_to_fit();
  made.packed.positions = made.bytes.data();
  made.packed.high = made.bytes.data() + made.packed.position_bytes;
  return made;
}

TEST(DecodeKernels, PatchAsThePortableOnesDo) {
  base::SeededRandom random(4);
  for (unsigned round = 0; round < 5000; ++round) {
    const std::size_t length = 1 + random.Below(192);
    const Exceptions exceptions = RandomExceptions(length, random.OneIn(2), random);
    Residuals expected;
    std::ranges::fill(expected, 5);
    ASSERT_TRUE(kPortableKernels.patch(exceptions.packed, length, expected));
    for (const DecodeKernels* kernels : VectorKernels()) {
      Residuals patched;
      std::ranges::fill(patched, 5);
      ASSERT_TRUE(kernels->patch(exceptions.packed, length, patched));
      ASSERT_EQ(patched, expected) << kernels->name << " round " << round;
    }
  }
}

TEST(DecodeKernels, RefuseExceptionsOutsideOfTheirBlock) {
  base::SeededRandom random(5);
  for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
    for (const bool is_bitmap : {false, true}) {
      for (const std::size_t length : {1U, 9U, 100U, 192U}) {
        Exceptions exceptions = RandomExceptions(length, is_bitmap, random);
        Residuals residuals{};
        std::byte& last = exceptions.bytes[exceptions.packed.position_bytes - 1];
        if (!is_bitmap) {
          last = static_cast<std::byte>(length);
        } else {
          last ^= std::byte{1};  // one more, or one fewer
        }
        EXPECT_FALSE(kernels->patch(exceptions.packed, length, residuals)) << kernels->name << " length " << length;
        if (!is_bitmap || length % 8 == 0) continue;
        last ^= std::byte{1};
        last |= std::byte{0x80};
        ++exceptions.packed.count;
        EXPECT_FALSE(kernels->patch(exceptions.packed, length, residuals)) << kernels->name << " length " << length;
      }
    }
  }
}

TEST(DecodeKernels, LookUpAsThePortableOnesDo) {
  base::SeededRandom random(6);
  for (unsigned round = 0; round < 3000; ++round) {
    const std::size_t count = 1 + random.Below(random.OneIn(2) ? 8 : kDictionaryMax);
    const auto width = static_cast<unsigned>(std::bit_width(count - 1));
    std::array<double, kDictionaryMax> dictionary;
    for (std::size_t i = 0; i < count; ++i) dictionary[i] = std::bit_cast<double>(random.NextU64());
    std::vector<std::uint64_t> indexes(1 + random.Below(100));
    for (std::uint64_t& index : indexes) index = random.Below(count);
    const bool is_good = !random.OneIn(4) || std::has_single_bit(count);
    if (!is_good) indexes[random.Below(indexes.size())] = count;
    const ByteBuffer bytes = Packed(indexes, width);
    for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
      std::vector<double> values(indexes.size());
      ASSERT_EQ(kernels->look_up(bytes.data(), width, dictionary, count, values), is_good) << kernels->name;
      for (std::size_t i = 0; is_good && i < values.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(dictionary[indexes[i]]));
      }
    }
  }
}

TEST(DecodeKernels, MoveAndFillAsThePortableOnesDo) {
  base::SeededRandom random(7);
  for (std::size_t count = 0; count < 100; ++count) {
    const std::vector<std::uint64_t> bits = RandomBits(count, 64, random);
    const std::vector<std::uint64_t> distances = RandomBits(count, 64, random);
    const auto moved_by = [&](const DecodeKernels& kernels) {
      std::vector<double> values(count);
      if (count != 0) std::memcpy(values.data(), bits.data(), count * sizeof(double));
      kernels.move(values, distances);
      std::vector<std::uint64_t> moved(count);
      if (count != 0) std::memcpy(moved.data(), values.data(), count * sizeof(double));
      return moved;
    };
    for (const DecodeKernels* kernels : VectorKernels()) {
      ASSERT_EQ(moved_by(*kernels), moved_by(kPortableKernels)) << kernels->name << " count " << count;
      std::vector<double> filled(count, 1);
      kernels->fill(filled, 42.5);
      ASSERT_EQ(filled, std::vector<double>(count, 42.5)) << kernels->name << " count " << count;
    }
  }
}

}  // namespace
}  // namespace baro::tsdb

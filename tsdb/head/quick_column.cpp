#include "tsdb/head/quick_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "tsdb/codec/bit_packing.h"

namespace baro::tsdb {
namespace {

enum Way : unsigned char { kConstant = 0, kIntegers = 1, kBits = 2 };

using Words = std::array<std::uint64_t, kQuickLengthMax>;

// Doubles hold all integers up to here.
constexpr double kIntegerMax = 9007199254740992.0;

base::Error Damaged() { return {base::Code::kCorruption, "chunk of the head: a column's bytes contradict themselves"}; }

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

bool IsConstant(std::span<const double> values) {
  std::uint64_t differences = 0;
  for (const double value : values) differences |= Bits(value) ^ Bits(values[0]);
  return differences == 0;
}

// False if not all are integers that come back as they were: -0 does not, nor what is no number.
bool ToIntegers(std::span<const double> values, Words& integers) {
  std::uint64_t differences = 0;
  bool is_small = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool fits = values[i] >= -kIntegerMax && values[i] <= kIntegerMax;
    is_small &= fits;
    const auto integer = static_cast<std::int64_t>(fits ? values[i] : 0.0);
    integers[i] = static_cast<std::uint64_t>(integer);
    differences |= Bits(static_cast<double>(integer)) ^ Bits(values[i]);
  }
  return is_small && differences == 0;
}

void PutIntegers(std::span<std::uint64_t> integers, base::ByteBuffer& out) {
  const std::uint64_t first = integers[0];
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = std::numeric_limits<std::int64_t>::min();
  for (std::size_t i = integers.size() - 1; i > 0; --i) {
    integers[i] -= integers[i - 1];
    least = std::min(least, static_cast<std::int64_t>(integers[i]));
    most = std::max(most, static_cast<std::int64_t>(integers[i]));
  }
  for (std::size_t i = 1; i < integers.size(); ++i) integers[i] -= static_cast<std::uint64_t>(least);
  const auto width =
      static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least)));
  out.push_back(static_cast<std::byte>(kIntegers));
  out.push_back(static_cast<std::byte>(width));
  base::AppendSignedVarint(out, static_cast<std::int64_t>(first));
  base::AppendSignedVarint(out, least);
  PackBits(integers.subspan(1), width, out);
}

void PutBits(std::span<const double> values, base::ByteBuffer& out) {
  Words differences;
  std::uint64_t all = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    differences[i] = Bits(values[i]) ^ Bits(values[i - 1]);
    all |= differences[i];
  }
  const auto low = static_cast<unsigned>(std::countr_zero(all));
  for (std::size_t i = 1; i < values.size(); ++i) differences[i] >>= low;
  const auto width = static_cast<unsigned>(std::bit_width(all >> low));
  out.push_back(static_cast<std::byte>(kBits));
  out.push_back(static_cast<std::byte>(width));
  out.push_back(static_cast<std::byte>(low));
  base::AppendLe(out, values[0]);
  PackBits(std::span(differences).subspan(1, values.size() - 1), width, out);
}

base::Result<> TakeIntegers(base::ByteReader& reader, std::span<double> values) {
  const auto width = static_cast<unsigned>(reader.Le<std::uint8_t>());
  auto integer = static_cast<std::uint64_t>(reader.SignedVarint());
  const auto least = static_cast<std::uint64_t>(reader.SignedVarint());
  Words differences;
  const std::span<std::uint64_t> rest = std::span(differences).first(values.size() - 1);
  if (!reader.ok() || width > 64 || reader.remaining() != PackedBytes(rest.size(), width)) return Damaged();
  UnpackBits(reader.Bytes(reader.remaining()), width, rest);
  values[0] = static_cast<double>(static_cast<std::int64_t>(integer));
  for (std::size_t i = 0; i < rest.size(); ++i) {
    integer += rest[i] + least;
    values[i + 1] = static_cast<double>(static_cast<std::int64_t>(integer));
  }
  return {};
}

base::Result<> TakeBits(base::ByteReader& reader, std::span<double> values) {
  const auto width = static_cast<unsigned>(reader.Le<std::uint8_t>());
  const auto low = static_cast<unsigned>(reader.Le<std::uint8_t>());
  auto bits = reader.Le<std::uint64_t>();
  Words differences;
  const std::span<std::uint64_t> rest = std::span(differences).first(values.size() - 1);
  const bool is_possible = reader.ok() && width + low <= 64 && low < 64;
  if (!is_possible || reader.remaining() != PackedBytes(rest.size(), width)) return Damaged();
  UnpackBits(reader.Bytes(reader.remaining()), width, rest);
  values[0] = std::bit_cast<double>(bits);
  for (std::size_t i = 0; i < rest.size(); ++i) {
    bits ^= rest[i] << low;
    values[i + 1] = std::bit_cast<double>(bits);
  }
  return {};
}

}  // namespace

void EncodeQuickly(std::span<const double> values, base::ByteBuffer& out) {
  BARO_ASSERT(!values.empty() && values.size() <= kQuickLengthMax);
  Words integers;
  if (IsConstant(values)) {
    out.push_back(static_cast<std::byte>(kConstant));
    base::AppendLe(out, values[0]);
  } else if (ToIntegers(values, integers)) {
    PutIntegers(std::span(integers).first(values.size()), out);
  } else {
    PutBits(values, out);
  }
}

base::Result<> DecodeQuickly(base::ByteSpan bytes, std::span<double> values) {
  base::ByteReader reader(bytes);
  if (values.empty() || values.size() > kQuickLengthMax) return Damaged();
  switch (static_cast<Way>(reader.Le<std::uint8_t>())) {
    case kConstant: {
      const auto value = reader.Le<double>();
      if (!reader.ok() || !reader.AtEnd()) return Damaged();
      std::ranges::fill(values, value);
      return {};
    }
    case kIntegers:
      return TakeIntegers(reader, values);
    case kBits:
      return TakeBits(reader, values);
  }
  return Damaged();
}

}  // namespace baro::tsdb

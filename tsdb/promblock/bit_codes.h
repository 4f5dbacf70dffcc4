// The codes that chunks of all encodings are made of: signed and unsigned numbers in classes of widths, and doubles as
// differences to the double before.
//
// Format   docs/formats/prometheus-blocks.md, "Codes".
// Source   Prometheus, tsdb/docs/format/chunks.md and tsdb/docs/bstream.md; the idea is that of Pelkonen et al.,
//          "Gorilla", VLDB 2015, section 4.1.
// Threads  Pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "tsdb/promblock/bit_stream.h"

namespace baro::tsdb {

/// Widths in bits of the numbers behind 1, 2, 3 ... ones; 0, no bits, stands behind none.
inline constexpr std::array<std::uint8_t, 8> kVarbitWidths = {3, 6, 9, 12, 18, 25, 56, 64};  // in histogram chunks
inline constexpr std::array<std::uint8_t, 4> kTimestampWidths = {14, 17, 20, 64};            // in XOR chunks

/// Whether `width` bits can say `value`: they reach from -(2^(width-1) - 1) to 2^(width-1), one more above than below.
constexpr bool FitsSigned(std::int64_t value, unsigned width) {
  if (width == 64) return true;
  const std::int64_t half = std::int64_t{1} << (width - 1);
  return value > -half && value <= half;
}

/// The number that the low `width` bits say.
constexpr std::int64_t SignExtend(std::uint64_t bits, unsigned width) {
  if (width < 64 && bits > (std::uint64_t{1} << (width - 1))) bits -= std::uint64_t{1} << width;
  return static_cast<std::int64_t>(bits);
}

template <std::size_t N>
std::int64_t ReadSigned(BitReader& in, const std::array<std::uint8_t, N>& widths) {
  const unsigned ones = in.Ones(N);
  if (ones == 0) return 0;
  return SignExtend(in.Bits(widths[ones - 1]), widths[ones - 1]);
}

template <std::size_t N>
void WriteSigned(BitWriter& out, std::int64_t value, const std::array<std::uint8_t, N>& widths) {
  if (value == 0) return out.Bits(0, 1);
  unsigned which = 0;
  while (!FitsSigned(value, widths[which])) ++which;  // the last width takes all
  const unsigned ones = which + 1;
  const bool is_last = ones == N;
  out.Bits(is_last ? (1U << ones) - 1 : (1U << (ones + 1)) - 2, is_last ? ones : ones + 1);
  out.Bits(static_cast<std::uint64_t>(value), widths[which]);
}

inline std::int64_t ReadVarbit(BitReader& in) { return ReadSigned(in, kVarbitWidths); }
inline void WriteVarbit(BitWriter& out, std::int64_t value) { WriteSigned(out, value, kVarbitWidths); }

inline std::uint64_t ReadVarbitUnsigned(BitReader& in) {
  const unsigned ones = in.Ones(kVarbitWidths.size());
  return ones == 0 ? 0 : in.Bits(kVarbitWidths[ones - 1]);
}

inline void WriteVarbitUnsigned(BitWriter& out, std::uint64_t value) {
  if (value == 0) return out.Bits(0, 1);
  unsigned which = 0;
  while (kVarbitWidths[which] < 64 && (value >> kVarbitWidths[which]) != 0) ++which;
  const unsigned ones = which + 1;
  const bool is_last = ones == kVarbitWidths.size();
  out.Bits(is_last ? (1U << ones) - 1 : (1U << (ones + 1)) - 2, is_last ? ones : ones + 1);
  out.Bits(value, kVarbitWidths[which]);
}

/// A double and the window of bits in which its last change lay.
struct XorValue {
  static constexpr std::uint8_t kNoWindow = 0xff;

  std::uint64_t bits = 0;
  std::uint8_t leading = kNoWindow;
  std::uint8_t trailing = 0;

  double value() const { return std::bit_cast<double>(bits); }
};

/// Steps to the next value.
inline void ReadXor(BitReader& in, XorValue& value) {
  const unsigned kind = in.Ones(2);  // 0: the same; 10: a change within the window; 11: a change with a new window
  if (kind == 0) return;
  if (kind == 2) {
    const std::uint64_t window = in.Bits(11);
    const auto leading = static_cast<std::uint8_t>(window >> 6);
    auto significant = static_cast<unsigned>(window & 0x3f);
    if (significant == 0) significant = 64;
    if (leading + significant > 64) return in.Fail();
    value.leading = leading;
    value.trailing = static_cast<std::uint8_t>(64 - leading - significant);
  } else if (value.leading == XorValue::kNoWindow) {
    value.leading = 0;  // no writer begins like this; Prometheus reads it as a window of all bits
  }
  value.bits ^= in.Bits(64U - value.leading - value.trailing) << value.trailing;
}

/// Writes the step to `next`.
inline void WriteXor(BitWriter& out, XorValue& value, double next) {
  const auto next_bits = std::bit_cast<std::uint64_t>(next);
  const std::uint64_t change = value.bits ^ next_bits;
  value.bits = next_bits;
  if (change == 0) return out.Bits(0, 1);
  const auto leading = static_cast<std::uint8_t>(std::min(std::countl_zero(change), 31));  // it has five bits
  const auto trailing = static_cast<std::uint8_t>(std::countr_zero(change));
  if (value.leading != XorValue::kNoWindow && leading >= value.leading && trailing >= value.trailing) {
    out.Bits(0b10, 2);
  } else {
    value.leading = leading;
    value.trailing = trailing;
    const unsigned significant = 64U - leading - trailing;
    out.Bits(0b11, 2);
    out.Bits(leading, 5);
    out.Bits(significant & 0x3f, 6);  // 64 does not fit and is written as 0, which cannot occur
  }
  out.Bits(change >> value.trailing, 64U - value.leading - value.trailing);
}

}  // namespace baro::tsdb

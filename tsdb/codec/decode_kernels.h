// The inner loops of decoding, once for each kind of processor.
//
// Unpacking, sums and the conversion to doubles are one loop, so that a residual is in registers from the payload to
// the value.
//
// The portable ones are the reference: tests compare all others with them, bit by bit.
//
// Threads  Pure functions. UseDecodeKernels() is for tests and benchmarks.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace baro::tsdb {

/// Kernels may read so many bytes behind what they are asked to decode.
inline constexpr std::size_t kReadSlackBytes = 64;

/// Residuals of a stream stand in blocks of at most so many, each with a width of its own.
inline constexpr std::size_t kBlockLengthMax = 256;

/// A dictionary has at most so many values.
inline constexpr std::size_t kDictionaryMax = 256;

/// Residuals without exceptions.
struct PackedBlock {
  const std::byte* bytes = nullptr;  ///< kReadSlackBytes behind the packed bits are readable
  unsigned width = 0;                ///< of a packed residual, <= 64
  unsigned bits = 0;                 ///< that residuals have at most, <= width
  std::size_t length = 0;            ///< <= kBlockLengthMax if the width is more than 57 and less than 64
};

/// Residuals of a block with exceptions, while they are put together.
using Residuals = std::array<std::uint64_t, kBlockLengthMax>;

/// What exceptions have above the low bits.
struct PackedExceptions {
  const std::byte* positions = nullptr;  ///< in the block: a byte each, or a bitmap
  std::size_t position_bytes = 0;
  bool is_bitmap = false;
  std::size_t count = 0;            ///< <= kBlockLengthMax
  const std::byte* high = nullptr;  ///< behind the positions; kReadSlackBytes behind them are readable
  unsigned width = 0;               ///< of a high part, <= 64
  unsigned shift = 0;               ///< < 64
};

/// How residuals become integers.
struct IntegrationRule {
  unsigned predictor = 0;  ///< 0, 1 or 2 sums
  bool is_zigzag = false;
  std::uint64_t divisor = 1;
  std::uint64_t base = 0;
};

/// What a block hands to the next one.
struct IntegrationState {
  std::uint64_t value = 0;
  std::uint64_t delta = 0;
};

/// How integers become doubles.
enum class Conversion : std::uint8_t {
  kNone,        ///< they stay integers
  kInteger,     ///< as a number
  kDivided,     ///< as a number, divided by the scale
  kMultiplied,  ///< as a number, times the scale
  kOrdered,     ///< as the bits of a double, whose low 63 were flipped if it is negative
};
inline constexpr std::size_t kConversions = 5;

struct ConversionRule {
  Conversion conversion = Conversion::kNone;
  /// If divided, a power of ten up to 10^17. Kernels multiply with the reciprocal and correct the product by what
  /// remains, which rounds as division does: for integers of at most 53 bits and those scales no quotient lies so near
  /// to the middle of two doubles that the correction's own rounding matters (decode_kernels_test.cpp looks there).
  double scale = 1;
};

/// Doubles' bits as integers in the same order, and back.
inline std::uint64_t OrderPreserving(std::uint64_t bits) {
  return (bits >> 63) != 0 ? bits ^ 0x7fffffffffffffff : bits;
}

/// The 64 bits that an integer becomes.
inline std::uint64_t Converted(std::uint64_t integer, const ConversionRule& rule) {
  const auto number = static_cast<double>(static_cast<std::int64_t>(integer));
  switch (rule.conversion) {
    case Conversion::kNone:
      return integer;
    case Conversion::kInteger:
      return std::bit_cast<std::uint64_t>(number);
    case Conversion::kDivided:
      return std::bit_cast<std::uint64_t>(number / rule.scale);
    case Conversion::kMultiplied:
      return std::bit_cast<std::uint64_t>(number * rule.scale);
    case Conversion::kOrdered:
      break;
  }
  return OrderPreserving(integer);
}

struct DecodeKernels {
  std::string_view name;

  /// Decodes a block into 8 bytes each at `out`: integers, or doubles as `conversion` says.
  /// Shape    Only the last block of a stream may have a length that is no multiple of 8; `state` is of no use behind
  /// it.
  void (*decode)(const PackedBlock& block, const IntegrationRule& rule, const ConversionRule& conversion,
                 IntegrationState& state, std::byte* out);

  /// Fills `values` with `width` bits each.
  /// Shape    width <= 64; kReadSlackBytes behind the packed bits are readable.
  void (*unpack)(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values);

  /// Lays the high parts over the residuals of a block of `length`. False if a position is not within it, or a bitmap
  /// has not as many bits as there are exceptions; the residuals are then unspecified.
  bool (*patch)(const PackedExceptions& exceptions, std::size_t length, Residuals& residuals);

  /// Fills `values` from a dictionary by packed indexes of `width` bits. False if one is not below `count`; the values
  /// are then unspecified.
  /// Shape    width <= 8; kReadSlackBytes behind the packed bits are readable; 1 to kDictionaryMax in use.
  bool (*look_up)(const std::byte* bytes, unsigned width, const std::array<double, kDictionaryMax>& dictionary,
                  std::size_t count, std::span<double> values);

  /// Moves each value by so many doubles, up or down.
  /// Shape    equal lengths.
  void (*move)(std::span<double> values, std::span<const std::uint64_t> distances);

  void (*fill)(std::span<double> values, double value);
};

/// The portable ones first, then what this processor can do, the best one last. Never empty.
std::span<const DecodeKernels* const> AvailableDecodeKernels();

namespace internal {
// Relaxed in all uses: what it points to is constant. Null until somebody asks.
extern std::atomic<const DecodeKernels*> current_decode_kernels;
const DecodeKernels& ChooseDecodeKernels();
}  // namespace internal

/// Those in use: the best, unless UseDecodeKernels() said otherwise.
inline const DecodeKernels& CurrentDecodeKernels() {
  const DecodeKernels* const current = internal::current_decode_kernels.load(std::memory_order_relaxed);
  return current != nullptr ? *current : internal::ChooseDecodeKernels();
}

/// Shape    one of the available ones.
void UseDecodeKernels(const DecodeKernels& kernels);

// One per file; which of them can run is decided by AvailableDecodeKernels().
extern const DecodeKernels kPortableKernels;
#if defined(__x86_64__)
extern const DecodeKernels kAvx2Kernels;
extern const DecodeKernels kAvx512Kernels;
#endif

}  // namespace baro::tsdb

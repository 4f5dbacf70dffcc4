// The inner loops of decoding, once for each kind of processor.
//
// The portable ones are the reference: tests compare all others with them, bit by bit.
//
// Threads  Pure functions. UseDecodeKernels() is for tests and benchmarks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace baro::tsdb {

/// Kernels may read so many bytes behind what they are asked to decode.
inline constexpr std::size_t kReadSlackBytes = 64;

/// How differences become integers.
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
  kInteger,     ///< as a number
  kDivided,     ///< as a number, divided by the scale
  kMultiplied,  ///< as a number, times the scale
  kOrdered,     ///< as the bits of a double, whose low 63 were flipped if it is negative
};

struct DecodeKernels {
  std::string_view name;

  /// Fills `values` with `width` bits each.
  /// Shape    width <= 64; kReadSlackBytes behind the packed bits are readable.
  void (*unpack)(const std::byte* bytes, unsigned width, std::span<std::uint64_t> values);

  /// Turns residuals into integers, in place.
  void (*integrate)(std::span<std::uint64_t> values, const IntegrationRule& rule, IntegrationState& state);

  /// Shape    `out` has room for values.size().
  void (*convert)(std::span<const std::uint64_t> values, Conversion conversion, double scale, double* out);
};

/// The portable ones first, then what this processor can do, the best one last. Never empty.
std::span<const DecodeKernels* const> AvailableDecodeKernels();

/// Those in use: the best, unless UseDecodeKernels() said otherwise.
const DecodeKernels& CurrentDecodeKernels();

/// Shape    one of the available ones.
void UseDecodeKernels(const DecodeKernels& kernels);

// One per file; which of them can run is decided by AvailableDecodeKernels().
extern const DecodeKernels kPortableKernels;
#if defined(__x86_64__)
extern const DecodeKernels kAvx2Kernels;
extern const DecodeKernels kAvx512Kernels;
#endif

}  // namespace baro::tsdb

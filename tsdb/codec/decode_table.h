// What kernels share: one decoder for each rule, compiled with the rule as constants, in a table; what is not for
// vectors.
//
// Threads  Pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/decode_kernels.h"

namespace baro::tsdb {

using DecodeFunction = decltype(DecodeKernels::decode);

inline constexpr std::size_t kDecodeTableSize = 3 * 2 * 2 * kConversions;

inline std::size_t DecodeTableIndex(const IntegrationRule& rule, Conversion conversion) {
  const std::size_t form = (rule.predictor * 2 + (rule.is_zigzag ? 1U : 0U)) * 2 + (rule.divisor != 1 ? 1U : 0U);
  return form * kConversions + static_cast<std::size_t>(conversion);
}

/// `make` is a functor template over predictor, zigzag, has divisor, conversion: it gives the decoder for them.
template <typename Make>
constexpr std::array<DecodeFunction, kDecodeTableSize> MakeDecodeTable(const Make& make) {
  return [&make]<std::size_t... kIndexes>(std::index_sequence<kIndexes...>) {
    return std::array<DecodeFunction, kDecodeTableSize> {
      make.template
      operator()<static_cast<unsigned>(kIndexes / kConversions / 4), (kIndexes / kConversions / 2) % 2 != 0,
                 kIndexes / kConversions % 2 != 0, static_cast<Conversion>(kIndexes % kConversions)>()...
    };
  }(std::make_index_sequence<kDecodeTableSize>());
}

/// Whether positions are within a block of `length`, and a bitmap has as many bits as there are exceptions.
/// Inlined so that each kernel counts bits as it can.
[[gnu::always_inline]] inline bool ArePositionsGood(const PackedExceptions& exceptions, std::size_t length) {
  const std::byte* const positions = exceptions.positions;
  if (!exceptions.is_bitmap) {
    std::byte last{};
    for (std::size_t i = 0; i < exceptions.count; ++i) last = std::max(last, positions[i]);
    return static_cast<std::size_t>(last) < length;
  }
  int bits = 0;
  std::size_t at = 0;
  for (; at + 8 <= exceptions.position_bytes; at += 8)
    bits += std::popcount(base::LoadLe<std::uint64_t>(positions + at));
  for (; at < exceptions.position_bytes; ++at) bits += std::popcount(static_cast<std::uint8_t>(positions[at]));
  const std::size_t rest = length % 8;
  const bool is_inside = rest == 0 || static_cast<unsigned>(positions[exceptions.position_bytes - 1]) >> rest == 0;
  return is_inside && static_cast<std::size_t>(bits) == exceptions.count;
}

/// The rest of a patch kernel, when the high parts are unpacked.
inline void PatchWith(const PackedExceptions& exceptions, const Residuals& high, Residuals& residuals) {
  static_assert(kBlockLengthMax == 256);  // so that any byte is a place in `residuals`
  const std::byte* const positions = exceptions.positions;
  const unsigned shift = exceptions.shift;
  if (!exceptions.is_bitmap) {
    for (std::size_t i = 0; i < exceptions.count; ++i) {
      residuals[static_cast<std::uint8_t>(positions[i])] |= high[i] << shift;
    }
    return;
  }
  std::size_t next = 0;
  std::uint64_t* const end = residuals.data() + 8 * exceptions.position_bytes;
  for (std::uint64_t* eight = residuals.data(); eight != end; eight += 8) {
    for (auto bits = static_cast<unsigned>(positions[(eight - residuals.data()) / 8]); bits != 0; bits &= bits - 1) {
      eight[std::countr_zero(bits)] |= high[next++] << shift;
    }
  }
}

/// The block with 64 bits a residual, for widths that vector kernels cannot unpack.
/// Shape    block.length <= kBlockLengthMax.
inline PackedBlock UnpackWide(const PackedBlock& block, Residuals& residuals) {
  UnpackBits({block.bytes, PackedBytes(block.length, block.width)}, block.width,
             std::span(residuals).first(block.length));
  return {.bytes = reinterpret_cast<const std::byte*>(residuals.data()),
          .width = 64,
          .bits = block.bits,
          .length = block.length};
}

}  // namespace baro::tsdb

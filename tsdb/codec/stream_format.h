// The bits of an integer stream's header.
//
// Format   docs/formats/chunk.md, section 4.
#pragma once

#include <cstdint>

namespace baro::tsdb {

// First byte. Bits 0 and 1 are the predictor: 0 none, 1 the value before, 2 the value before plus the last difference.
inline constexpr std::uint8_t kPredictorMask = 0x03;
inline constexpr std::uint8_t kPredictorMax = 2;
inline constexpr std::uint8_t kZigZag = 0x04;
inline constexpr std::uint8_t kHasDivisor = 0x08;
inline constexpr std::uint8_t kAllZero = 0x10;
inline constexpr std::uint8_t kScaled = 0x20;
inline constexpr std::uint8_t kHasBase = 0x40;
inline constexpr std::uint8_t kStreamFlagsMax = 0x7f;

// A block's first and second byte.
inline constexpr std::uint8_t kHasExceptions = 0x80;
inline constexpr std::uint8_t kPositionsAreBitmap = 0x80;
inline constexpr std::uint8_t kWidthMask = 0x7f;
inline constexpr unsigned kWidthMax = 64;

}  // namespace baro::tsdb

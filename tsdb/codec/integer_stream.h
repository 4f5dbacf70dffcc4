// Integers in few bytes: predicted, offset, divided by what they have in common, and bit-packed.
//
// Format   s0 = predictor (bits 0-1: 0 none, 1 delta, 2 delta of delta) | has_divisor << 2 | all_zero << 3
//          [first: zigzag varint, predictor >= 1] [first delta: zigzag varint, predictor 2]
//          base: zigzag varint   [divisor: varint]
//          then for each 128 residuals, unless all_zero:
//            width (bits 0-6) | has_exceptions << 7   [count - 1, high width]
//            the residuals' low `width` bits, packed, least significant first
//            [positions, one byte each] [the exceptions' bits above `width`, packed]
//          residual = (difference - base) / divisor, in unsigned 64-bit arithmetic that wraps around.
// Source   Patched frame of reference: Zukowski et al., "Super-Scalar RAM-CPU Cache Compression", ICDE 2006. The common
//          divisor is ours: counters of bytes and of nanoseconds move in multiples.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

/// A stream may have so many integers.
inline constexpr std::size_t kStreamLengthMax = 65'536;

/// Appends the integers to `out`. The length is not stored.
/// Shape    at most kStreamLengthMax.
void EncodeIntegers(std::span<const std::uint64_t> values, base::ByteBuffer& out);

/// Fills `values` from the front of `bytes`; returns the bytes behind the stream.
/// Errors   kCorruption: cut short or contradictory; `values` is then unspecified.
base::Result<base::ByteSpan> DecodeIntegers(base::ByteSpan bytes, std::span<std::uint64_t> values);

}  // namespace baro::tsdb

// A column of doubles in few bytes, bit for bit.
//
// Format   b0 = kind (bits 0-2) | has_patches << 3
//          [patches: count varint; each: gap varint, code byte, length varint, 8 bytes if code 3]
//          kind 0: one value, 8 bytes.   1: one integer, zigzag varint.
//          kind 2: exponent byte e, integer stream D: value = D / 10^e.
//          kind 3: integer stream of the doubles' bits, made order-preserving (low 63 flipped if negative).
//          kind 4: 8 bytes each.
//          A patch is a run of `length` equal values, `gap` values behind the run before; code 0: the staleness marker,
//          1: the canonical NaN, 2: +Inf, 3: the bits that follow. Its slots repeat the value before in the stream.
// Threads  Pure functions.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

/// Appends the values to `out`. The count is not stored.
/// Shape    1 to kStreamLengthMax values, any bits.
void EncodeValues(std::span<const double> values, base::ByteBuffer& out);

/// Fills `values` from the front of `bytes`; returns the bytes behind them.
/// Errors   kCorruption; `values` is then unspecified.
base::Result<base::ByteSpan> DecodeValues(base::ByteSpan bytes, std::span<double> values);

}  // namespace baro::tsdb

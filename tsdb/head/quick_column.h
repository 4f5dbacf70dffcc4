// A short column of doubles in few bytes, quickly: for chunks that are soon joined and then written as well as can be.
//
// Looks at each value twice and tries two ways, where the codec of chunks tries many: a tenth of the work, for twice
// the bytes.
//
// Format   docs/formats/head-chunks.md, section 4.
// Threads  Pure functions.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

inline constexpr std::size_t kQuickLengthMax = 64;

/// Appends the values to `out`, bit for bit. The count is not stored.
/// Shape    1 to kQuickLengthMax values, any bits.
void EncodeQuickly(std::span<const double> values, base::ByteBuffer& out);

/// Fills `values` from `bytes`, which hold nothing else.
/// Errors   kCorruption; `values` is then unspecified.
base::Result<> DecodeQuickly(base::ByteSpan bytes, std::span<double> values);

}  // namespace baro::tsdb

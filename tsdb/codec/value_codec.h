// A column of doubles in few bytes, bit for bit, in one run of bytes: a chunk's header and, behind it, its payload.
//
// For who has columns one by one: chunks in memory, records of the log, the numbers of histograms. Columns may be
// longer than a chunk: each 1024 values are then one of their own.
//
// Format   docs/formats/chunk.md, section 6.
// Threads  Pure functions.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/codec/chunk_codec.h"

namespace baro::tsdb {

/// Appends the values to `out`. The count is not stored.
/// Shape    1 to kStreamLengthMax values, any bits.
void EncodeValues(std::span<const double> values, base::ByteBuffer& out);

/// Fills `values` from the front of `bytes`; returns the bytes behind them.
/// Errors   kCorruption; `values` is then unspecified.
base::Result<base::ByteSpan> DecodeValues(base::ByteSpan bytes, std::span<double> values);

}  // namespace baro::tsdb

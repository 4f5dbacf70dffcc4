// A column of timestamps in few bytes: what a scrape group's series share.
//
// Format   docs/formats/chunk.md, section 6: one integer stream.
// Unit     milliseconds since the Unix epoch.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

/// A column has no more timestamps.
inline constexpr std::size_t kTimestampColumnMax = 65'536;

/// Appends the column. Its length is not stored.
/// Shape    at most kTimestampColumnMax, in any order; rising ones cost least.
void EncodeTimestamps(std::span<const std::int64_t> timestamps_ms, base::ByteBuffer& out);

/// Fills `timestamps_ms` from the front of `bytes`; returns the bytes behind the column.
/// Errors   kCorruption: cut short or contradictory; `timestamps_ms` is then unspecified.
base::Result<base::ByteSpan> DecodeTimestamps(base::ByteSpan bytes, std::span<std::int64_t> timestamps_ms);

}  // namespace baro::tsdb

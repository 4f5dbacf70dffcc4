// A chunk of native histograms: what they have in common once, their numbers as columns.
//
// The k-th bucket of a series is a counter like any other, so each bucket is one column for the value codec, over the
// rows that have it. Schema, spans, bounds and thresholds, which seldom change, are a list of shapes, and the rows are
// runs of shapes. A count that is the sum of the buckets is not written.
//
// Format   docs/formats/chunk.md, section 7.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/codec/chunk_codec.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// A histogram may have so many spans, buckets or bounds on a side.
inline constexpr std::size_t kHistogramChunkBucketsMax = 65'536;
/// A chunk may have so many buckets in all its rows together: 128 MiB when they are read.
inline constexpr std::size_t kHistogramChunkCountsMax = std::size_t{1} << 24;

/// Appends the histograms' encoding to `out`, without their number and timestamps, which the caller keeps.
/// Shape    1 to kChunkRowsMax samples.
/// Errors   kInvalidArgument: spans and buckets contradict each other. kLimitExceeded: more than the limits above.
///          `out` is then as it was.
base::Result<> EncodeHistograms(std::span<const HistogramSample> samples, base::ByteBuffer& out);

/// Appends one histogram for each timestamp to `samples`: bit for bit what went in, counts, spans and hints alike.
/// Shape    `bytes` is all of what EncodeHistograms() appended; 1 to kChunkRowsMax timestamps.
/// Errors   kCorruption; what was appended is then unspecified.
base::Result<> DecodeHistograms(base::ByteSpan bytes, std::span<const std::int64_t> timestamps_ms,
                                std::vector<HistogramSample>& samples);

}  // namespace baro::tsdb

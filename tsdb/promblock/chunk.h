// Chunks of any encoding: what they are, and decoding into columns.
//
// Format   docs/formats/prometheus-blocks.md, "Chunks".
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// The numbers stand in the files.
enum class ChunkEncoding : std::uint8_t {
  kXor = 1,
  kHistogram = 2,
  kFloatHistogram = 3,
  kXor2 = 4,                ///< experimental in Prometheus 3: not read here
  kHistogramStart = 5,      ///< with start timestamps, experimental: not read here
  kFloatHistogramStart = 6  ///< with start timestamps, experimental: not read here
};

/// "XOR", "histogram", ... or "9, which is not known".
std::string ChunkEncodingName(std::uint8_t encoding);

/// Where a chunk of a block lies and what it covers, as the index tells.
struct ChunkMeta {
  std::int64_t min_time_ms = 0;  ///< of the first sample
  std::int64_t max_time_ms = 0;  ///< of the last sample
  std::uint64_t ref = 0;         ///< segment in the high 32 bits, counted from 0; offset in the file in the low ones

  model::TimeRange range() const { return {.min_ms = min_time_ms, .max_ms = max_time_ms}; }
  friend bool operator==(const ChunkMeta&, const ChunkMeta&) = default;
};

/// A chunk in memory.
struct ChunkView {
  std::uint8_t encoding = 0;
  base::ByteSpan data;
};

/// What is wanted of a chunk's samples.
struct ChunkFilter {
  model::TimeRange range;
  std::span<const model::TimeRange> deleted;  ///< sorted, not overlapping
};

/// Appends the samples that pass the filter to the buffers of `columns`; the caller publishes them. The first histogram
/// behind one that did not pass has an unknown reset hint.
/// Errors   kCorruption: malformed, or its timestamps do not increase; kUnsupported: an encoding or schema that is not
///          known here, named; kLimitExceeded: see kHistogramChunkMemoryMax.
base::Result<> DecodeChunk(ChunkView chunk, const ChunkFilter& filter, SampleColumns& columns);

/// What tools want to know of a chunk.
struct ChunkFacts {
  std::uint32_t samples = 0;
  std::size_t buckets = 0;  ///< of all its histograms, stale markers too
};
/// Errors   as DecodeChunk().
base::Result<ChunkFacts> InspectChunk(ChunkView chunk);

/// Puts samples that were collected from several sources in order: sorted by time, of equal times the first kept, and
/// a float before a histogram. Reset hints that may refer to a histogram of another source become unknown.
void MergeBuffers(SampleColumns& columns);

/// Whether the buffers are strictly increasing, each and over both kinds.
bool IsInOrder(SampleColumns& columns);

/// Joins intervals that overlap or touch, and sorts them.
void Normalize(std::vector<model::TimeRange>& ranges);

}  // namespace baro::tsdb

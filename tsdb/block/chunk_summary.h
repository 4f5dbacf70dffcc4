// What is known of chunks without decoding them.
//
// Format   docs/formats/block.md, section 9.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

/// Shorter chunks have no summary: it would cost as much as the data. 512 rows: 0.02 bytes per sample.
inline constexpr std::size_t kSummaryRowsMin = 512;

/// See ChunkSummary in block.h.
struct ValueSummary {
  double min = 0;
  double max = 0;
  double sum = 0;
  double first = 0;
  double last = 0;
  std::uint64_t resets = 0;
};

/// Nothing if there is a NaN among the values, whatever it means.
/// Shape    at least one value.
std::optional<ValueSummary> Summarize(std::span<const double> values);

/// Whether a chunk of these values is worth a summary: long, and not of one value, which is as quickly decoded.
bool WantsSummary(std::span<const double> values);

/// Appends the summaries of a page's chunks, of which some have none.
/// Shape    at least one has one.
void EncodeSummaries(std::span<const std::optional<ValueSummary>> summaries, base::ByteBuffer& out);

/// Errors   kCorruption: damaged, or not of `chunk_count` chunks.
base::Result<std::vector<std::optional<ValueSummary>>> DecodeSummaries(base::ByteSpan bytes, std::size_t chunk_count);

}  // namespace baro::tsdb

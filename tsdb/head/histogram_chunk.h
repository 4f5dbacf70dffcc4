// Native histograms of one series that every reader may see, in few bytes.
//
// An open histogram of 160 buckets takes 1.5 KiB of memory, a sealed one 20 to 100 bytes (docs/performance.md). So few
// are open: eight are enough to seal, and what was sealed is joined four to one, so that each is encoded three times.
//
// Threads  HistogramChunk is immutable; SealedHistograms is confined: guarded by its series' stripe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// Format   an integer stream of timestamps, a chunk of histograms (docs/formats/chunk.md, sections 4 and 6).
struct HistogramChunk {
  std::int64_t min_ms = 0;
  std::int64_t max_ms = 0;
  std::size_t count = 0;
  base::ByteBuffer bytes;
};

/// Appends the chunk's samples. Errors kCorruption; some may have been appended.
base::Result<> ReadHistogramChunk(const HistogramChunk& chunk, std::vector<HistogramSample>& samples);

class SealedHistograms {
 public:
  /// So many make a chunk; a joined one has no more than the other.
  static constexpr std::size_t kSealCount = 8;
  static constexpr std::size_t kChunkCountMax = 128;

  /// False: they cannot be encoded, and nothing happens. Shape    later than all before; not empty.
  bool Add(std::span<const HistogramSample> samples);
  void DropBefore(std::int64_t cutoff_ms);

  const std::vector<std::shared_ptr<const HistogramChunk>>& chunks() const { return chunks_; }
  bool empty() const { return chunks_.empty(); }
  std::size_t SizeBytes() const;

 private:
  void JoinEqual();

  std::vector<std::shared_ptr<const HistogramChunk>> chunks_;
};

}  // namespace baro::tsdb

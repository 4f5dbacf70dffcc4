// Cuts the samples of one series into chunks as Prometheus does: one kind each, counter resets only between them.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "model/sample.h"
#include "tsdb/promblock/chunk.h"
#include "tsdb/promblock/histogram_chunk.h"
#include "tsdb/promblock/xor_chunk.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// Samples of a full chunk. Prometheus aims at as many and reads more.
inline constexpr std::uint32_t kChunkSamplesTarget = 120;

struct FinishedChunk {
  ChunkEncoding encoding = ChunkEncoding::kXor;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;
  std::uint32_t samples = 0;
  base::ByteBuffer data;
};

class SeriesChunker {
 public:
  /// Called with each chunk when it is full or ended.
  using Emit = std::function<void(FinishedChunk)>;

  /// Shape    later than the sample before, of either kind.
  void Append(model::Sample sample, const Emit& emit);
  /// Shape    the same; valid.
  void Append(const HistogramSample& sample, const Emit& emit);

  /// Ends the open chunk, if there is one.
  void Finish(const Emit& emit);

 private:
  bool Fits(const model::FloatHistogram& histogram, ChunkResetHeader& header_if_not) const;
  void FinishFloats(const Emit& emit);
  void FinishHistograms(const Emit& emit);

  XorChunkWriter floats_;
  std::int64_t min_time_ms_ = 0;  // of floats_
  std::int64_t max_time_ms_ = 0;
  std::vector<HistogramSample> histograms_;  // of the open chunk; not empty only if floats_ is
  std::size_t buckets_ = 0;                  // of histograms_
  ChunkResetHeader header_ = ChunkResetHeader::kUnknown;
};

}  // namespace baro::tsdb

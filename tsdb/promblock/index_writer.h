// Writes the index of a block whose chunks are written already.
//
// Format   docs/formats/prometheus-blocks.md, "index", version 2.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/promblock/chunk.h"

namespace baro::tsdb {

/// What the index says of the series: their labels and where their chunks lie.
///
/// Threads  Confined.
class IndexedSeries {
 public:
  /// Shape    behind the series before in label order.
  void Begin(const model::Labels& labels);
  /// Shape    behind the chunk before, in time and place.
  void AddChunk(const ChunkMeta& chunk);
  /// Forgets the last series if it has no chunk.
  void DropIfEmpty();

  std::size_t size() const { return series_.size(); }
  const model::Labels& labels(std::size_t index) const { return series_[index].labels; }
  /// The entry's part behind the labels: the number of chunks, and them.
  void AppendChunks(std::size_t index, base::ByteBuffer& out) const;

 private:
  struct Series {
    model::Labels labels;
    std::size_t chunks_begin = 0;  // in chunk_bytes_; they end where those of the next series begin
    std::uint64_t chunk_count = 0;
  };

  std::vector<Series> series_;
  base::ByteBuffer chunk_bytes_;
  ChunkMeta last_;
};

/// Writes and syncs the file.
/// Errors   kLimitExceeded: more than 4 GiB of symbols or of label pairs, or 64 GiB of series; file errors.
base::Result<> WriteIndex(base::FileSystem& files, const std::string& path, const IndexedSeries& series);

}  // namespace baro::tsdb

// Writes a block's chunks into segments.
//
// Format   docs/formats/prometheus-blocks.md, "chunks/".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/promblock/output_file.h"
#include "tsdb/promblock/series_chunker.h"

namespace baro::tsdb {

/// Threads  Confined. Borrows the file system.
class ChunkSegmentWriter {
 public:
  ChunkSegmentWriter(base::FileSystem& files, std::string directory, std::uint64_t segment_bytes_max)
      : files_(files), directory_(std::move(directory)), segment_bytes_max_(segment_bytes_max) {}

  /// Appends the chunk; its reference.
  base::Result<std::uint64_t> Append(const FinishedChunk& chunk);

  /// Makes the last segment durable.
  base::Result<> Finish();

 private:
  base::Result<> Open();

  base::FileSystem& files_;
  std::string directory_;
  std::uint64_t segment_bytes_max_;
  std::uint64_t count_ = 0;         // of segments begun
  std::optional<OutputFile> file_;  // the last one
};

}  // namespace baro::tsdb

// The parts of an open block, which its readers, selections and scans share.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "tsdb/promblock/chunk_segments.h"
#include "tsdb/promblock/index_reader.h"
#include "tsdb/promblock/tombstones.h"
#include "tsdb/prometheus_block.h"

namespace baro::tsdb {

/// Threads  Immutable; safe to share.
class PrometheusBlock::Impl {
 public:
  static base::Result<std::shared_ptr<const Impl>> Open(base::FileSystem& files, const std::string& directory,
                                                        PrometheusBlockLimits limits);

  const std::string& directory() const { return directory_; }
  const PrometheusBlockLimits& limits() const { return limits_; }
  const PrometheusBlockMeta& meta() const { return meta_; }
  const StoredBlockInfo& info() const { return info_; }
  const IndexReader& index() const { return *index_; }
  const ChunkSegments& segments() const { return segments_; }
  std::span<const model::TimeRange> DeletedOf(BlockSeriesRef ref) const { return tombstones_.Of(ref); }

  /// Fills `columns` with the samples of these chunks of series `ref` in `range`, less what was deleted.
  base::Result<> ReadChunks(BlockSeriesRef ref, std::span<const ChunkMeta> chunks, model::TimeRange range,
                            SampleColumns& columns) const;

 private:
  std::string directory_;
  PrometheusBlockLimits limits_;
  PrometheusBlockMeta meta_;
  StoredBlockInfo info_;
  std::unique_ptr<const IndexReader> index_;
  ChunkSegments segments_;
  Tombstones tombstones_;
};

/// A reader of the block.
std::unique_ptr<Reader> MakeBlockReader(std::shared_ptr<const PrometheusBlock::Impl> block);

}  // namespace baro::tsdb

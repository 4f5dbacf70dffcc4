// A block of Barograph's own format, as tools see it.
//
// Format   docs/formats/block.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/stored_block.h"

namespace baro::tsdb {

class Block;

/// Threads  Safe to share.
/// Owns     the mappings; readers and scans share them.
class BarographBlock : public StoredBlock {
 public:
  /// Errors   kCorruption: nothing of the block can be trusted; kNotFound; kUnsupported: a newer version; file errors.
  static base::Result<std::shared_ptr<const BarographBlock>> Open(base::FileSystem& files,
                                                                  const std::string& directory);

  const BlockMeta& meta() const;
  const std::string& directory() const;

  /// The samples of info() are those that were written, deleted ones too.
  const StoredBlockInfo& info() const override { return info_; }

  /// Series come by metric name, and behind them those with aggregates, under their reserved label. extent() decodes
  /// the series' samples and counts what is visible; Chunks() is kUnsupported: chunks of many series share pages.
  std::unique_ptr<StoredSeriesScan> Scan() const override;

  /// As the server reads it: without deleted samples, aggregates as part of their series.
  std::unique_ptr<Reader> OpenReader() const override;

  /// Reads all pages and compares their checksums. Returns what is damaged, in words with file and offset.
  /// Errors   kCancelled.
  base::Result<std::vector<std::string>> Verify(const base::CancelToken& cancel) const;

  /// Writes the block anew, as `<parent>/<new ULID>`, with all that can be read of it; the new one says in its parents
  /// that it replaces this one. Returns the new name; nothing if no sample is left.
  /// Errors   kCancelled, file errors: nothing is left of it.
  base::Result<std::optional<BlockMeta>> Rescue(base::FileSystem& files, const std::string& parent, const Ulid& ulid,
                                                const base::CancelToken& cancel) const;

 private:
  explicit BarographBlock(std::shared_ptr<const Block> block);

  std::shared_ptr<const Block> block_;
  StoredBlockInfo info_;
};

}  // namespace baro::tsdb

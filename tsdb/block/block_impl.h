// An open block: its mapped files and what reads them.
//
// Threads  Safe to share: immutable but for what its two mutexes guard, which are leaves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_index.h"
#include "tsdb/block/block_tombstones.h"
#include "tsdb/block/chunk_file.h"
#include "tsdb/block/side_file.h"
#include "tsdb/block/timeline.h"

namespace baro::tsdb {

class BlockImpl : public Block, public ColumnSource {
 public:
  BlockImpl(base::FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  /// Once, before anything else.
  base::Result<> Load();

  const BlockMeta& meta() const override { return meta_; }
  const std::string& directory() const override { return directory_; }
  std::uint64_t SizeBytes() const override;
  std::unique_ptr<Reader> OpenReader() const override;
  base::Result<std::unique_ptr<BlockSelection>> Select(const SelectRequest& request,
                                                       const base::CancelToken& cancel) const override;
  base::Result<std::vector<FamilyMetadata>> Metadata() const override;
  base::Result<std::vector<SeriesExemplars>> SelectExemplars(std::span<const std::vector<model::Matcher>> matcher_lists,
                                                             model::TimeRange range,
                                                             const base::CancelToken& cancel) const override;
  std::unique_ptr<BlockScan> ScanFrom(std::uint64_t first) const override;
  base::Result<std::size_t> Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                   const base::CancelToken& cancel) override;
  std::size_t DeletedSeries() const override { return tombstones()->series_count(); }
  base::Result<std::vector<std::string>> Verify(const std::function<void(std::uint64_t)>& pause,
                                                const base::CancelToken& cancel) const override;
  std::vector<std::string> Damage() const override;

  base::Result<ColumnEntry> ReadColumnEntry(ColumnId column) const override { return index_->ReadColumnEntry(column); }
  base::Result<> ReadColumn(const ColumnEntry& entry, std::span<std::int64_t> timestamps_ms) const override;

  const BlockIndex& index() const { return *index_; }
  const ChunkFileReader& chunks() const { return *chunks_; }
  std::shared_ptr<const BlockTombstones> tombstones() const;
  /// Null: the block has none, or its damage was noted.
  const SideFile* side_file(BlockFile file) const;

  /// Remembers damage that was found while reading; a place that is known is not told again.
  void NoteDamage(std::string what) const;

  std::shared_ptr<const BlockImpl> Share() const {
    return std::static_pointer_cast<const BlockImpl>(shared_from_this());
  }

 private:
  base::Result<std::unique_ptr<base::MappedFile>> MapFile(BlockFile file);
  base::Result<> LoadMeta(const Ulid& ulid, std::optional<BlockMeta> meta);
  void LoadTombstones();
  base::Result<> LoadSideFiles(const Ulid& ulid);
  void CheckSize(BlockFile file, std::size_t size, std::uint64_t expected);

  base::FileSystem& files_;
  const std::string directory_;
  BlockMeta meta_;
  std::uint64_t meta_bytes_ = 0;
  std::unique_ptr<base::MappedFile> index_file_;
  std::unique_ptr<base::MappedFile> columns_file_;
  std::unique_ptr<base::MappedFile> chunks_file_;
  struct MappedSideFile {
    BlockFile kind{};
    std::unique_ptr<base::MappedFile> mapped;
    SideFile file;
  };
  std::vector<MappedSideFile> side_files_;  // those that are there
  std::unique_ptr<BlockIndex> index_;
  std::unique_ptr<ChunkFileReader> chunks_;

  mutable base::Mutex tombstones_mutex_;
  std::shared_ptr<const BlockTombstones> tombstones_ BARO_GUARDED_BY(tombstones_mutex_);
  std::uint64_t tombstones_bytes_ BARO_GUARDED_BY(tombstones_mutex_) = 0;
  base::Mutex delete_mutex_;  // one delete at a time; held while files are written

  mutable base::Mutex damage_mutex_;
  mutable std::vector<std::string> damage_ BARO_GUARDED_BY(damage_mutex_);
};

}  // namespace baro::tsdb

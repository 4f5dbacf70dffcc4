// The blocks of a store: found at start, added, replaced, removed.
//
// Threads  Safe to share. Changes come from one thread at a time, which the caller sees to.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/storage/data_loss.h"

namespace baro::tsdb {

using BlockPtr = std::shared_ptr<Block>;

/// By begin of their time, newest first.
using BlockList = std::shared_ptr<const std::vector<BlockPtr>>;

/// A view of the set that does not change.
struct BlockView {
  BlockList blocks;
  /// Up to here, exclusive, the head's samples are in blocks, or were until retention removed those.
  std::int64_t covered_until_ms = model::kMinTimestampMs;
};

class BlockSet {
 public:
  /// `directory` holds a directory for each block, and is made when it is missing.
  BlockSet(base::FileSystem& files, std::string directory, std::string quarantine, base::Logger log);

  /// Removes leftovers of unfinished work, opens all blocks, and moves those that cannot be opened to the quarantine.
  /// A block whose successor is there goes: a crash came between joining and removing.
  /// Errors   the directory cannot be read.
  base::Result<> Load();

  /// Shows blocks that have come into the directory since: tools write them. What cannot be opened is named in the log
  /// once, and tried again.
  void Refresh();

  BlockView View() const;
  /// The head's samples up to here, exclusive, were in blocks, which may have been removed since.
  void NoteCovered(std::int64_t until_ms);
  BlockList blocks() const { return View().blocks; }
  const std::string& directory() const { return directory_; }
  std::uint64_t SizeBytes() const;

  /// What queries must be told of: blocks that could not be opened, in this run or an earlier one.
  std::vector<DataLoss> Losses() const;

  /// One of those that may be there again after a restart and have samples in the range; empty: there is none.
  std::string UnreadIn(model::TimeRange range) const;

  /// What is wrong with blocks: the names of those in the quarantine, and damage in others.
  std::vector<std::string> Damage() const;

  /// Opens a block that was just finished and shows it to readers.
  base::Result<BlockPtr> Add(const Ulid& ulid);

  /// In one step for readers, `added` comes (if it is not null) and `removed` go; then the files of those are removed.
  /// Errors   of the files, with nothing added: the mark of what blocks had could not be written, and nothing changed.
  base::Result<> Replace(std::span<const BlockPtr> removed, const BlockPtr& added);

  /// Opens without showing.
  base::Result<BlockPtr> Open(const Ulid& ulid) const;

 private:
  void RemoveLeftovers(std::span<const std::string> names);
  void RemoveLeftover(const std::string& path);
  void PutAside(const std::string& name, const base::Error& error);
  void RememberQuarantined();
  void RemoveParents(std::vector<BlockPtr>& blocks);
  void ReadMark();
  base::Result<> WriteMark(std::int64_t covered_until_ms);
  void RemoveFiles(const std::string& path);
  void RemoveWhatGoes();
  base::Result<> Remove(const std::string& path);
  void RemoveLeftoverSilently(const std::string& path);
  void Publish(std::vector<BlockPtr> blocks);

  base::FileSystem& files_;
  const std::string directory_;
  const std::string quarantine_;
  base::Logger log_;
  std::deque<std::string> going_;                          // directories of blocks that were replaced; likewise
  std::int64_t marked_until_ms_ = model::kMinTimestampMs;  // what the mark says; by the thread that changes the set

  mutable base::Mutex mutex_;  // leaf
  BlockView view_ BARO_GUARDED_BY(mutex_) = {.blocks = std::make_shared<const std::vector<BlockPtr>>()};
  std::vector<DataLoss> losses_ BARO_GUARDED_BY(mutex_);
  std::vector<DataLoss> unread_ BARO_GUARDED_BY(mutex_);          // of these, those that stayed where they are
  std::vector<std::string> quarantined_ BARO_GUARDED_BY(mutex_);  // without a note: somebody else put them there
  std::set<std::string> not_opened_;                              // by Refresh() only
};

}  // namespace baro::tsdb

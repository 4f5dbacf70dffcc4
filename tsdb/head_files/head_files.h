// Sealed chunks of the head in files of their own, so that they take no memory, and a restart need not make them anew.
//
// The files are derived from the log, which keeps what they hold until it is in a block: nothing is synced, and a file
// that is damaged or missing costs a longer replay and nothing else.
//
// Format   docs/formats/head-chunks.md. Decision: docs/decisions/0020-head-chunk-files.md.
// Threads  Safe to share. `write_mutex_` is taken before groups' mutexes, `mutex_` is a leaf.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/head/group.h"
#include "tsdb/head_files/head_file.h"

namespace baro::tsdb {

class HeadFiles : public ChunkSink {
 public:
  /// A file is written when chunks of `file_bytes` wait for it; the more there is, the larger files become.
  HeadFiles(base::FileSystem& files, std::string directory, std::uint64_t file_bytes, base::Logger log);

  /// What the files hold, by groups and, within a group, by rows, which do not overlap. Files in which all is older
  /// than `floor_ms` are removed; what is damaged is named in the log, and removed. Shape    once, before anything
  /// else.
  struct Loaded {
    std::vector<HeadFileChunk> chunks;
    std::vector<std::uint64_t> files;        ///< by chunk, which file it is in
    std::vector<GroupChunkPtr> only_mapped;  ///< chunks of files that were removed: OnSealed() puts them into new ones
    std::uint64_t damaged_files = 0;
  };
  Loaded Load(std::int64_t floor_ms);

  /// Keeps the chunk for the next file, and writes that when there is enough.
  void OnSealed(const GroupPtr& group, const GroupChunkPtr& chunk) override;

  /// Writes what waits, however little it is.
  void Flush();

  /// Makes a file durable: it holds what the log does not.
  base::Result<> Sync(std::uint64_t number);

  /// Up to which time, exclusive, samples were in blocks in an earlier run: a chunk that has them still must not show
  /// them, for retention may have removed the blocks. The least time if nothing is known.
  std::int64_t ReadFloor() const;
  /// Remembers it for the next run, durably.
  void WriteFloor(std::int64_t floor_ms);

  /// Removes files in which all is older. Chunks that somebody has are read as before.
  void DropBefore(std::int64_t cutoff_ms);

  std::uint64_t SizeBytes() const;

 private:
  struct Pending {
    GroupPtr group;
    GroupChunkPtr chunk;
  };
  struct File {
    std::uint64_t number = 0;
    std::int64_t max_ms = 0;
    std::uint64_t size_bytes = 0;
    std::weak_ptr<const base::MappedFile> map;
  };

  std::string PathOf(std::uint64_t number) const { return directory_ + "/" + HeadFileName(number); }
  base::Result<ParsedHeadFile> Open(std::uint64_t number) const;
  void WriteWaiting() BARO_REQUIRES(write_mutex_);
  base::Result<> Write(std::span<const Pending> batch) BARO_REQUIRES(write_mutex_);
  void RemoveUnused();
  void RemoveFile(std::uint64_t number);

  base::FileSystem& files_;
  const std::string directory_;
  const std::uint64_t file_bytes_;
  const base::Logger log_;

  base::Mutex write_mutex_;
  std::uint64_t next_number_ BARO_GUARDED_BY(write_mutex_) = 1;
  bool has_failed_ BARO_GUARDED_BY(write_mutex_) = false;

  mutable base::Mutex mutex_;
  std::vector<Pending> pending_ BARO_GUARDED_BY(mutex_);
  std::uint64_t pending_bytes_ BARO_GUARDED_BY(mutex_) = 0;
  std::uint64_t threshold_bytes_ BARO_GUARDED_BY(mutex_);
  std::vector<File> written_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::tsdb

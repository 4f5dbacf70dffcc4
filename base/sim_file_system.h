// A file system in memory that behaves as badly as a real one may: it loses what was not synced, tears writes, fills up
// and fails.
//
// What is durable is kept apart from what a process sees: the content of a file becomes durable by Sync() of the file,
// its name (creation, renaming, removal) by SyncDirectory() of its folder. Crash() keeps the durable part and a random
// legal subset of the rest.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/random.h"

namespace baro::base {

/// Threads  Safe to share. Files that are open at a Crash() fail from then on.
class SimFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override;
  Result<std::vector<std::string>> ListDirectory(const std::string& path) override;
  Result<> CreateDirectories(const std::string& path) override;
  Result<> SyncDirectory(const std::string& path) override;
  Result<> Rename(const std::string& from, const std::string& to) override;
  Result<> Link(const std::string& from, const std::string& to) override;
  Result<> Remove(const std::string& path) override;
  Result<> RemoveAll(const std::string& path) override;
  Result<bool> Exists(const std::string& path) override;
  Result<std::uint64_t> FileSize(const std::string& path) override;
  Result<SpaceInfo> FreeSpace(const std::string& path) override;
  Result<std::string> ReadLink(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

  /// Power goes off and comes back. Of what was not durable a legal part is kept: any subset of the pieces of 512 bytes
  /// that were written since the last sync (others read as zeros), a length between the old and the new one, any subset
  /// of the names changed in a folder since its last sync.
  void Crash(Random& random);

  /// Another disk as Crash() may leave this one, which stays as it is: many crashes can be looked at from one moment.
  std::unique_ptr<SimFileSystem> AfterCrash(Random& random) const;

  /// Another disk with the same content, durable or not. Faults that were asked for are not copied.
  std::unique_ptr<SimFileSystem> Copy() const;

  /// The process dies, the machine does not: everything written stays, open files and locks go.
  void Kill();

  /// The process stops at the operation that makes `countdown` 0: it and all that follow fail and change nothing, until
  /// Crash() or Kill().
  void HaltAfter(std::uint64_t countdown);
  bool is_halted() const;

  /// The operation that makes `countdown` 0 fails with this code, and `times - 1` after it. Operations are all calls
  /// that change something: opening for writing, appending, syncing, renaming, removing, making folders. Of an append
  /// that fails the first half is written, as after a short count.
  void FailAfter(std::uint64_t countdown, Code code, std::uint64_t times = 1);
  /// No operation fails because that was asked for, nor will the process stop; if it has, it stays so.
  void StopFailing();

  /// Reading this file, by ReadAt() or Map(), fails with this code from now on; nothing: it works again.
  void FailReads(const std::string& path, std::optional<Code> code);

  /// Bytes that all files together may have; what goes beyond gets kNoSpace. 0: no limit.
  void SetQuota(std::uint64_t bytes);

  /// Changing operations so far, and how many of them failed because that was asked for or for want of space.
  std::uint64_t operation_count() const;
  std::uint64_t failed_operation_count() const;

  /// All files, by path.
  std::vector<std::string> Files() const;

  /// Flips one bit of a file's content, on the disk and in memory, as a bad disk does. Shape: the file exists and has
  /// that byte.
  void FlipBit(const std::string& path, std::uint64_t offset, unsigned bit);

 private:
  friend class SimWritableFile;
  friend class SimReadableFile;

  struct Node {
    std::string content;                                     // what a process sees
    std::string durable;                                     // what a crash cannot take
    std::vector<std::pair<std::size_t, std::size_t>> dirty;  // written since the last sync: offset, length
    std::optional<Code> read_error;
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;

  Result<> CountOperation(const std::string& what) BARO_REQUIRES(mutex_);
  bool IsHalted() const BARO_REQUIRES(mutex_);
  std::uint64_t UsedBytes() const BARO_REQUIRES(mutex_);
  Result<std::shared_ptr<Node>> Find(const std::string& path) const BARO_REQUIRES(mutex_);
  void MoveFolder(const std::string& from, const std::string& to) BARO_REQUIRES(mutex_);
  void UndoRenames(Random& random) BARO_REQUIRES(mutex_);
  static std::string ContentAfterCrash(const Node& node, Random& random);

  mutable Mutex mutex_;  // a leaf
  Names names_ BARO_GUARDED_BY(mutex_);
  Names durable_names_ BARO_GUARDED_BY(mutex_);
  std::map<std::string, bool> directories_ BARO_GUARDED_BY(mutex_);  // path -> durable
  std::vector<std::pair<std::string, std::string>> folder_renames_
      BARO_GUARDED_BY(mutex_);  // not yet durable: from, to
  std::map<std::string, std::uint64_t> locks_ BARO_GUARDED_BY(mutex_);
  std::uint64_t epoch_ BARO_GUARDED_BY(mutex_) = 0;  // counts crashes: files of an earlier one are dead
  std::uint64_t operations_ BARO_GUARDED_BY(mutex_) = 0;
  std::uint64_t fail_at_ BARO_GUARDED_BY(mutex_) = 0;  // 0: never
  std::uint64_t fail_times_ BARO_GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_ BARO_GUARDED_BY(mutex_) = 0;
  std::uint64_t halt_at_ BARO_GUARDED_BY(mutex_) = 0;  // 0: never
  Code fail_code_ BARO_GUARDED_BY(mutex_) = Code::kIo;
  std::uint64_t quota_bytes_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::base

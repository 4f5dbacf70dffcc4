// Files, as a seam. All file work of the project goes through it, so that tests run on a disk that tears, fills and
// fails.
//
// Errors   Everywhere: kNotFound (ENOENT), kAlreadyExists (EEXIST), kNoSpace (ENOSPC, EDQUOT), kPermissionDenied
//          (EACCES, EPERM), kIo (all others); the message has the path and the system's words. Short reads and writes
//          and EINTR are dealt with inside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::base {

/// A file that grows at its end.
///
/// Threads  Confined.
class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes, without sync

  /// All of it or an error; after an error the file's length is between before and after.
  virtual Result<> Append(ByteSpan bytes) = 0;

  /// Makes content and length durable. A failed sync is final: the kernel may have dropped the pages, and a second try
  /// would succeed without them.
  virtual Result<> Sync() = 0;

  /// Cuts or extends (with zeros) to `size`.
  virtual Result<> Truncate(std::uint64_t size) = 0;

  virtual std::uint64_t size() const = 0;

  /// Tells what the destructor could not.
  virtual Result<> Close() = 0;
};

/// A file that is read at any place.
///
/// Threads  Safe to share.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;

  /// Fills as much of `out` as the file has from `offset` on; returns how many bytes that is.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const = 0;
  virtual Result<std::uint64_t> Size() const = 0;
};

/// A file's content as memory, read-only, for as long as this lives.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual ByteSpan bytes() const = 0;
};

/// Holds a lock on a file; its end lets go.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct SpaceInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t available_bytes = 0;  ///< to this process, without what is kept for root
  std::uint64_t total_files = 0;      ///< inodes
  std::uint64_t free_files = 0;
};

/// Threads  Safe to share.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  enum class OpenMode {
    kCreate,  ///< must not exist
    kAppend,  ///< continues at the end; made when it does not exist
    kReplace  ///< emptied when it exists
  };
  virtual Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path, OpenMode mode) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) = 0;
  virtual Result<std::unique_ptr<MappedFile>> Map(const std::string& path) = 0;

  /// Names (not paths) of all entries, sorted.
  virtual Result<std::vector<std::string>> ListDirectory(const std::string& path) = 0;
  /// Makes the directory and its parents, each synced in its own parent; fine if it exists.
  virtual Result<> CreateDirectories(const std::string& path) = 0;
  /// Makes names that were created, renamed or removed in this directory durable.
  virtual Result<> SyncDirectory(const std::string& path) = 0;
  /// Replaces `to` if it exists. Atomic; durable after SyncDirectory of the folders.
  virtual Result<> Rename(const std::string& from, const std::string& to) = 0;
  /// A second name for the same file, which must not be there yet. Durable as Rename().
  /// Errors   also kIo where the file system has no such links.
  virtual Result<> Link(const std::string& from, const std::string& to) = 0;
  virtual Result<> Remove(const std::string& path) = 0;
  /// A file, or a directory with all that is in it; fine if it does not exist.
  virtual Result<> RemoveAll(const std::string& path) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  virtual Result<std::uint64_t> FileSize(const std::string& path) = 0;
  virtual Result<SpaceInfo> FreeSpace(const std::string& path) = 0;
  /// Target of a symbolic link.
  virtual Result<std::string> ReadLink(const std::string& path) = 0;

  /// Locks the file (made when it does not exist) against other processes.
  /// Errors   kUnavailable: somebody else holds it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

/// The operating system's. Lives for ever.
FileSystem& RealFileSystem();

/// The whole file, also one without a size such as those in /proc.
/// Errors   kLimitExceeded: larger than `bytes_max`.
Result<std::string> ReadFile(FileSystem& files, const std::string& path, std::size_t bytes_max);

/// Replaces the file as a whole and durably: temporary name, sync, rename, sync of the directory.
Result<> WriteFileAtomically(FileSystem& files, const std::string& path, ByteSpan content);

/// As WriteFileAtomically, with a CRC32C behind the content, which ReadSmallFile checks and takes off.
/// Errors   of reading: kCorruption.
Result<> WriteSmallFile(FileSystem& files, const std::string& path, ByteSpan content);
Result<std::string> ReadSmallFile(FileSystem& files, const std::string& path, std::size_t bytes_max = 64 << 20);

/// "a/b" of "a/b/c", "." of "c", "/" of "/c".
std::string ParentDirectory(const std::string& path);

}  // namespace baro::base

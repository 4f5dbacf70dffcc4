// What a program would do to files, without doing it: reads see the files below, changes stay in memory.
//
//     base::OverlayFileSystem files(base::RealFileSystem());
//     auto storage = Storage::Open({.directory = "data"}, {.files = files, ...});   // the directory stays as it is
//
// For looking into directories that belong to somebody else, perhaps to a server that runs.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/sim_file_system.h"

namespace baro::base {

/// Borrows the file system below, which outlives it, and never changes anything there.
///
/// Threads  Safe to share.
/// Errors   kPermissionDenied: renaming or linking what is only below, which would need a copy.
/// Cost     A file below that is continued is copied to memory first.
class OverlayFileSystem : public FileSystem {
 public:
  explicit OverlayFileSystem(FileSystem& below) : below_(below) {}

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
  /// Always given: nothing below can come to harm. A second one on the same path is refused.
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  bool IsHidden(const std::string& path) const;
  void Hide(const std::string& path);
  Result<bool> IsAbove(const std::string& path);
  Result<bool> IsBelow(const std::string& path);
  Result<> CopyUp(const std::string& path);
  /// Where a file is read: here or below.
  Result<FileSystem*> Layer(const std::string& path);

  FileSystem& below_;
  SimFileSystem above_;

  mutable Mutex mutex_;                                   // a leaf
  std::set<std::string> hidden_ BARO_GUARDED_BY(mutex_);  // removed here, with all that is in them below
};

}  // namespace baro::base

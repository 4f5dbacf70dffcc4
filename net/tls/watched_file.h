// A small file that is read again when it has changed: secrets and certificates that are renewed while we run.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace baro::net::tls {

/// What tells one state of a file from the next: time of change, size and inode. Zero if it is not there.
struct FileStamp {
  std::int64_t modified_ns = 0;
  std::int64_t size_bytes = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp StampOf(const std::string& path);

inline constexpr std::size_t kSmallFileBytesMax = 1024 * 1024;

/// Threads  Confined.
class WatchedFile {
 public:
  explicit WatchedFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }

  /// The content, without white space around it if `is_trimmed`; read again if the file has changed. A file that was
  /// good once and cannot be read any more keeps its last content. Errors   as ReadSmallFile().
  base::Result<std::string_view> Get(bool is_trimmed);

 private:
  std::string path_;
  FileStamp stamp_;
  bool is_read_ = false;
  std::string content_;
};

}  // namespace baro::net::tls

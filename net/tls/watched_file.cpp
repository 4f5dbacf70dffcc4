#include "net/tls/watched_file.h"

#include <sys/stat.h>

#include "base/file_system.h"

namespace baro::net::tls {

FileStamp StampOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {.modified_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec,
          .size_bytes = info.st_size,
          .inode = info.st_ino};
}

base::Result<std::string_view> WatchedFile::Get(bool is_trimmed) {
  const FileStamp stamp = StampOf(path_);
  if (!is_read_ || stamp != stamp_) {
    auto content = base::ReadFile(base::RealFileSystem(), path_, kSmallFileBytesMax);
    if (!content && !is_read_) return std::unexpected(std::move(content).error());
    if (content) {
      content_ = *std::move(content);
      is_read_ = true;
    }
    stamp_ = stamp;
  }
  if (!is_trimmed) return content_;
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = content_.find_first_not_of(kSpace);
  if (first == std::string::npos) return std::string_view();
  return std::string_view(content_).substr(first, content_.find_last_not_of(kSpace) - first + 1);
}

}  // namespace baro::net::tls

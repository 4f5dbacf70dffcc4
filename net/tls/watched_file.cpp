#include "net/tls/watched_file.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

namespace baro::net::tls {

FileStamp StampOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {.modified_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec,
          .size_bytes = info.st_size,
          .inode = info.st_ino};
}

base::Result<std::string> ReadSmallFile(const std::string& path) {
  const auto fail = [&](base::Code code, std::string_view what) {
    return base::Fail(code, fmt::format("read {}: {}", path, what));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) return fail(base::Code::kIo, std::generic_category().message(errno));
  std::string content;
  char piece[4096];
  while (const std::size_t size = std::fread(piece, 1, sizeof piece, file.get())) {
    content.append(piece, size);
    if (content.size() > kSmallFileBytesMax) {
      return fail(base::Code::kLimitExceeded, fmt::format("larger than {} bytes", kSmallFileBytesMax));
    }
  }
  if (std::ferror(file.get()) != 0) return fail(base::Code::kIo, std::generic_category().message(errno));
  return content;
}

base::Result<std::string_view> WatchedFile::Get(bool is_trimmed) {
  const FileStamp stamp = StampOf(path_);
  if (!is_read_ || stamp != stamp_) {
    auto content = ReadSmallFile(path_);
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

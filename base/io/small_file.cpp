#include <fmt/format.h>

#include "base/crc32c.h"
#include "base/file_system.h"

namespace baro::base {

std::string ParentDirectory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> ReadFile(FileSystem& files, const std::string& path, std::size_t bytes_max) {
  const auto file = BARO_TRY(files.OpenReadable(path));
  constexpr std::size_t kPiece = 64 * 1024;
  std::string content;
  for (;;) {
    const std::size_t have = content.size();
    content.resize(have + kPiece);
    const auto space = std::as_writable_bytes(std::span(content)).subspan(have);
    const std::size_t got = BARO_TRY(file->ReadAt(have, space));
    content.resize(have + got);
    if (content.size() > bytes_max) {
      return Fail(Code::kLimitExceeded, fmt::format("{} is larger than {} bytes, which is the limit", path, bytes_max));
    }
    if (got == 0) return content;
  }
}

Result<> WriteFileAtomically(FileSystem& files, const std::string& path, ByteSpan content) {
  const std::string temporary = path + ".tmp";
  {
    const auto file = BARO_TRY(files.OpenWritable(temporary, FileSystem::OpenMode::kReplace));
    BARO_TRY(file->Append(content));
    BARO_TRY(file->Sync());
    BARO_TRY(file->Close());
  }
  BARO_TRY(files.Rename(temporary, path));
  return files.SyncDirectory(ParentDirectory(path));
}

Result<> WriteSmallFile(FileSystem& files, const std::string& path, ByteSpan content) {
  ByteBuffer framed(content.begin(), content.end());
  AppendLe<std::uint32_t>(framed, Crc32c(content));
  return WriteFileAtomically(files, path, framed);
}

Result<std::string> ReadSmallFile(FileSystem& files, const std::string& path, std::size_t bytes_max) {
  std::string framed = BARO_TRY(ReadFile(files, path, bytes_max));
  constexpr std::size_t kTrailer = sizeof(std::uint32_t);
  if (framed.size() < kTrailer) {
    return Fail(Code::kCorruption,
                fmt::format("{} is cut short: {} bytes, at least {}", path, framed.size(), kTrailer));
  }
  const ByteSpan bytes = AsBytes(framed);
  const ByteSpan content = bytes.first(bytes.size() - kTrailer);
  if (LoadLe<std::uint32_t>(bytes.data() + content.size()) != Crc32c(content)) {
    return Fail(Code::kCorruption, fmt::format("{} does not match its checksum", path));
  }
  framed.resize(content.size());
  return framed;
}

}  // namespace baro::base

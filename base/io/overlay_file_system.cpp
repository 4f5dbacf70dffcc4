#include "base/overlay_file_system.h"

#include <algorithm>

#include <fmt/format.h>

namespace baro::base {
namespace {

// Files that are continued are the tails of logs.
constexpr std::size_t kCopyBytesMax = std::size_t{1} << 30;

Error NotFound(const std::string& path) { return {Code::kNotFound, fmt::format("cannot open {}: no such file", path)}; }

Error OnlyBelow(std::string_view what, const std::string& path) {
  return {Code::kPermissionDenied, fmt::format("cannot {} {}: it is only looked at", what, path)};
}

}  // namespace

bool OverlayFileSystem::IsHidden(const std::string& path) const {
  const MutexLock lock(mutex_);
  if (hidden_.empty()) return false;
  for (std::string at = path;; at = ParentDirectory(at)) {
    if (hidden_.contains(at)) return true;
    if (at == "." || at == "/") return false;
  }
}

void OverlayFileSystem::Hide(const std::string& path) {
  const MutexLock lock(mutex_);
  hidden_.insert(path);
}

Result<bool> OverlayFileSystem::IsAbove(const std::string& path) { return above_.Exists(path); }

Result<bool> OverlayFileSystem::IsBelow(const std::string& path) {
  if (IsHidden(path)) return false;
  return below_.Exists(path);
}

Result<FileSystem*> OverlayFileSystem::Layer(const std::string& path) {
  if (BARO_TRY(IsAbove(path))) return &above_;
  if (IsHidden(path)) return NotFound(path);
  return &below_;
}

Result<> OverlayFileSystem::CopyUp(const std::string& path) {
  const std::string content = BARO_TRY(ReadFile(below_, path, kCopyBytesMax));
  const auto file = BARO_TRY(above_.OpenWritable(path, OpenMode::kReplace));
  return file->Append(AsBytes(content));
}

Result<std::unique_ptr<WritableFile>> OverlayFileSystem::OpenWritable(const std::string& path, OpenMode mode) {
  const bool is_above = BARO_TRY(IsAbove(path));
  const bool is_below = !is_above && BARO_TRY(IsBelow(path));
  if (is_below && mode == OpenMode::kCreate) {
    return Fail(Code::kAlreadyExists, fmt::format("cannot create {}: it is there", path));
  }
  const std::string folder = ParentDirectory(path);
  if (!BARO_TRY(Exists(folder))) return NotFound(path);
  BARO_TRY(above_.CreateDirectories(folder));
  if (is_below && mode == OpenMode::kAppend) BARO_TRY(CopyUp(path));
  return above_.OpenWritable(path, mode);
}

Result<std::unique_ptr<ReadableFile>> OverlayFileSystem::OpenReadable(const std::string& path) {
  FileSystem* const layer = BARO_TRY(Layer(path));
  return layer->OpenReadable(path);
}

Result<std::unique_ptr<MappedFile>> OverlayFileSystem::Map(const std::string& path) {
  FileSystem* const layer = BARO_TRY(Layer(path));
  return layer->Map(path);
}

Result<std::vector<std::string>> OverlayFileSystem::ListDirectory(const std::string& path) {
  const bool is_above = BARO_TRY(IsAbove(path));
  const bool is_below = BARO_TRY(IsBelow(path));
  if (!is_above && !is_below) return NotFound(path);
  std::set<std::string> names;
  if (is_below) {
    for (std::string& name : BARO_TRY(below_.ListDirectory(path))) {
      if (!IsHidden(path + "/" + name)) names.insert(std::move(name));
    }
  }
  if (is_above) {
    for (std::string& name : BARO_TRY(above_.ListDirectory(path))) names.insert(std::move(name));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<> OverlayFileSystem::CreateDirectories(const std::string& path) { return above_.CreateDirectories(path); }

Result<> OverlayFileSystem::SyncDirectory(const std::string& path) {
  if (BARO_TRY(Exists(path))) return {};
  return NotFound(path);
}

Result<> OverlayFileSystem::Rename(const std::string& from, const std::string& to) {
  if (!BARO_TRY(IsAbove(from))) return BARO_TRY(IsBelow(from)) ? OnlyBelow("rename", from) : NotFound(from);
  if (BARO_TRY(IsBelow(from))) return OnlyBelow("rename", from);  // a folder that is in both
  BARO_TRY(above_.CreateDirectories(ParentDirectory(to)));
  if (BARO_TRY(IsBelow(to))) Hide(to);
  return above_.Rename(from, to);
}

Result<> OverlayFileSystem::Link(const std::string& from, const std::string& to) {
  if (!BARO_TRY(IsAbove(from))) return BARO_TRY(IsBelow(from)) ? OnlyBelow("link", from) : NotFound(from);
  BARO_TRY(above_.CreateDirectories(ParentDirectory(to)));
  return above_.Link(from, to);
}

Result<> OverlayFileSystem::Remove(const std::string& path) {
  const bool is_above = BARO_TRY(IsAbove(path));
  const bool is_below = BARO_TRY(IsBelow(path));
  if (!is_above && !is_below) return NotFound(path);
  if (is_below) Hide(path);
  if (is_above) return above_.Remove(path);
  return {};
}

Result<> OverlayFileSystem::RemoveAll(const std::string& path) {
  if (BARO_TRY(IsBelow(path))) Hide(path);
  return above_.RemoveAll(path);
}

Result<bool> OverlayFileSystem::Exists(const std::string& path) {
  if (BARO_TRY(IsAbove(path))) return true;
  return IsBelow(path);
}

Result<std::uint64_t> OverlayFileSystem::FileSize(const std::string& path) {
  FileSystem* const layer = BARO_TRY(Layer(path));
  return layer->FileSize(path);
}

Result<SpaceInfo> OverlayFileSystem::FreeSpace(const std::string& path) { return below_.FreeSpace(path); }

Result<std::string> OverlayFileSystem::ReadLink(const std::string& path) {
  FileSystem* const layer = BARO_TRY(Layer(path));
  return layer->ReadLink(path);
}

Result<std::unique_ptr<FileLock>> OverlayFileSystem::Lock(const std::string& path) {
  BARO_TRY(above_.CreateDirectories(ParentDirectory(path)));
  return above_.Lock(path);
}

}  // namespace baro::base

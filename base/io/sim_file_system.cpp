#include "base/sim_file_system.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

namespace baro::base {
namespace {

constexpr std::size_t kSectorBytes = 512;  // what a disk writes whole

Error NotFound(const std::string& path) { return {Code::kNotFound, fmt::format("cannot open {}: no such file", path)}; }

bool IsBelow(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

class SimWritableFile : public WritableFile {
 public:
  SimWritableFile(SimFileSystem& files, std::shared_ptr<SimFileSystem::Node> node, std::string path,
                  std::uint64_t epoch)
      : files_(files), node_(std::move(node)), path_(std::move(path)), epoch_(epoch) {}

  Result<> Append(ByteSpan bytes) override {
    const MutexLock lock(files_.mutex_);
    BARO_TRY(CheckAlive());
    std::string_view text = AsText(bytes);
    if (auto counted = files_.CountOperation("write to " + path_); !counted) {
      if (!files_.IsHalted()) Put(text.substr(0, text.size() / 2));
      return counted;
    }
    const std::uint64_t quota = files_.quota_bytes_;
    const std::uint64_t free = quota == 0 ? text.size() : quota - std::min(quota, files_.UsedBytes());
    Put(text.substr(0, free));
    if (text.size() <= free) return {};
    ++files_.failed_;
    return base::Fail(Code::kNoSpace, fmt::format("cannot write to {}: no space left on device", path_));
  }

  Result<> Sync() override {
    const MutexLock lock(files_.mutex_);
    BARO_TRY(CheckAlive());
    if (auto counted = files_.CountOperation("sync " + path_); !counted) {
      if (files_.IsHalted()) return counted;
      // As Linux does it: the dirty pages are forgotten, and the next sync succeeds without them.
      for (const auto& [offset, length] : node_->dirty) {
        const std::size_t end = std::min(offset + length, node_->content.size());
        for (std::size_t i = offset; i < end; ++i) node_->content[i] = '\0';
      }
      node_->dirty.clear();
      return counted;
    }
    node_->durable = node_->content;
    node_->dirty.clear();
    return {};
  }

  Result<> Truncate(std::uint64_t size) override {
    const MutexLock lock(files_.mutex_);
    BARO_TRY(CheckAlive());
    BARO_TRY(files_.CountOperation("truncate " + path_));
    node_->content.resize(size);
    return {};
  }

  std::uint64_t size() const override {
    const MutexLock lock(files_.mutex_);
    return node_->content.size();
  }

  Result<> Close() override { return {}; }

 private:
  void Put(std::string_view text) BARO_REQUIRES(files_.mutex_) {
    if (!text.empty()) node_->dirty.emplace_back(node_->content.size(), text.size());
    node_->content += text;
  }
  Result<> CheckAlive() BARO_REQUIRES(files_.mutex_) {
    if (epoch_ == files_.epoch_) return {};
    return base::Fail(Code::kIo, fmt::format("cannot use {}: it was opened before the crash", path_));
  }

  SimFileSystem& files_;
  std::shared_ptr<SimFileSystem::Node> node_;
  std::string path_;
  std::uint64_t epoch_;
};

class SimReadableFile : public ReadableFile {
 public:
  SimReadableFile(const SimFileSystem& files, std::shared_ptr<SimFileSystem::Node> node)
      : files_(files), node_(std::move(node)) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    const MutexLock lock(files_.mutex_);
    if (node_->read_error) return base::Fail(*node_->read_error, "cannot read: the test wants this to fail");
    if (offset >= node_->content.size()) return 0;
    const std::size_t count = std::min(out.size(), node_->content.size() - offset);
    std::memcpy(out.data(), node_->content.data() + offset, count);
    return count;
  }
  Result<std::uint64_t> Size() const override {
    const MutexLock lock(files_.mutex_);
    return node_->content.size();
  }

 private:
  const SimFileSystem& files_;
  std::shared_ptr<SimFileSystem::Node> node_;
};

namespace {

class CopiedFile : public MappedFile {
 public:
  explicit CopiedFile(std::string content) : content_(std::move(content)) {}
  ByteSpan bytes() const override { return AsBytes(content_); }

 private:
  std::string content_;
};

class SimFileLock : public FileLock {
 public:
  explicit SimFileLock(std::function<void()> release) : release_(std::move(release)) {}
  ~SimFileLock() override { release_(); }
  SimFileLock(const SimFileLock&) = delete;
  SimFileLock& operator=(const SimFileLock&) = delete;

 private:
  std::function<void()> release_;
};

}  // namespace

Result<> SimFileSystem::CountOperation(const std::string& what) {
  ++operations_;
  if (IsHalted()) return Fail(Code::kIo, fmt::format("cannot {}: the process has stopped", what));
  if (fail_at_ == 0 || operations_ < fail_at_ || operations_ >= fail_at_ + fail_times_) return {};
  ++failed_;
  return Fail(fail_code_, fmt::format("cannot {}: the test wants this to fail", what));
}

std::uint64_t SimFileSystem::UsedBytes() const {
  std::uint64_t used = 0;
  for (const auto& [path, node] : names_) used += node->content.size();
  return used;
}

Result<std::shared_ptr<SimFileSystem::Node>> SimFileSystem::Find(const std::string& path) const {
  const auto found = names_.find(path);
  if (found == names_.end()) return NotFound(path);
  return found->second;
}

Result<std::unique_ptr<WritableFile>> SimFileSystem::OpenWritable(const std::string& path, OpenMode mode) {
  const MutexLock lock(mutex_);
  BARO_TRY(CountOperation("create " + path));
  const std::string folder = ParentDirectory(path);
  if (folder != "." && folder != "/" && !directories_.contains(folder)) return NotFound(path);
  auto& node = names_[path];
  if (node && mode == OpenMode::kCreate) {
    return Fail(Code::kAlreadyExists, fmt::format("cannot create {}: it exists", path));
  }
  if (!node) node = std::make_shared<Node>();
  if (mode == OpenMode::kReplace) {
    node->content.clear();
    node->dirty.clear();
  }
  return std::make_unique<SimWritableFile>(*this, node, path, epoch_);
}

Result<std::unique_ptr<ReadableFile>> SimFileSystem::OpenReadable(const std::string& path) {
  const MutexLock lock(mutex_);
  return std::make_unique<SimReadableFile>(*this, BARO_TRY(Find(path)));
}

Result<std::unique_ptr<MappedFile>> SimFileSystem::Map(const std::string& path) {
  const MutexLock lock(mutex_);
  const auto node = BARO_TRY(Find(path));
  if (node->read_error) return Fail(*node->read_error, fmt::format("cannot map {}: the test wants this to fail", path));
  return std::make_unique<CopiedFile>(node->content);
}

Result<std::vector<std::string>> SimFileSystem::ListDirectory(const std::string& path) {
  const MutexLock lock(mutex_);
  if (!directories_.contains(path)) return NotFound(path);
  std::set<std::string> names;
  const auto add = [&](const std::string& entry) {
    if (!IsBelow(entry, path)) return;
    const std::string rest = entry.substr(path.size() + 1);
    names.insert(rest.substr(0, rest.find('/')));
  };
  for (const auto& [entry, node] : names_) add(entry);
  for (const auto& [entry, durable] : directories_) add(entry);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<> SimFileSystem::CreateDirectories(const std::string& path) {
  const MutexLock lock(mutex_);
  if (directories_.contains(path)) return {};
  BARO_TRY(CountOperation("make directory " + path));
  for (std::string at = path; at != "." && at != "/"; at = ParentDirectory(at)) directories_[at] = true;
  return {};
}

Result<> SimFileSystem::SyncDirectory(const std::string& path) {
  const MutexLock lock(mutex_);
  BARO_TRY(CountOperation("sync directory " + path));
  std::erase_if(folder_renames_, [&](const auto& entry) {
    return ParentDirectory(entry.first) == path || ParentDirectory(entry.second) == path;
  });
  for (auto entry = durable_names_.begin(); entry != durable_names_.end();) {
    const bool is_gone = ParentDirectory(entry->first) == path && !names_.contains(entry->first);
    entry = is_gone ? durable_names_.erase(entry) : std::next(entry);
  }
  for (const auto& [entry, node] : names_) {
    if (ParentDirectory(entry) == path) durable_names_[entry] = node;
  }
  return {};
}

Result<> SimFileSystem::Rename(const std::string& from, const std::string& to) {
  const MutexLock lock(mutex_);
  BARO_TRY(CountOperation(fmt::format("rename {} to {}", from, to)));
  if (directories_.contains(from)) {
    const auto is_below = [&](const auto& entry) { return IsBelow(entry.first, to); };
    if (std::ranges::any_of(names_, is_below) || std::ranges::any_of(directories_, is_below)) {
      return Fail(Code::kIo, fmt::format("cannot rename {} to {}: the directory is not empty", from, to));
    }
    MoveFolder(from, to);
    folder_renames_.emplace_back(from, to);
    return {};
  }
  const auto node = BARO_TRY(Find(from));
  names_.erase(from);
  names_[to] = node;
  return {};
}

// What is below a folder moves with it, durable or not: one name in its parent changes.
void SimFileSystem::MoveFolder(const std::string& from, const std::string& to) {
  const auto move_all = [&](auto& map) {
    std::remove_reference_t<decltype(map)> moved;
    for (const auto& [path, value] : map) {
      moved[path == from || IsBelow(path, from) ? to + path.substr(from.size()) : path] = value;
    }
    map.swap(moved);
  };
  move_all(names_);
  move_all(durable_names_);
  move_all(directories_);
}

void SimFileSystem::UndoRenames(Random& random) {
  for (; !folder_renames_.empty(); folder_renames_.pop_back()) {
    const auto& [from, to] = folder_renames_.back();
    if (directories_.contains(to) && !directories_.contains(from) && random.OneIn(2)) MoveFolder(to, from);
  }
}

Result<> SimFileSystem::Link(const std::string& from, const std::string& to) {
  const MutexLock lock(mutex_);
  BARO_TRY(CountOperation(fmt::format("link {} to {}", from, to)));
  const auto node = BARO_TRY(Find(from));
  if (names_.contains(to)) {
    return Fail(Code::kAlreadyExists, fmt::format("cannot link {} to {}: that is there already", from, to));
  }
  names_[to] = node;
  return {};
}

Result<> SimFileSystem::Remove(const std::string& path) {
  const MutexLock lock(mutex_);
  BARO_TRY(CountOperation("remove " + path));
  const auto is_below = [&](const auto& entry) { return IsBelow(entry.first, path); };
  if (std::ranges::any_of(names_, is_below) || std::ranges::any_of(directories_, is_below)) {
    return Fail(Code::kIo, fmt::format("cannot remove {}: the directory is not empty", path));
  }
  if (directories_.erase(path) > 0) return {};
  if (names_.erase(path) == 0) return NotFound(path);
  return {};
}

Result<> SimFileSystem::RemoveAll(const std::string& path) {
  const MutexLock lock(mutex_);
  BARO_TRY(CountOperation("remove " + path));
  std::erase_if(names_, [&](const auto& entry) { return entry.first == path || IsBelow(entry.first, path); });
  std::erase_if(directories_, [&](const auto& entry) { return entry.first == path || IsBelow(entry.first, path); });
  return {};
}

Result<bool> SimFileSystem::Exists(const std::string& path) {
  const MutexLock lock(mutex_);
  return names_.contains(path) || directories_.contains(path);
}

Result<std::uint64_t> SimFileSystem::FileSize(const std::string& path) {
  const MutexLock lock(mutex_);
  const auto node = BARO_TRY(Find(path));
  return node->content.size();
}

Result<SpaceInfo> SimFileSystem::FreeSpace(const std::string&) {
  constexpr std::uint64_t kEndless = std::uint64_t{1} << 40;
  const MutexLock lock(mutex_);
  const std::uint64_t total = quota_bytes_ > 0 ? quota_bytes_ : kEndless;
  const std::uint64_t free = total - std::min(total, UsedBytes());
  return SpaceInfo{.total_bytes = total, .free_bytes = free, .available_bytes = free};
}

Result<std::string> SimFileSystem::ReadLink(const std::string& path) {
  return Fail(Code::kIo, fmt::format("cannot read link {}: there are no links here", path));
}

Result<std::unique_ptr<FileLock>> SimFileSystem::Lock(const std::string& path) {
  const MutexLock lock(mutex_);
  const auto held = locks_.find(path);
  if (held != locks_.end() && held->second == epoch_) {
    return Fail(Code::kUnavailable, fmt::format("{} is locked by another process", path));
  }
  locks_[path] = epoch_;
  return std::make_unique<SimFileLock>([this, path, epoch = epoch_] {
    const MutexLock release(mutex_);
    const auto mine = locks_.find(path);
    if (mine != locks_.end() && mine->second == epoch) locks_.erase(mine);
  });
}

std::string SimFileSystem::ContentAfterCrash(const Node& node, Random& random) {
  const std::size_t longer = std::max(node.content.size(), node.durable.size());
  const std::size_t shorter = std::min(node.content.size(), node.durable.size());
  std::string kept = node.durable;
  kept.resize(shorter + random.Below(longer - shorter + 1), '\0');
  for (const auto& [offset, length] : node.dirty) {
    // Each sector that a write touched is there whole, or not at all.
    for (std::size_t at = offset / kSectorBytes * kSectorBytes; at < offset + length; at += kSectorBytes) {
      if (random.OneIn(2)) continue;
      const std::size_t start = std::max(at, offset);
      const std::size_t end = std::min({at + kSectorBytes, offset + length, kept.size(), node.content.size()});
      for (std::size_t i = start; i < end; ++i) kept[i] = node.content[i];
    }
  }
  return kept;
}

void SimFileSystem::Crash(Random& random) {
  const MutexLock lock(mutex_);
  ++epoch_;
  halt_at_ = 0;
  UndoRenames(random);
  std::set<std::string> paths;
  for (const auto& [path, node] : names_) paths.insert(path);
  for (const auto& [path, node] : durable_names_) paths.insert(path);
  Names survivors;
  for (const std::string& path : paths) {
    const auto seen = names_.find(path);
    const auto durable = durable_names_.find(path);
    const bool keeps_new = random.OneIn(2);
    const auto& chosen = keeps_new ? seen : durable;
    if (chosen != (keeps_new ? names_.end() : durable_names_.end())) survivors[path] = chosen->second;
  }
  Names fresh;  // nodes of their own: dead files must not write into what survived
  for (const auto& [path, node] : survivors) {
    auto copy = std::make_shared<Node>();
    copy->content = ContentAfterCrash(*node, random);
    copy->durable = copy->content;
    fresh[path] = std::move(copy);
  }
  names_ = fresh;
  durable_names_ = std::move(fresh);
}

std::unique_ptr<SimFileSystem> SimFileSystem::AfterCrash(Random& random) const {
  auto other = std::make_unique<SimFileSystem>();
  {
    const MutexLock lock(mutex_);
    const MutexLock other_lock(other->mutex_);  // nobody else has it yet
    other->names_ = names_;
    other->durable_names_ = durable_names_;
    other->directories_ = directories_;
    other->folder_renames_ = folder_renames_;
  }
  other->Crash(random);  // makes files of its own
  return other;
}

std::unique_ptr<SimFileSystem> SimFileSystem::Copy() const {
  auto other = std::make_unique<SimFileSystem>();
  const MutexLock lock(mutex_);
  const MutexLock other_lock(other->mutex_);  // nobody else has it yet
  std::map<const Node*, std::shared_ptr<Node>> copies;
  const auto copy_all = [&copies](const Names& from, Names& to) {
    for (const auto& [path, node] : from) {
      auto& copy = copies[node.get()];
      if (copy == nullptr) copy = std::make_shared<Node>(*node);
      to[path] = copy;
    }
  };
  copy_all(names_, other->names_);
  copy_all(durable_names_, other->durable_names_);
  other->directories_ = directories_;
  other->folder_renames_ = folder_renames_;
  return other;
}

void SimFileSystem::Kill() {
  const MutexLock lock(mutex_);
  ++epoch_;
  halt_at_ = 0;
}

void SimFileSystem::HaltAfter(std::uint64_t countdown) {
  const MutexLock lock(mutex_);
  halt_at_ = operations_ + countdown;
}

bool SimFileSystem::is_halted() const {
  const MutexLock lock(mutex_);
  return IsHalted();
}

bool SimFileSystem::IsHalted() const { return halt_at_ != 0 && operations_ >= halt_at_; }

void SimFileSystem::FailAfter(std::uint64_t countdown, Code code, std::uint64_t times) {
  const MutexLock lock(mutex_);
  fail_at_ = operations_ + countdown;
  fail_times_ = times;
  fail_code_ = code;
}

void SimFileSystem::StopFailing() {
  const MutexLock lock(mutex_);
  fail_at_ = 0;
  if (!IsHalted()) halt_at_ = 0;
}

void SimFileSystem::SetQuota(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  quota_bytes_ = bytes;
}

std::uint64_t SimFileSystem::operation_count() const {
  const MutexLock lock(mutex_);
  return operations_;
}

std::uint64_t SimFileSystem::failed_operation_count() const {
  const MutexLock lock(mutex_);
  return failed_;
}

std::vector<std::string> SimFileSystem::Files() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, node] : names_) paths.push_back(path);
  return paths;
}

void SimFileSystem::FlipBit(const std::string& path, std::uint64_t offset, unsigned bit) {
  const MutexLock lock(mutex_);
  const auto found = names_.find(path);
  BARO_ASSERT(found != names_.end() && offset < found->second->content.size() && bit < 8);
  const auto flip = [&](char& byte) { byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit)); };
  flip(found->second->content[offset]);
  if (offset < found->second->durable.size()) flip(found->second->durable[offset]);
}

void SimFileSystem::FailReads(const std::string& path, std::optional<Code> code) {
  const MutexLock lock(mutex_);
  const auto found = names_.find(path);
  BARO_ASSERT(found != names_.end());
  found->second->read_error = code;
}

}  // namespace baro::base

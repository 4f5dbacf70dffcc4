#include "scraper/discovery/file_discovery.h"

#include <algorithm>

#include "base/path_pattern.h"
#include "scraper/target.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using base::MutexLock;

/// How long somebody waits who changed a file.
constexpr std::chrono::seconds kLookEvery{5};

constexpr std::string_view kGone = "gone";  // what is told of a file that does not exist

}  // namespace

FileDiscovery::FileDiscovery(FileDiscoveryOptions options, const DiscoveryContext& context)
    : options_(std::move(options)),
      clock_(context.clock),
      executor_(context.executor),
      files_(context.files),
      log_(context.log),
      report_("file", context) {}

void FileDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  timer_ = executor_.PostAfter(std::chrono::nanoseconds(0), [self = shared_from_this()] { self->Refresh(); });
}

void FileDiscovery::Stop() {
  report_.Close();
  const MutexLock lock(mutex_);
  is_running_ = false;
  executor_.Cancel(timer_);
}

std::vector<std::string> FileDiscovery::MatchingFiles() const {
  std::vector<std::string> paths;
  for (const std::string& pattern : options_.files) {
    const auto found = base::ExpandPattern(files_, pattern);
    paths.insert(paths.end(), found.begin(), found.end());
  }
  std::ranges::sort(paths);
  paths.erase(std::ranges::unique(paths).begin(), paths.end());
  return paths;
}

std::size_t FileDiscovery::CountTargets() const {
  std::size_t count = 0;
  for (const auto& [path, file] : known_) {
    for (const TargetGroup& group : file.groups) count += group.targets.size();
  }
  return count;
}

void FileDiscovery::Tell() {
  has_told_ = true;
  std::vector<TargetGroup> groups;
  for (const auto& [path, file] : known_) groups.insert(groups.end(), file.groups.begin(), file.groups.end());
  update_(std::move(groups));
}

void FileDiscovery::Refresh() {
  refresh_start_ = clock_.Monotonic();
  const std::vector<std::string> paths = MatchingFiles();
  bool has_changed = !has_told_;
  for (const std::string& path : paths) has_changed |= RefreshFile(path);
  has_changed |= std::erase_if(known_, [&](const auto& entry) {
                   return !std::ranges::binary_search(paths, entry.first) && !entry.second.groups.empty();
                 }) > 0;
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
  }
  const auto is_good = [](const auto& entry) { return entry.second.error.empty() || entry.second.error == kGone; };
  if (std::ranges::all_of(known_, is_good)) report_.Succeeded(CountTargets(), clock_.Monotonic() - refresh_start_);
  if (has_changed) Tell();
  const MutexLock lock(mutex_);
  if (!is_running_) return;
  const auto wait = std::min<std::chrono::milliseconds>(options_.refresh_interval, kLookEvery);
  timer_ = executor_.PostAfter(wait, [self = shared_from_this()] { self->Refresh(); });
}

bool FileDiscovery::RefreshFile(const std::string& path) {
  const auto text = base::ReadFile(files_, path, kTargetFileBytesMax);
  if (!text) {
    if (text.error().code() != base::Code::kNotFound) return KeepLastGood(path, text.error());
    return Forget(path);
  }
  const std::uint64_t hash = Fnv1a(*text);
  KnownFile& known = known_[path];
  if (known.content_hash == hash) {
    known.error.clear();
    return false;
  }
  auto groups = ParseTargetFile(*text, path);
  if (!groups) return KeepLastGood(path, groups.error());
  known = {.content_hash = hash, .groups = *std::move(groups), .error = ""};
  return true;
}

bool FileDiscovery::Forget(const std::string& path) {
  KnownFile& known = known_[path];
  const bool had_groups = !known.groups.empty();
  if (known.error != kGone) log_.Warn("target file does not exist; it has no targets", {{"file", path}});
  known = {.content_hash = 0, .groups = {}, .error = std::string(kGone)};
  return had_groups;
}

bool FileDiscovery::KeepLastGood(const std::string& path, const base::Error& error) {
  KnownFile& known = known_[path];
  if (known.error == error.message()) return false;
  known.error = error.message();
  report_.Failed(error, clock_.Monotonic() - refresh_start_);
  return false;
}

}  // namespace baro::scraper

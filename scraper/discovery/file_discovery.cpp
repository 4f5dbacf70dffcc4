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

}  // namespace

FileDiscovery::FileDiscovery(FileDiscoveryOptions options, base::Executor& executor, base::FileSystem& files,
                             ScrapeMetrics& metrics, base::Logger log)
    : options_(std::move(options)), executor_(executor), files_(files), metrics_(metrics), log_(std::move(log)) {}

void FileDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  timer_ = executor_.PostAfter(std::chrono::nanoseconds(0), [self = shared_from_this()] { self->Refresh(); });
}

void FileDiscovery::Stop() {
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

void FileDiscovery::Refresh() {
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
  if (has_changed) {
    has_told_ = true;
    std::vector<TargetGroup> groups;
    for (const auto& [path, file] : known_) groups.insert(groups.end(), file.groups.begin(), file.groups.end());
    update_(std::move(groups));
  }
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
  constexpr const char* kGone = "gone";
  if (known.error != kGone) log_.Warn("target file does not exist; it has no targets", {{"file", path}});
  known = {.content_hash = 0, .groups = {}, .error = kGone};
  return had_groups;
}

bool FileDiscovery::KeepLastGood(const std::string& path, const base::Error& error) {
  KnownFile& known = known_[path];
  if (known.error == error.message()) return false;
  known.error = error.message();
  metrics_.sd_refresh_failures_total.With({"file"}).Add();
  log_.Warn("target file cannot be used; its last good content stays in force", {{"err", error.message()}});
  return false;
}

}  // namespace baro::scraper

#include "scraper/discovery/file_discovery.h"

#include <algorithm>
#include <utility>

#include "base/path_pattern.h"
#include "scraper/target.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using base::MutexLock;

/// How long somebody waits who changed a file that is not watched.
constexpr std::chrono::seconds kLookEvery{5};
constexpr std::chrono::milliseconds kSettle{50};  // whoever changes one file changes another
constexpr std::chrono::seconds kLookPause{1};     // between looks, however much changes

constexpr std::string_view kGone = "gone";  // what is told of a file that does not exist

}  // namespace

FileDiscovery::FileDiscovery(FileDiscoveryOptions options, const DiscoveryContext& context,
                             std::shared_ptr<TargetBudget> budget)
    : options_(std::move(options)),
      clock_(context.clock),
      executor_(context.executor),
      files_(context.files),
      log_(context.log),
      report_("file", context),
      directories_(context.directories),
      budget_(std::move(budget)) {}

void FileDiscovery::Start(DiscoveryUpdate update) {
  update_ = std::move(update);
  const MutexLock lock(mutex_);
  is_running_ = true;
  timer_ = executor_.PostAfter(std::chrono::nanoseconds(0), [self = shared_from_this()] { self->Refresh(); });
}

void FileDiscovery::Stop() {
  report_.Close();
  std::shared_ptr<base::DirectoryWatch> ended;
  const MutexLock lock(mutex_);
  is_running_ = false;
  executor_.Cancel(timer_);
  ended.swap(watch_);
}

void FileDiscovery::Watch() {
  if (directories_ == nullptr) return;
  std::shared_ptr<base::DirectoryWatch> watch;
  {
    const MutexLock lock(mutex_);
    watch = watch_;
  }
  base::Result<> watched;
  if (!watch) {
    std::vector<std::string> folders;
    for (const std::string& pattern : options_.files) folders.push_back(base::ParentDirectory(pattern));
    auto made = directories_->Watch(std::move(folders), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->LookSoon();
    });
    if (made) {
      watch = *std::move(made);
    } else {
      watched = std::unexpected(made.error());
    }
  }
  if (watch) watched = watch->Renew();
  const std::string error = watched ? "" : watched.error().message();
  if (!error.empty() && error != watch_error_) {
    log_.Warn("directories of target files are not watched; the files are read every few seconds", {{"err", error}});
  }
  watch_error_ = error;
  const MutexLock lock(mutex_);
  if (!is_running_) return;
  watch_ = std::move(watch);
  is_watching_ = error.empty();
}

void FileDiscovery::LookSoon() {
  const MutexLock lock(mutex_);
  if (!is_running_ || std::exchange(has_news_, true)) return;
  // A refresh that runs looks at this when it ends; one that was about to begin reads what has changed.
  if (!is_refreshing_ && executor_.Cancel(timer_)) Schedule();
}

void FileDiscovery::Schedule() {
  std::chrono::nanoseconds wait = options_.refresh_interval;
  if (!is_watching_) wait = std::min<std::chrono::nanoseconds>(wait, kLookEvery);
  if (has_news_) wait = std::max<std::chrono::nanoseconds>(kSettle, last_look_ + kLookPause - clock_.Monotonic());
  timer_ = executor_.PostAfter(wait, [self = shared_from_this()] { self->Refresh(); });
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
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
    is_refreshing_ = true;
    has_news_ = false;
    last_look_ = refresh_start_;
  }
  Watch();  // before the files are looked at: what happens after it is told
  const std::vector<std::string> paths = MatchingFiles();
  bool has_changed = !has_told_;
  for (const std::string& path : paths) has_changed |= RefreshFile(path);
  has_changed |= ForgetOthers(paths);
  {
    const MutexLock lock(mutex_);
    if (!is_running_) return;
  }
  const auto is_good = [](const auto& entry) { return entry.second.error.empty() || entry.second.error == kGone; };
  if (std::ranges::all_of(known_, is_good)) report_.Succeeded(CountTargets(), clock_.Monotonic() - refresh_start_);
  if (has_changed) Tell();
  const MutexLock lock(mutex_);
  is_refreshing_ = false;
  if (is_running_) Schedule();
}

bool FileDiscovery::ForgetOthers(const std::vector<std::string>& paths) {
  bool had_groups = false;
  std::erase_if(known_, [&](const auto& entry) {
    if (std::ranges::binary_search(paths, entry.first)) return false;
    had_groups |= !entry.second.groups.empty();
    (void)budget_->Replace(entry.second.amount, {});
    return true;
  });
  return had_groups;
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
  const TargetAmount amount = AmountOf(*groups);
  if (const auto fits = budget_->Replace(known.amount, amount); !fits) {
    return KeepLastGood(path, fits.error().WithContext(path));
  }
  known = {.content_hash = hash, .groups = *std::move(groups), .amount = amount, .error = ""};
  return true;
}

bool FileDiscovery::Forget(const std::string& path) {
  KnownFile& known = known_[path];
  const bool had_groups = !known.groups.empty();
  if (known.error != kGone) log_.Warn("target file does not exist; it has no targets", {{"file", path}});
  (void)budget_->Replace(known.amount, {});
  known = {.content_hash = 0, .groups = {}, .amount = {}, .error = std::string(kGone)};
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

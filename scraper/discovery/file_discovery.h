// Target groups in files that are looked at again and again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/directory_watcher.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/discovery_report.h"
#include "scraper/discovery/target_budget.h"

namespace baro::scraper {

/// Reads its files when their directories tell of a change, and each refresh interval, and tells their groups when a
/// content changed. Without a watch of the directories it reads them every few seconds: files are small, and somebody
/// who changed one waits. A file that is broken, or that is half written at the moment, keeps its last good content;
/// one that is gone has no targets.
class FileDiscovery : public Discovery, public std::enable_shared_from_this<FileDiscovery> {
 public:
  /// `budget`: of all files of the job.
  FileDiscovery(FileDiscoveryOptions options, const DiscoveryContext& context,
                std::shared_ptr<TargetBudget> budget = std::make_shared<TargetBudget>());

  void Start(DiscoveryUpdate update) override;
  void Stop() override;
  DiscoveryStatus status() const override { return report_.status(); }

 private:
  struct KnownFile {
    std::uint64_t content_hash = 0;
    std::vector<TargetGroup> groups;
    TargetAmount amount;
    std::string error;  ///< what was told of it, once
  };

  /// Tells the groups of all files.
  void Tell();
  std::size_t CountTargets() const;

  /// Watches the directories of the files; without success they are looked at more often.
  void Watch();
  /// Something in the directories has changed.
  void LookSoon();
  void Schedule() BARO_REQUIRES(mutex_);
  void Refresh();
  /// Returns whether the file's groups changed.
  bool RefreshFile(const std::string& path);
  /// Forgets files that no pattern finds any more. Returns whether one of them had groups.
  bool ForgetOthers(const std::vector<std::string>& paths);
  /// The file is gone.
  bool Forget(const std::string& path);
  bool KeepLastGood(const std::string& path, const base::Error& error);
  std::vector<std::string> MatchingFiles() const;

  const FileDiscoveryOptions options_;
  const base::Clock& clock_;
  base::Executor& executor_;
  base::FileSystem& files_;
  const base::Logger log_;
  DiscoveryReport report_;
  DiscoveryUpdate update_;
  base::DirectoryWatcher* const directories_;
  const std::shared_ptr<TargetBudget> budget_;
  base::MonotonicTime refresh_start_;       // touched by the refresh only
  std::map<std::string, KnownFile> known_;  // touched by the refresh only
  bool has_told_ = false;                   // touched by the refresh only
  std::string watch_error_;                 // touched by the refresh only: what was logged of it

  base::Mutex mutex_;  // a leaf
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  bool is_refreshing_ BARO_GUARDED_BY(mutex_) = false;
  bool has_news_ BARO_GUARDED_BY(mutex_) = false;  // the directories told of a change since the last refresh began
  std::shared_ptr<base::DirectoryWatch> watch_ BARO_GUARDED_BY(mutex_);  // called and ended outside of the mutex
  bool is_watching_ BARO_GUARDED_BY(mutex_) = false;
  base::MonotonicTime last_look_ BARO_GUARDED_BY(mutex_);
  base::TimerId timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;
};

}  // namespace baro::scraper

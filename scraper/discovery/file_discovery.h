// Target groups in files that are looked at again and again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/discovery_report.h"

namespace baro::scraper {

/// Reads its files every few seconds and tells their groups when a content changed. A file that is broken, or that is
/// half written at the moment, keeps its last good content; one that is gone has no targets.
///
/// The refresh interval of the configuration is an upper bound: files are small, and somebody who changed one waits.
class FileDiscovery : public Discovery, public std::enable_shared_from_this<FileDiscovery> {
 public:
  FileDiscovery(FileDiscoveryOptions options, const DiscoveryContext& context);

  void Start(DiscoveryUpdate update) override;
  void Stop() override;
  DiscoveryStatus status() const override { return report_.status(); }

 private:
  struct KnownFile {
    std::uint64_t content_hash = 0;
    std::vector<TargetGroup> groups;
    std::string error;  ///< what was told of it, once
  };

  /// Tells the groups of all files.
  void Tell();
  std::size_t CountTargets() const;

  void Refresh();
  /// Returns whether the file's groups changed.
  bool RefreshFile(const std::string& path);
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
  base::MonotonicTime refresh_start_;       // touched by the refresh only
  std::map<std::string, KnownFile> known_;  // touched by the refresh only
  bool has_told_ = false;                   // touched by the refresh only

  base::Mutex mutex_;  // a leaf
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  base::TimerId timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;
};

}  // namespace baro::scraper

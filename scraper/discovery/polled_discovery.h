// A discovery that asks its source again and again.
#pragma once

#include <memory>
#include <string>

#include "base/executor.h"
#include "base/mutex.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/discovery_report.h"
#include "scraper/discovery/target_source.h"

namespace baro::scraper {

/// How long after the start of a refresh the next one begins.
///   failures  in a row; 0: the refresh was good. A failing source is asked sooner than usual at first (5 s), then less
///             and less often, but never less often than a good one.
std::chrono::nanoseconds RefreshDelay(std::chrono::nanoseconds interval, std::uint64_t failures);

/// Asks at once, then once in an interval; each job has its own phase of it, so that a server with a hundred jobs does
/// not ask a hundred times in one moment. A refresh that fails keeps what the last good one told.
class PolledDiscovery : public Discovery, public std::enable_shared_from_this<PolledDiscovery> {
 public:
  PolledDiscovery(std::string kind, std::chrono::milliseconds interval, std::shared_ptr<TargetSource> source,
                  const DiscoveryContext& context);

  void Start(DiscoveryUpdate update) override;
  void Stop() override;
  DiscoveryStatus status() const override { return report_.status(); }

 private:
  void Refresh();
  void Finish(base::Result<std::vector<TargetGroup>> groups);
  /// Whether these are others than those that were told last.
  bool IsNews(const std::vector<TargetGroup>& groups);
  std::chrono::nanoseconds NextDelay(bool is_good);

  const std::chrono::nanoseconds interval_;
  const std::chrono::nanoseconds phase_;  ///< how much longer the first interval is than half of one
  const std::shared_ptr<TargetSource> source_;
  const base::Clock& clock_;
  base::Executor& executor_;
  DiscoveryReport report_;
  DiscoveryUpdate update_;

  // Touched by the refresh only, of which there is one at a time.
  base::MonotonicTime refresh_start_;
  std::uint64_t told_hash_ = 0;
  bool has_told_ = false;
  std::uint64_t failures_ = 0;

  base::Mutex mutex_;  // a leaf
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  base::TimerId timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;     // of the next refresh
  base::TimerId deadline_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;  // of the one that runs
};

}  // namespace baro::scraper

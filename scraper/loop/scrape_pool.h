// The targets of one job: started, replaced and stopped as discovery and reloads want it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "scraper/loop/scrape_loop.h"
#include "scraper/scrape_status.h"

namespace baro::scraper {

/// Threads  Sync(), Replace() and Stop() by one thread at a time; the rest from any.
class ScrapePool {
 public:
  /// Borrows `context`, which outlives the pool's loops.
  ScrapePool(std::shared_ptr<const ScrapeJob> job, ScrapeContext& context)
      : job_name_(job->options.job_name), context_(context), job_(std::move(job)) {}

  /// All of starting a job that can fail.
  /// Errors   kInvalidArgument: relabelling rules or HTTP options that cannot be used.
  static base::Result<std::shared_ptr<const ScrapeJob>> MakeJob(const ScrapeJobOptions& options,
                                                                const net::FetcherFactory& make_fetcher);

  /// Takes over the targets of these groups: new ones start, vanished ones stop.
  void Sync(const std::vector<TargetGroup>& groups);

  /// Goes on under other options with these groups: targets that stay hand their series over.
  void Replace(std::shared_ptr<const ScrapeJob> job, const std::vector<TargetGroup>& groups);

  void Stop(StopMode mode);

  JobStatus status() const;
  std::vector<TargetMetadata> metadata() const;
  const ScrapeJobOptions& options() const { return job_->options; }

 private:
  using Loops = std::map<std::uint64_t, std::shared_ptr<ScrapeLoop>>;  // by the target's hash
  enum class OldLoops { kKept, kReplaced };

  void TakeOver(const std::vector<TargetGroup>& groups, OldLoops old_loops);
  /// Loops for these targets; takes those that stay, or what they leave, out of `old_loops`. `made`: those to start.
  Loops MakeLoops(std::vector<Target> targets, OldLoops mode, Loops& old_loops,
                  std::vector<std::shared_ptr<ScrapeLoop>>& made);
  void ApplyTargetLimit(std::size_t count);
  void LogErrors(const std::vector<std::string>& errors);

  const std::string job_name_;
  ScrapeContext& context_;
  std::shared_ptr<const ScrapeJob> job_;  // changed by Replace(): for the thread that syncs only
  std::vector<std::string> last_errors_;

  mutable base::Mutex mutex_;
  Loops loops_ BARO_GUARDED_BY(mutex_);
  std::vector<DroppedTarget> dropped_ BARO_GUARDED_BY(mutex_);
  std::size_t dropped_count_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::scraper

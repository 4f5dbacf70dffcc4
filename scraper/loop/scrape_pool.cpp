#include "scraper/loop/scrape_pool.h"

#include <fmt/format.h>

namespace baro::scraper {

using base::MutexLock;

base::Result<std::shared_ptr<const ScrapeJob>> ScrapePool::MakeJob(const ScrapeJobOptions& options,
                                                                   const net::FetcherFactory& make_fetcher) {
  const auto protocols = options.protocols.empty() ? DefaultScrapeProtocols() : std::span(options.protocols);
  auto job = std::make_shared<ScrapeJob>();
  job->options = options;
  job->relabeler = BARO_TRY(model::Relabeler::Compile(options.relabel));
  job->metric_relabeler = BARO_TRY(model::Relabeler::Compile(options.metric_relabel));
  job->fetcher = BARO_TRY(make_fetcher(options.http));
  job->accept = AcceptHeader(protocols, options.escaping);
  return std::shared_ptr<const ScrapeJob>(std::move(job));
}

base::Result<std::unique_ptr<ScrapePool>> ScrapePool::Make(const ScrapeJobOptions& options,
                                                           const net::FetcherFactory& make_fetcher,
                                                           ScrapeContext& context) {
  auto job = MakeJob(options, make_fetcher);
  if (!job) return std::unexpected(job.error().WithContext(fmt::format("job \"{}\"", options.job_name)));
  return std::unique_ptr<ScrapePool>(new ScrapePool(*std::move(job), context));
}

void ScrapePool::Sync(const std::vector<TargetGroup>& groups) {
  const base::MonotonicTime start = context_.clock.Monotonic();
  groups_ = groups;
  TargetSet set = MakeTargets(job_->options, job_->relabeler, groups);
  LogErrors(set.errors);
  Loops vanished;
  {
    const MutexLock lock(mutex_);
    vanished.swap(loops_);
    dropped_count_ = set.dropped.size();
    if (const auto kept = job_->options.limits.dropped_targets_kept; kept > 0 && set.dropped.size() > kept) {
      set.dropped.resize(kept);
    }
    dropped_ = std::move(set.dropped);
  }
  const std::size_t count = set.active.size();
  StartTargets(std::move(set.active), vanished);
  for (const auto& [hash, loop] : vanished) loop->Stop(StopMode::kTargetGone);
  ApplyTargetLimit(count);
  context_.metrics.pool_sync_total.With({job_name_}).Add();
  context_.metrics.pool_targets.With({job_name_}).Set(static_cast<double>(count));
  context_.metrics.sync_length_seconds.With({job_name_})
      .Observe(std::chrono::duration<double>(context_.clock.Monotonic() - start).count());
}

void ScrapePool::StartTargets(std::vector<Target> targets, Loops& old_loops) {
  std::vector<std::shared_ptr<ScrapeLoop>> started;
  {
    const MutexLock lock(mutex_);
    for (Target& target : targets) {
      if (auto old = old_loops.extract(target.hash)) {
        loops_.insert(std::move(old));
        continue;
      }
      const std::uint64_t hash = target.hash;
      started.push_back(std::make_shared<ScrapeLoop>(std::move(target), job_, context_));
      loops_.emplace(hash, started.back());
    }
  }
  for (const auto& loop : started) loop->Start();
}

void ScrapePool::ApplyTargetLimit(std::size_t count) {
  const std::uint64_t limit = job_->options.limits.targets;
  const bool is_over = limit > 0 && count > limit;
  if (is_over) context_.metrics.exceeded_target_limit_total.Add();
  const MutexLock lock(mutex_);
  for (const auto& [hash, loop] : loops_) {
    loop->SetForcedError(
        is_over ? std::optional(fmt::format("target_limit: the job has {} targets, the limit is {}", count, limit))
                : std::nullopt);
  }
}

void ScrapePool::LogErrors(const std::vector<std::string>& errors) {
  if (errors.empty() || errors == last_errors_) return;
  constexpr std::size_t kLogged = 10;  // a discovery can be wrong a hundred thousand times
  for (std::size_t i = 0; i < std::min(errors.size(), kLogged); ++i) {
    context_.log.Warn("target left out", {{"scrape_pool", job_name_}, {"err", errors[i]}});
  }
  if (errors.size() > kLogged) {
    context_.log.Warn("more targets left out", {{"scrape_pool", job_name_}, {"count", errors.size() - kLogged}});
  }
  context_.metrics.sync_failed_total.With({job_name_}).Add(static_cast<double>(errors.size()));
  last_errors_ = errors;
}

base::Result<> ScrapePool::Replace(const ScrapeJobOptions& options, const net::FetcherFactory& make_fetcher) {
  auto job = MakeJob(options, make_fetcher);
  if (!job) return std::unexpected(job.error().WithContext(fmt::format("job \"{}\"", options.job_name)));
  job_ = *std::move(job);
  TargetSet set = MakeTargets(job_->options, job_->relabeler, groups_);
  Loops old_loops;
  {
    const MutexLock lock(mutex_);
    old_loops.swap(loops_);
  }
  Loops new_loops;
  for (Target& target : set.active) {
    std::vector<tsdb::SeriesRef> inherited;
    if (auto old = old_loops.extract(target.hash)) {
      old.mapped()->Stop(StopMode::kReplaced);
      inherited = old.mapped()->TakePresentSeries();
    }
    const std::uint64_t hash = target.hash;
    new_loops.emplace(hash, std::make_shared<ScrapeLoop>(std::move(target), job_, context_, std::move(inherited)));
  }
  for (const auto& [hash, loop] : old_loops) loop->Stop(StopMode::kTargetGone);
  for (const auto& [hash, loop] : new_loops) loop->Start();
  const std::size_t count = new_loops.size();
  {
    const MutexLock lock(mutex_);
    loops_ = std::move(new_loops);
  }
  ApplyTargetLimit(count);
  return {};
}

void ScrapePool::Stop(StopMode mode) {
  Loops loops;
  {
    const MutexLock lock(mutex_);
    loops.swap(loops_);
  }
  for (const auto& [hash, loop] : loops) loop->Stop(mode);
}

JobStatus ScrapePool::status() const {
  const MutexLock lock(mutex_);
  JobStatus status{.job_name = job_name_, .dropped = dropped_, .dropped_count = dropped_count_};
  for (const auto& [hash, loop] : loops_) status.active.push_back(loop->status());
  return status;
}

std::vector<TargetMetadata> ScrapePool::metadata() const {
  std::vector<TargetMetadata> all;
  const MutexLock lock(mutex_);
  for (const auto& [hash, loop] : loops_) {
    std::vector<TargetMetadata> own = loop->metadata();
    all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  }
  return all;
}

}  // namespace baro::scraper

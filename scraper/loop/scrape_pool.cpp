#include "scraper/loop/scrape_pool.h"

#include <fmt/format.h>

namespace baro::scraper {
std::vector<ScrapeProtocol> ProtocolsOf(const ScrapeJobOptions& job) {
  if (!job.protocols.empty()) return job.protocols;
  std::vector<ScrapeProtocol> protocols;
  if (job.native_histograms.scrape || job.stores_starts || job.writes_zeros_at_starts) {
    protocols.push_back(ScrapeProtocol::kPrometheusProto);
  }
  const auto others = DefaultScrapeProtocols();
  protocols.insert(protocols.end(), others.begin(), others.end());
  return protocols;
}

using base::MutexLock;

base::Result<std::shared_ptr<const ScrapeJob>> ScrapePool::MakeJob(const ScrapeJobOptions& options,
                                                                   const net::FetcherFactory& make_fetcher) {
  auto job = std::make_shared<ScrapeJob>();
  job->options = options;
  const auto in_job = [&](const base::Error& error) {
    return std::unexpected(error.WithContext(fmt::format("job \"{}\"", options.job_name)));
  };
  auto relabeler = model::Relabeler::Compile(options.relabel);
  if (!relabeler) return in_job(relabeler.error());
  auto metric_relabeler = model::Relabeler::Compile(options.metric_relabel);
  if (!metric_relabeler) return in_job(metric_relabeler.error());
  auto fetcher = make_fetcher(options.http);
  if (!fetcher) return in_job(fetcher.error());
  job->relabeler = *std::move(relabeler);
  job->metric_relabeler = *std::move(metric_relabeler);
  job->fetcher = *std::move(fetcher);
  job->accept = AcceptHeader(ProtocolsOf(options), options.escaping);
  return std::shared_ptr<const ScrapeJob>(std::move(job));
}

void ScrapePool::Sync(const std::vector<TargetGroup>& groups) { TakeOver(groups, OldLoops::kKept); }

void ScrapePool::Replace(std::shared_ptr<const ScrapeJob> job, const std::vector<TargetGroup>& groups) {
  job_ = std::move(job);
  TakeOver(groups, OldLoops::kReplaced);
}

void ScrapePool::TakeOver(const std::vector<TargetGroup>& groups, OldLoops mode) {
  const base::MonotonicTime start = context_.clock.Monotonic();
  TargetSet set = MakeTargets(job_->options, job_->relabeler, groups);
  LogErrors(set.errors);
  const std::size_t count = set.active.size();
  Loops old_loops;
  {
    const MutexLock lock(mutex_);
    old_loops.swap(loops_);
    dropped_count_ = set.dropped.size();
    if (const auto kept = job_->options.limits.dropped_targets_kept; kept > 0 && set.dropped.size() > kept) {
      set.dropped.resize(kept);
    }
    dropped_ = std::move(set.dropped);
  }
  std::vector<std::shared_ptr<ScrapeLoop>> made;
  Loops loops = MakeLoops(std::move(set.active), mode, old_loops, made);
  for (const auto& [hash, loop] : old_loops) loop->Stop(StopMode::kTargetGone);
  {
    const MutexLock lock(mutex_);
    loops_ = std::move(loops);
  }
  ApplyTargetLimit(count);
  for (const auto& loop : made) loop->Start();
  context_.metrics.pool_sync_total.With({job_name_}).Add();
  context_.metrics.pool_targets.With({job_name_}).Set(static_cast<double>(count));
  context_.metrics.sync_length_seconds.With({job_name_})
      .Observe(std::chrono::duration<double>(context_.clock.Monotonic() - start).count());
}

ScrapePool::Loops ScrapePool::MakeLoops(std::vector<Target> targets, OldLoops mode, Loops& old_loops,
                                        std::vector<std::shared_ptr<ScrapeLoop>>& made) {
  Loops loops;
  for (Target& target : targets) {
    const std::uint64_t hash = target.hash;
    auto old = old_loops.extract(hash);
    if (old && mode == OldLoops::kKept) {
      old.mapped()->SetDiscoveredLabels(std::move(target.discovered_labels));
      loops.insert(std::move(old));
      continue;
    }
    LiveSeries inherited;
    if (old) {
      old.mapped()->Stop(StopMode::kReplaced);
      inherited = old.mapped()->TakePresentSeries();
    }
    const auto loop = std::make_shared<ScrapeLoop>(std::move(target), job_, context_, std::move(inherited));
    loops.emplace(hash, loop);
    made.push_back(loop);
  }
  return loops;
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

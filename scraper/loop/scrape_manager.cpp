#include "scraper/scrape_manager.h"

#include <set>

#include <fmt/format.h>

#include "base/mutex.h"
#include "scraper/discovery/file_discovery.h"
#include "scraper/loop/scrape_context.h"
#include "scraper/loop/scrape_pool.h"

namespace baro::scraper {

using base::MutexLock;

namespace {

/// One job: its pool, and what each of its providers told last.
struct Job {
  std::unique_ptr<ScrapePool> pool;
  ScrapeJobOptions options;
  std::vector<std::shared_ptr<Discovery>> discoveries;
  std::map<std::size_t, std::vector<TargetGroup>> groups;  // by provider; 0 is static_configs
  bool is_changed = true;                                  // a provider told something since the last sync
};

}  // namespace

class ScrapeManager::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(ScrapeDependencies dependencies, ScrapeSettings settings)
      : dependencies_(std::move(dependencies)),
        metrics_(dependencies_.registry),
        context_{.clock = dependencies_.clock,
                 .executor = dependencies_.executor,
                 .storage = dependencies_.storage,
                 .metrics = metrics_,
                 .log = dependencies_.log,
                 .settings = settings} {}

  base::Result<> Apply(const std::vector<ScrapeJobOptions>& wanted) {
    const MutexLock lock(mutex_);
    PreparedJobs prepared = BARO_TRY(Prepare(wanted));
    std::set<std::string> names;
    for (const ScrapeJobOptions& options : wanted) names.insert(options.job_name);
    for (auto job = jobs_.begin(); job != jobs_.end();) {
      if (names.contains(job->first)) {
        ++job;
        continue;
      }
      StopJob(job->second, StopMode::kTargetGone);
      metrics_.ForgetJob(job->first);
      job = jobs_.erase(job);
    }
    for (const ScrapeJobOptions& options : wanted) {
      auto ready = prepared.extract(options.job_name);
      if (!ready) continue;  // unchanged
      const auto found = jobs_.find(options.job_name);
      if (found == jobs_.end()) {
        StartJob(options, std::move(ready.mapped()));
      } else {
        UpdateJob(found->second, options, std::move(ready.mapped()));
      }
    }
    SyncChanged();
    if (!is_syncing_) {
      is_syncing_ = true;
      ScheduleSync();
    }
    return {};
  }

  void Stop() {
    const MutexLock lock(mutex_);
    is_stopped_ = true;
    for (auto& [name, job] : jobs_) StopJob(job, StopMode::kShutdown);
    jobs_.clear();
  }

  std::vector<JobStatus> status() const {
    std::vector<JobStatus> all;
    const MutexLock lock(mutex_);
    for (const auto& [name, job] : jobs_) all.push_back(job.pool->status());
    return all;
  }

  std::vector<TargetMetadata> metadata() const {
    std::vector<TargetMetadata> all;
    const MutexLock lock(mutex_);
    for (const auto& [name, job] : jobs_) {
      auto own = job.pool->metadata();
      all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
    }
    return all;
  }

 private:
  using PreparedJobs = std::map<std::string, std::shared_ptr<const ScrapeJob>>;

  /// All that can fail, for the jobs that are new or changed, so that a bad one leaves everything as it was.
  base::Result<PreparedJobs> Prepare(const std::vector<ScrapeJobOptions>& wanted) BARO_REQUIRES(mutex_) {
    PreparedJobs prepared;
    std::set<std::string_view> names;
    for (const ScrapeJobOptions& options : wanted) {
      if (!names.insert(options.job_name).second) {
        return base::Fail(base::Code::kInvalidArgument, fmt::format("there are two jobs \"{}\"", options.job_name));
      }
      const auto found = jobs_.find(options.job_name);
      if (found != jobs_.end() && found->second.options.fingerprint == options.fingerprint &&
          HasSameSources(found->second.options, options)) {
        continue;
      }
      prepared[options.job_name] = BARO_TRY(ScrapePool::MakeJob(options, dependencies_.make_fetcher));
    }
    return prepared;
  }

  static bool HasSameSources(const ScrapeJobOptions& a, const ScrapeJobOptions& b) {
    return a.static_groups == b.static_groups && a.file_discoveries == b.file_discoveries;
  }

  static void StopJob(Job& job, StopMode mode) {
    for (const auto& discovery : job.discoveries) discovery->Stop();
    job.pool->Stop(mode);
  }

  void StartJob(const ScrapeJobOptions& options, std::shared_ptr<const ScrapeJob> ready) BARO_REQUIRES(mutex_) {
    Job& job = jobs_[options.job_name];
    job.pool = std::make_unique<ScrapePool>(std::move(ready), context_);
    job.options = options;
    StartDiscoveries(job);
  }

  void UpdateJob(Job& job, const ScrapeJobOptions& options, std::shared_ptr<const ScrapeJob> ready)
      BARO_REQUIRES(mutex_) {
    const bool has_same_sources = HasSameSources(job.options, options);
    job.options = options;
    if (!has_same_sources) {
      for (const auto& discovery : job.discoveries) discovery->Stop();
      StartDiscoveries(job);
    }
    job.is_changed = false;
    job.pool->Replace(std::move(ready), AllGroups(job));
  }

  /// What the providers of the job told, together; also counted.
  std::vector<TargetGroup> AllGroups(const Job& job) BARO_REQUIRES(mutex_) {
    std::vector<TargetGroup> groups;
    std::size_t count = 0;
    for (const auto& [provider, own] : job.groups) groups.insert(groups.end(), own.begin(), own.end());
    for (const TargetGroup& group : groups) count += group.targets.size();
    metrics_.discovered_targets.With({"scrape", job.options.job_name}).Set(static_cast<double>(count));
    return groups;
  }

  /// Providers that are new have told nothing yet; what the job's old ones told stays until each has.
  void StartDiscoveries(Job& job) BARO_REQUIRES(mutex_) {
    job.discoveries.clear();
    std::erase_if(job.groups, [&](const auto& entry) { return entry.first > job.options.file_discoveries.size(); });
    job.groups[0] = job.options.static_groups;
    job.is_changed = true;
    std::size_t provider = 0;
    for (const FileDiscoveryOptions& options : job.options.file_discoveries) {
      ++provider;
      auto discovery = std::make_shared<FileDiscovery>(options, dependencies_.executor, dependencies_.files, metrics_,
                                                       dependencies_.log.With("scrape_pool", job.options.job_name));
      job.discoveries.push_back(discovery);
      const Discovery* const teller = discovery.get();
      discovery->Start(
          [weak = weak_from_this(), name = job.options.job_name, provider, teller](std::vector<TargetGroup> groups) {
            if (const auto self = weak.lock()) self->Take(name, provider, teller, std::move(groups));
          });
    }
  }

  /// What a provider told; one that was replaced meanwhile is not heard.
  void Take(const std::string& name, std::size_t provider, const Discovery* teller, std::vector<TargetGroup> groups) {
    const MutexLock lock(mutex_);
    const auto found = jobs_.find(name);
    if (found == jobs_.end()) return;
    Job& job = found->second;
    if (provider > job.discoveries.size() || job.discoveries[provider - 1].get() != teller) return;
    const bool is_first = !job.groups.contains(provider);
    job.groups[provider] = std::move(groups);
    job.is_changed = true;
    if (is_first) SyncChanged();  // nobody waits for the first targets; later changes come at most every few seconds
  }

  void SyncChanged() BARO_REQUIRES(mutex_) {
    for (auto& [name, job] : jobs_) {
      if (!job.is_changed) continue;
      job.is_changed = false;
      job.pool->Sync(AllGroups(job));
    }
  }

  void ScheduleSync() {
    dependencies_.executor.PostAfter(context_.settings.discovery_reload_interval, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      const MutexLock lock(self->mutex_);
      if (self->is_stopped_) return;
      self->SyncChanged();
      self->ScheduleSync();
    });
  }

  ScrapeDependencies dependencies_;
  ScrapeMetrics metrics_;
  ScrapeContext context_;

  mutable base::Mutex mutex_;  // outer to the pools' and loops' mutexes
  std::map<std::string, Job> jobs_ BARO_GUARDED_BY(mutex_);
  bool is_syncing_ BARO_GUARDED_BY(mutex_) = false;
  bool is_stopped_ BARO_GUARDED_BY(mutex_) = false;
};

ScrapeManager::ScrapeManager(ScrapeDependencies dependencies, ScrapeSettings settings)
    : impl_(std::make_shared<Impl>(std::move(dependencies), settings)) {}
ScrapeManager::~ScrapeManager() { impl_->Stop(); }
base::Result<> ScrapeManager::Apply(const std::vector<ScrapeJobOptions>& jobs) { return impl_->Apply(jobs); }
void ScrapeManager::Stop() { impl_->Stop(); }
std::vector<JobStatus> ScrapeManager::status() const { return impl_->status(); }
std::vector<TargetMetadata> ScrapeManager::metadata() const { return impl_->metadata(); }

}  // namespace baro::scraper

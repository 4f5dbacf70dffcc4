#include "scraper/scrape_manager.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/mutex.h"
#include "scraper/discovery/make_discovery.h"
#include "scraper/loop/scrape_context.h"
#include "scraper/loop/scrape_pool.h"

namespace baro::scraper {

using base::MutexLock;

namespace {

using Discoveries = std::vector<std::shared_ptr<Discovery>>;

/// All of starting or changing a job that can fail, done.
struct PreparedJob {
  std::shared_ptr<const ScrapeJob> job;  // null: as it is
  Discoveries discoveries;               // not started; empty if the sources are as they are
};

/// The key of static_configs.
constexpr const char* kStaticKey = "";

/// One job: its pool, and what each of its providers told last.
struct Job {
  std::unique_ptr<ScrapePool> pool;
  ScrapeJobOptions options;
  Discoveries discoveries;
  std::map<std::string, std::vector<TargetGroup>> groups;  // by the key of the provider
  bool is_changed = true;                                  // a provider told something since the last sync
};

std::set<std::string> FailureLogFiles(const std::vector<ScrapeJobOptions>& jobs) {
  std::set<std::string> paths;
  for (const ScrapeJobOptions& job : jobs) {
    if (!job.scrape_failure_log_file.empty()) paths.insert(job.scrape_failure_log_file);
  }
  return paths;
}

}  // namespace

class ScrapeManager::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(ScrapeDependencies dependencies, ScrapeSettings settings)
      : dependencies_(std::move(dependencies)),
        metrics_(dependencies_.registry),
        failure_log_(dependencies_.files, dependencies_.clock, dependencies_.log),
        context_{.clock = dependencies_.clock,
                 .executor = dependencies_.executor,
                 .storage = dependencies_.storage,
                 .metrics = metrics_,
                 .failure_log = failure_log_,
                 .log = dependencies_.log,
                 .settings = settings} {}

  base::Result<JobChanges> Apply(const std::vector<ScrapeJobOptions>& wanted) {
    const MutexLock lock(mutex_);
    PreparedJobs prepared = BARO_TRY(Prepare(wanted));
    failure_log_.Use(BARO_TRY(failure_log_.Open(FailureLogFiles(wanted))));
    JobChanges changes;
    RemoveAllBut(wanted, changes);
    for (const ScrapeJobOptions& options : wanted) {
      auto ready = prepared.extract(options.job_name);
      const auto found = jobs_.find(options.job_name);
      if (found == jobs_.end()) {
        StartJob(options, std::move(ready.mapped()));
        changes.added.push_back(options.job_name);
      } else if (!ready) {
        ++changes.unchanged;
      } else if (ready.mapped().job != nullptr) {
        UpdateJob(found->second, options, std::move(ready.mapped()));
        changes.changed.push_back(options.job_name);
      } else {
        found->second.options = options;
        ReplaceDiscoveries(found->second, std::move(ready.mapped().discoveries));
        changes.retargeted.push_back(options.job_name);
      }
    }
    SyncChanged();
    if (!is_syncing_) {
      is_syncing_ = true;
      ScheduleSync();
    }
    for (auto* names : {&changes.added, &changes.changed, &changes.retargeted}) std::ranges::sort(*names);
    return changes;
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
    for (const auto& [name, job] : jobs_) {
      all.push_back(job.pool->status());
      for (const auto& discovery : job.discoveries) all.back().discoveries.push_back(discovery->status());
    }
    return all;
  }

  std::optional<ScrapeJobOptions> job(std::string_view name) const {
    const MutexLock lock(mutex_);
    const auto found = jobs_.find(name);
    if (found == jobs_.end()) return std::nullopt;
    return found->second.options;
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
  using PreparedJobs = std::map<std::string, PreparedJob>;

  void RemoveAllBut(const std::vector<ScrapeJobOptions>& wanted, JobChanges& changes) BARO_REQUIRES(mutex_) {
    std::set<std::string_view> names;
    for (const ScrapeJobOptions& options : wanted) names.insert(options.job_name);
    for (auto job = jobs_.begin(); job != jobs_.end();) {
      if (names.contains(job->first)) {
        ++job;
        continue;
      }
      StopJob(job->second, StopMode::kTargetGone);
      ForgetDiscoveries(job->second);
      metrics_.ForgetJob(job->first);
      changes.removed.push_back(job->first);
      job = jobs_.erase(job);
    }
  }

  /// All that can fail, for the jobs that are new or changed, so that a bad one leaves everything as it was.
  base::Result<PreparedJobs> Prepare(const std::vector<ScrapeJobOptions>& wanted) BARO_REQUIRES(mutex_) {
    PreparedJobs prepared;
    std::set<std::string_view> names;
    for (const ScrapeJobOptions& options : wanted) {
      if (!names.insert(options.job_name).second) {
        return base::Fail(base::Code::kInvalidArgument, fmt::format("there are two jobs \"{}\"", options.job_name));
      }
      const auto found = jobs_.find(options.job_name);
      const bool is_known = found != jobs_.end();
      const bool is_same = is_known && found->second.options.fingerprint == options.fingerprint;
      const bool has_same_sources = is_known && HasSameSources(found->second.options, options);
      if (is_same && has_same_sources) continue;
      PreparedJob& job = prepared[options.job_name];
      if (!is_same) job.job = BARO_TRY(ScrapePool::MakeJob(options, dependencies_.make_fetcher));
      if (!has_same_sources) job.discoveries = BARO_TRY(MakeDiscoveries(options, ContextOf(options)));
    }
    return prepared;
  }

  DiscoveryContext ContextOf(const ScrapeJobOptions& options) {
    return {.clock = dependencies_.clock,
            .executor = dependencies_.executor,
            .files = dependencies_.files,
            .metrics = metrics_,
            .make_fetcher = dependencies_.make_fetcher,
            .environment = dependencies_.environment,
            .dns = dependencies_.dns,
            .directories = dependencies_.directories,
            .network = dependencies_.network,
            .log = dependencies_.log.With("scrape_pool", options.job_name),
            .job_name = options.job_name,
            .phase_seed = context_.settings.phase_seed};
  }

  /// They are stopped already.
  void ForgetDiscoveries(const Job& job) {
    for (const auto& discovery : job.discoveries) {
      metrics_.ForgetDiscovery(discovery->status().kind, job.options.job_name);
    }
  }

  static bool HasSameSources(const ScrapeJobOptions& a, const ScrapeJobOptions& b) {
    return a.sources_fingerprint == b.sources_fingerprint && a.static_groups == b.static_groups &&
           a.file_discoveries == b.file_discoveries;
  }

  static void StopJob(Job& job, StopMode mode) {
    for (const auto& discovery : job.discoveries) discovery->Stop();
    job.pool->Stop(mode);
  }

  void StartJob(const ScrapeJobOptions& options, PreparedJob ready) BARO_REQUIRES(mutex_) {
    Job& job = jobs_[options.job_name];
    job.pool = std::make_unique<ScrapePool>(std::move(ready.job), context_);
    job.options = options;
    StartDiscoveries(job, std::move(ready.discoveries));
  }

  void UpdateJob(Job& job, const ScrapeJobOptions& options, PreparedJob ready) BARO_REQUIRES(mutex_) {
    const bool has_same_sources = HasSameSources(job.options, options);
    job.options = options;
    if (!has_same_sources) ReplaceDiscoveries(job, std::move(ready.discoveries));
    job.is_changed = false;
    job.pool->Replace(std::move(ready.job), AllGroups(job));
  }

  void ReplaceDiscoveries(Job& job, Discoveries discoveries) BARO_REQUIRES(mutex_) {
    for (const auto& discovery : job.discoveries) discovery->Stop();
    ForgetDiscoveries(job);
    StartDiscoveries(job, std::move(discoveries));
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

  /// Providers that are new have told nothing yet; what the job's old ones of that kind told stays until each has.
  void StartDiscoveries(Job& job, Discoveries discoveries) BARO_REQUIRES(mutex_) {
    job.discoveries = std::move(discoveries);
    const std::vector<std::string> keys = KeysOf(job.discoveries);
    std::erase_if(job.groups, [&](const auto& entry) { return std::ranges::find(keys, entry.first) == keys.end(); });
    job.groups[kStaticKey] = job.options.static_groups;
    job.is_changed = true;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Discovery* const teller = job.discoveries[i].get();
      teller->Start([weak = weak_from_this(), name = job.options.job_name, key = keys[i],
                     teller](std::vector<TargetGroup> groups) {
        if (const auto self = weak.lock()) self->Take(name, key, teller, std::move(groups));
      });
    }
  }

  /// Kind and number within the kind: a provider keeps its key when one of another kind comes or goes.
  static std::vector<std::string> KeysOf(const Discoveries& discoveries) {
    std::map<std::string, std::size_t> counts;
    std::vector<std::string> keys;
    for (const auto& discovery : discoveries) {
      const std::string kind = discovery->status().kind;
      keys.push_back(fmt::format("{}/{}", kind, counts[kind]++));
    }
    return keys;
  }

  /// What a provider told; one that was replaced meanwhile is not heard.
  void Take(const std::string& name, const std::string& key, const Discovery* teller, std::vector<TargetGroup> groups) {
    const MutexLock lock(mutex_);
    const auto found = jobs_.find(name);
    if (found == jobs_.end()) return;
    Job& job = found->second;
    if (std::ranges::none_of(job.discoveries, [&](const auto& own) { return own.get() == teller; })) return;
    metrics_.sd_received_updates_total.With({"scrape"}).Add();
    const bool is_first = !job.groups.contains(key);
    job.groups[key] = std::move(groups);
    job.is_changed = true;
    if (is_first) SyncChanged();  // nobody waits for the first targets; later changes come at most every few seconds
  }

  void SyncChanged() BARO_REQUIRES(mutex_) {
    for (auto& [name, job] : jobs_) {
      if (!job.is_changed) continue;
      job.is_changed = false;
      job.pool->Sync(AllGroups(job));
      metrics_.sd_updates_total.With({"scrape"}).Add();
      metrics_.sd_last_update_seconds.With({"scrape", name})
          .Set(static_cast<double>(base::ToMs(dependencies_.clock.Now())) / 1000);
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
  FailureLog failure_log_;
  ScrapeContext context_;

  mutable base::Mutex mutex_;  // outer to the pools' and loops' mutexes
  std::map<std::string, Job, std::less<>> jobs_ BARO_GUARDED_BY(mutex_);
  bool is_syncing_ BARO_GUARDED_BY(mutex_) = false;
  bool is_stopped_ BARO_GUARDED_BY(mutex_) = false;
};

ScrapeManager::ScrapeManager(ScrapeDependencies dependencies, ScrapeSettings settings)
    : impl_(std::make_shared<Impl>(std::move(dependencies), settings)) {}
ScrapeManager::~ScrapeManager() { impl_->Stop(); }
base::Result<JobChanges> ScrapeManager::Apply(const std::vector<ScrapeJobOptions>& jobs) { return impl_->Apply(jobs); }
void ScrapeManager::Stop() { impl_->Stop(); }
std::vector<JobStatus> ScrapeManager::status() const { return impl_->status(); }
std::optional<ScrapeJobOptions> ScrapeManager::job(std::string_view name) const { return impl_->job(name); }
std::vector<TargetMetadata> ScrapeManager::metadata() const { return impl_->metadata(); }

}  // namespace baro::scraper

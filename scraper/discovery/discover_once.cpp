#include "scraper/discover_once.h"

#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "scraper/discovery/make_discovery.h"

namespace baro::scraper {
namespace {

constexpr std::chrono::milliseconds kLookInterval{50};
constexpr std::chrono::milliseconds kErrorStands{500};  // longer than discoveries wait to tell more at once

/// What was told by now. Shared with the discoveries' callbacks, which may outlast the wait.
///
/// Threads  Safe to share.
class Told {
 public:
  void Put(std::size_t provider, std::vector<TargetGroup> groups) {
    const base::MutexLock lock(mutex_);
    groups_[provider] = std::move(groups);
    changed_.NotifyAll();
  }
  bool Has(std::size_t provider) const {
    const base::MutexLock lock(mutex_);
    return groups_.contains(provider);
  }
  /// Waits a moment, at most until something is told.
  void Wait() {
    const base::MutexLock lock(mutex_);
    changed_.WaitFor(mutex_, kLookInterval);
  }
  void AppendTo(std::vector<TargetGroup>& all) const {
    const base::MutexLock lock(mutex_);
    for (const auto& [provider, groups] : groups_) all.insert(all.end(), groups.begin(), groups.end());
  }

 private:
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::map<std::size_t, std::vector<TargetGroup>> groups_ BARO_GUARDED_BY(mutex_);
};

using FirstErrors = std::vector<std::optional<base::MonotonicTime>>;

/// `errors`: since when each discovery has failed; kept up by this.
bool HaveAllAnswered(const std::vector<std::shared_ptr<Discovery>>& discoveries, const Told& told,
                     base::MonotonicTime now, FirstErrors& errors) {
  bool have_all = true;
  for (std::size_t i = 0; i < discoveries.size(); ++i) {
    if (told.Has(i)) continue;
    if (discoveries[i]->status().last_error.empty()) {
      errors[i].reset();
    } else if (!errors[i]) {
      errors[i] = now;
    }
    have_all &= errors[i] && now - *errors[i] >= kErrorStands;
  }
  return have_all;
}

}  // namespace

base::Result<DiscoveredGroups> DiscoverOnce(const ScrapeJobOptions& job, const DiscoverOnceParts& parts,
                                            std::chrono::milliseconds timeout) {
  const auto metrics = std::make_shared<ScrapeMetrics>(parts.registry);
  const auto discoveries = BARO_TRY(MakeDiscoveries(job, {.clock = parts.clock,
                                                          .executor = parts.executor,
                                                          .files = parts.files,
                                                          .metrics = *metrics,
                                                          .make_fetcher = parts.make_fetcher,
                                                          .environment = parts.environment,
                                                          .dns = parts.dns,
                                                          .network = parts.network,
                                                          .log = parts.log,
                                                          .job_name = job.job_name}));
  const auto told = std::make_shared<Told>();
  for (std::size_t i = 0; i < discoveries.size(); ++i) {
    discoveries[i]->Start([told, i](std::vector<TargetGroup> groups) { told->Put(i, std::move(groups)); });
  }
  const auto deadline = parts.clock.Monotonic() + timeout;
  FirstErrors errors(discoveries.size());
  for (auto now = parts.clock.Monotonic(); now < deadline; now = parts.clock.Monotonic()) {
    if (HaveAllAnswered(discoveries, *told, now, errors)) break;
    told->Wait();
  }
  DiscoveredGroups result{.groups = job.static_groups, .providers = {}, .kept = metrics};
  for (const auto& discovery : discoveries) {
    discovery->Stop();
    result.providers.push_back(discovery->status());
  }
  told->AppendTo(result.groups);
  return result;
}

}  // namespace baro::scraper

// Targets in a Kubernetes cluster: lists of its objects, kept up to date by watches.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "net/http_fetcher.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/discovery_report.h"
#include "scraper/kubernetes/cluster_access.h"
#include "scraper/kubernetes/cluster_store.h"

namespace baro::scraper {

/// Follows each resource that the role needs. The first groups are told when each was asked once; from then on changes
/// are told together, at most every two seconds, and less often where telling them takes long. What fails keeps what it
/// told.
///
/// Source   Prometheus 3.14, kubernetes_sd_configs; Kubernetes' documentation, "API Concepts".
class KubernetesDiscovery : public Discovery, public std::enable_shared_from_this<KubernetesDiscovery> {
 public:
  /// Errors   of FindCluster(), OwnNamespace(); kInvalidArgument: a client cannot be made of the options.
  static base::Result<std::shared_ptr<Discovery>> Make(const DiscoveryOptions& options,
                                                       const DiscoveryContext& context);

  void Start(DiscoveryUpdate update) override;
  void Stop() override;
  DiscoveryStatus status() const override { return report_.status(); }

 private:
  /// One resource that is followed.
  struct Watch {
    Watch(const ClusterStore::Source& followed) : source(followed), sync(followed.query, *followed.table) {}

    const ClusterStore::Source& source;
    ResourceSync sync;
    bool was_asked = false;      ///< its list is complete, or it failed
    std::uint64_t failures = 0;  ///< in a row
    std::string error;
    std::optional<base::Error> unread;  ///< why the answer was not read to its end
    base::MonotonicTime start;          ///< of the question
    base::MonotonicTime list_start;
    bool is_listing = false;
    base::TimerId timer = base::TimerId::kNone;
    net::HttpFetcher::CallId call{};
  };
  using WatchPtr = std::shared_ptr<Watch>;

  KubernetesDiscovery(const DiscoveryOptions& options, const ClusterAccess& access, std::vector<std::string> namespaces,
                      std::shared_ptr<net::HttpFetcher> fetcher, const DiscoveryContext& context);

  void AskAfter(const WatchPtr& watch, std::chrono::nanoseconds delay) BARO_REQUIRES(mutex_);
  void Ask(const WatchPtr& watch);
  /// Returns whether more is wanted.
  bool TakePiece(Watch& watch, std::string_view piece);
  void TakeEnd(const WatchPtr& watch, const base::Result<net::FetchResponse>& answer);
  void SetGood(Watch& watch, bool has_listed) BARO_REQUIRES(mutex_);
  void SetFailed(Watch& watch, const base::Error& error) BARO_REQUIRES(mutex_);
  void TakeNews(Watch& watch) BARO_REQUIRES(mutex_);
  std::chrono::nanoseconds DelayAfter(Watch& watch, const ResourceSync::Outcome& outcome) BARO_REQUIRES(mutex_);
  void EndLogRound();
  bool IsComplete() const BARO_REQUIRES(mutex_);
  bool HasFailing() const BARO_REQUIRES(mutex_);
  void TellSoon() BARO_REQUIRES(mutex_);
  void Tell();
  base::Result<std::vector<TargetGroup>> MakeGroups() BARO_REQUIRES(mutex_);

  const std::shared_ptr<net::HttpFetcher> fetcher_;
  const base::Clock& clock_;
  base::Executor& executor_;
  ScrapeMetrics& metrics_;
  DiscoveryReport report_;
  DiscoveryUpdate update_;

  mutable base::Mutex mutex_;  // outer to the report's
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  ClusterStore store_ BARO_GUARDED_BY(mutex_);
  std::vector<WatchPtr> watches_ BARO_GUARDED_BY(mutex_);
  bool is_telling_ BARO_GUARDED_BY(mutex_) = false;  // the timer runs, or Tell()
  bool has_told_ BARO_GUARDED_BY(mutex_) = false;
  bool has_news_ BARO_GUARDED_BY(mutex_) = false;
  base::TimerId tell_timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;
  base::MonotonicTime tell_not_before_ BARO_GUARDED_BY(mutex_);
  std::string tell_error_ BARO_GUARDED_BY(mutex_);  // why the last groups were not told
  std::size_t told_targets_ BARO_GUARDED_BY(mutex_) = 0;
  std::size_t new_errors_ BARO_GUARDED_BY(mutex_) = 0;                      // of watches, in this round of the log
  base::TimerId log_timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;  // ends the round
};

}  // namespace baro::scraper

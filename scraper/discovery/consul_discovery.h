// Services of Consul: a watch of the catalog, and one of each service in it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/mutex.h"
#include "net/http_fetcher.h"
#include "scraper/discovery/api_provider.h"
#include "scraper/discovery/consul_answer.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/discovery_report.h"

namespace baro::scraper {

inline constexpr std::size_t kConsulServicesMax = 10'000;  ///< each has a connection of its own while it is watched
inline constexpr std::size_t kConsulFirstMax = 64;         ///< services that are asked for the first time at once
inline constexpr std::size_t kConsulBytesMax = 128 * 1024 * 1024;  ///< of all answers that are on their way

/// Blocking queries: the server answers when something changed, or after two minutes. The first targets are told when
/// every service has been asked once. A watch that fails keeps what it told.
///
/// Source   Consul's "Blocking Queries"; Prometheus 3.14, consul_sd_configs.
class ConsulDiscovery : public Discovery, public std::enable_shared_from_this<ConsulDiscovery> {
 public:
  /// Errors   kInvalidArgument: options of which no request can be made.
  static base::Result<std::shared_ptr<Discovery>> Make(const DiscoveryOptions& options,
                                                       const DiscoveryContext& context);

  void Start(DiscoveryUpdate update) override;
  void Stop() override;
  DiscoveryStatus status() const override { return report_.status(); }

 private:
  enum class Subject : std::uint8_t { kAgent, kCatalog, kService };

  /// One question that is asked again and again.
  struct Watch {
    Subject subject = Subject::kService;
    std::string name;         ///< of the service
    std::uint64_t index = 0;  ///< of the last answer: the next one is awaited beyond it
    std::uint64_t failures = 0;
    std::string error;
    bool was_asked = false;
    base::MonotonicTime start;  ///< of the last question
    TargetGroup group;          ///< of a service, as told last
    std::size_t bytes = 0;      ///< of the group's targets
    bool is_first = false;      ///< its first question is on its way: it has one of the places for that
    bool is_over = false;
    base::TimerId timer = base::TimerId::kNone;
    net::HttpFetcher::CallId call{};
  };
  using WatchPtr = std::shared_ptr<Watch>;

  ConsulDiscovery(const DiscoveryOptions& options, ApiOrigin origin, std::shared_ptr<net::HttpFetcher> fetcher,
                  const DiscoveryContext& context);

  void Begin(WatchPtr watch, std::chrono::nanoseconds delay) BARO_REQUIRES(mutex_);
  void End(Watch& watch) BARO_REQUIRES(mutex_);
  void Ask(const WatchPtr& watch);
  std::string UrlOf(const Watch& watch) const;
  void Take(const WatchPtr& watch, const base::Result<net::FetchResponse>& answer);
  base::Result<> Use(Watch& watch, const net::FetchResponse& answer) BARO_REQUIRES(mutex_);
  base::Result<> UseServices(const std::string& body) BARO_REQUIRES(mutex_);
  void WatchServices() BARO_REQUIRES(mutex_);
  void AddService(const std::string& name) BARO_REQUIRES(mutex_);
  /// Begins first questions while there are places for them.
  void AskFirst() BARO_REQUIRES(mutex_);
  void LeaveFirst(Watch& watch) BARO_REQUIRES(mutex_);
  /// Whether the first question of a watch is asked again later, together with fewer others: their answers are too
  /// large to be held at once.
  bool AsksLater(const WatchPtr& watch, const base::Result<net::FetchResponse>& answer) BARO_REQUIRES(mutex_);
  /// Takes the group of a watch, if it fits in beside those of the others.
  base::Result<> Keep(Watch& watch, TargetGroup group) BARO_REQUIRES(mutex_);
  void ReportFailure(Watch& watch, const base::Error& error, std::chrono::nanoseconds took) BARO_REQUIRES(mutex_);
  void EndLogRound();
  std::chrono::nanoseconds NextDelay(const Watch& watch) const;
  bool IsComplete() const BARO_REQUIRES(mutex_);
  std::size_t TargetCount() const BARO_REQUIRES(mutex_);
  /// Tells all groups a moment later, together with what comes until then.
  void TellSoon() BARO_REQUIRES(mutex_);
  void Tell();

  const DiscoveryRecord record_;
  const ApiOrigin origin_;
  const std::string query_;  ///< parameters that all questions have, each with "&" in front
  const ConsulFilter filter_;
  const std::chrono::nanoseconds interval_;
  const std::shared_ptr<net::HttpFetcher> fetcher_;
  const std::shared_ptr<base::MemoryBudget> budget_;  ///< of answers that are on their way
  const base::Clock& clock_;
  base::Executor& executor_;
  DiscoveryReport report_;
  DiscoveryUpdate update_;

  mutable base::Mutex mutex_;  // outer to the report's
  bool is_running_ BARO_GUARDED_BY(mutex_) = false;
  std::string datacenter_ BARO_GUARDED_BY(mutex_);
  WatchPtr root_ BARO_GUARDED_BY(mutex_);  // of the agent, then of the catalog; null: services are named
  std::map<std::string, WatchPtr> services_ BARO_GUARDED_BY(mutex_);
  std::deque<WatchPtr> unasked_ BARO_GUARDED_BY(mutex_);  // services that wait for a place; some may be over
  std::size_t first_asks_ BARO_GUARDED_BY(mutex_) = 0;    // watches with is_first
  std::size_t first_max_ BARO_GUARDED_BY(mutex_) = kConsulFirstMax;
  bool is_telling_ BARO_GUARDED_BY(mutex_) = false;  // the timer runs, or Tell()
  bool has_news_ BARO_GUARDED_BY(mutex_) = false;
  base::TimerId tell_timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;
  std::size_t new_errors_ BARO_GUARDED_BY(mutex_) = 0;                      // of watches, in this round of the log
  base::TimerId log_timer_ BARO_GUARDED_BY(mutex_) = base::TimerId::kNone;  // ends the round
};

}  // namespace baro::scraper

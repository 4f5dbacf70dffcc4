// Asks an HTTP API as a table says, and makes targets of the answers.
#pragma once

#include <memory>
#include <optional>

#include "base/mutex.h"
#include "net/http_fetcher.h"
#include "scraper/discovery/api_provider.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery/target_source.h"

namespace baro::scraper {

/// Bounds of one refresh.
struct ApiLimits {
  std::size_t bytes = 64 * 1024 * 1024;  ///< of all answers
  std::size_t calls = 10'000;
  std::size_t values = 4'000'000;
};

/// Makes one call after the other. A refresh in which one fails has failed.
class ApiSource : public TargetSource, public std::enable_shared_from_this<ApiSource> {
 public:
  /// Errors   kInvalidArgument: options of which no request can be made.
  static base::Result<std::shared_ptr<TargetSource>> Make(const ApiProvider& provider, const DiscoveryOptions& options,
                                                          const DiscoveryContext& context, ApiLimits limits = {});

  void Refresh(Done done) override;
  void Cancel() override;

 private:
  class Run;

  /// By the route of a call; those that no call of the table takes are null.
  struct Fetchers {
    std::shared_ptr<net::HttpFetcher> api;
    std::shared_ptr<net::HttpFetcher> login;
    std::shared_ptr<net::HttpFetcher> machine;
  };

  ApiSource(const ApiProvider& provider, const DiscoveryOptions& options, ApiOrigin origin, Fetchers fetchers,
            const DiscoveryContext& context, ApiLimits limits);

  static base::Result<Fetchers> MakeFetchers(const ApiProvider& provider, const DiscoveryOptions& options,
                                             const DiscoveryContext& context);

  /// Begins a call, unless Cancel() was called meanwhile. One that is secret follows no redirect.
  void Fetch(const ApiCall& call, net::FetchRequest request,
             std::function<void(base::Result<net::FetchResponse>)> then);
  ApiScope Scope(const ApiAnswers& answers, const Json* item) const {
    return {.record = record_,
            .answers = answers,
            .item = item,
            .files = files_,
            .clock = clock_,
            .environment = environment_};
  }

  const ApiProvider& provider_;
  const DiscoveryRecord record_;
  const ApiOrigin origin_;
  const ApiLimits limits_;
  const std::chrono::milliseconds call_timeout_;
  const Fetchers fetchers_;
  base::Executor& executor_;
  base::FileSystem& files_;
  const base::Clock& clock_;
  const Environment environment_;

  base::Mutex mutex_;  // a leaf
  /// The one that runs, and who runs it.
  struct RunningCall {
    net::HttpFetcher* fetcher = nullptr;
    net::HttpFetcher::CallId id{};
  };
  std::optional<RunningCall> call_ BARO_GUARDED_BY(mutex_);
  bool is_cancelled_ BARO_GUARDED_BY(mutex_) = false;
};

}  // namespace baro::scraper

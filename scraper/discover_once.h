// What the discoveries of one job tell, asked once: for tools, which do not stay.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/stream.h"
#include "net/dns_client.h"
#include "net/http_fetcher.h"
#include "scraper/options.h"
#include "scraper/scrape_status.h"

namespace baro::scraper {

/// References are borrowed. What runs on the executor may use them after DiscoverOnce() has returned: they live until
/// it has been stopped.
struct DiscoverOnceParts {
  const base::Clock& clock;
  base::Executor& executor;  ///< runs on threads of its own
  base::FileSystem& files;
  base::Registry& registry;
  net::FetcherFactory make_fetcher;
  std::function<std::string(const std::string& name)> environment;  ///< as in ScrapeDependencies
  net::DnsClient* dns = nullptr;                                    ///< for dns_sd_configs
  base::Network* network = nullptr;                                 ///< for serverset_sd_configs, nerve_sd_configs
  base::Logger log;
};

struct DiscoveredGroups {
  std::vector<TargetGroup> groups;         ///< static_configs first
  std::vector<DiscoveryStatus> providers;  ///< of those that are asked; one without a success has told nothing
  std::shared_ptr<const void> kept;  ///< what late tasks of the executor use: to be held until it has been stopped
};

/// Waits until each discovery of the job has told its targets, or has failed for half a second without telling any (one
/// that asks many may still have good answers), or `timeout` is over.
/// Errors   kInvalidArgument, kUnsupported: options that cannot be used.
base::Result<DiscoveredGroups> DiscoverOnce(const ScrapeJobOptions& job, const DiscoverOnceParts& parts,
                                            std::chrono::milliseconds timeout);

}  // namespace baro::scraper

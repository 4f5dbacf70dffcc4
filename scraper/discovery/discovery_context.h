// What every discovery works with: the seams, and what it tells of itself with.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/directory_watcher.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/stream.h"
#include "net/dns_client.h"
#include "net/http_fetcher.h"
#include "scraper/discovery/environment.h"
#include "scraper/loop/scrape_metrics.h"

namespace baro::scraper {

/// References are borrowed and outlive the discoveries, but the executor, which is stopped before it ends.
struct DiscoveryContext {
  const base::Clock& clock;
  base::Executor& executor;
  base::FileSystem& files;
  ScrapeMetrics& metrics;
  net::FetcherFactory make_fetcher;
  Environment environment;
  net::DnsClient* dns = nullptr;                  ///< null: names are not looked up
  base::DirectoryWatcher* directories = nullptr;  ///< null: files are looked at every few seconds
  base::Network* network = nullptr;               ///< for protocols of their own; null: they are not spoken
  base::Logger log;
  std::string job_name;          ///< `config` of the metrics
  std::size_t index = 0;         ///< of the discovery within its job
  std::uint64_t phase_seed = 0;  ///< spreads the refreshes of servers with the same configuration
};

}  // namespace baro::scraper

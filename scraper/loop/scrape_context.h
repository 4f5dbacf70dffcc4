// What all scrape loops of a server share: the seams, storage, metrics and settings.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/executor.h"
#include "base/log.h"
#include "net/http_fetcher.h"
#include "scraper/loop/scrape_metrics.h"
#include "tsdb/appender.h"

namespace baro::scraper {

/// Settings of scraping that are no job's.
struct ScrapeSettings {
  bool adjust_timestamps = true;                               ///< --scrape.adjust-timestamps
  std::chrono::milliseconds timestamp_tolerance{2};            ///< --scrape.timestamp-tolerance
  std::chrono::milliseconds discovery_reload_interval{5'000};  ///< --scrape.discovery-reload-interval
  std::uint64_t phase_seed = 0;                                ///< spreads the scrapes of servers with the same targets
  std::uint64_t hash_seed = 0;                                 ///< of the parsers' tables, unknown to targets
};

/// Borrowed by loops; outlives them.
struct ScrapeContext {
  const base::Clock& clock;
  base::Executor& executor;
  tsdb::AppenderSource& storage;
  ScrapeMetrics& metrics;
  base::Logger log;
  ScrapeSettings settings;
};

}  // namespace baro::scraper

// Settings of scraping that belong to no job.
#pragma once

#include <chrono>
#include <cstdint>

namespace baro::scraper {

/// Settings of scraping that are no job's.
struct ScrapeSettings {
  bool adjust_timestamps = true;                               ///< --scrape.adjust-timestamps
  std::chrono::milliseconds timestamp_tolerance{2};            ///< --scrape.timestamp-tolerance
  std::chrono::milliseconds discovery_reload_interval{5'000};  ///< --scrape.discovery-reload-interval
  std::uint64_t phase_seed = 0;                                ///< spreads the scrapes of servers with the same targets
  std::uint64_t hash_seed = 0;                                 ///< of the parsers' tables, unknown to targets
};

}  // namespace baro::scraper

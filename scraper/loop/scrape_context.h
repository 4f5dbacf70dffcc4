// What all scrape loops of a server share: the seams, storage, metrics, settings.
#pragma once

#include "base/clock.h"
#include "base/executor.h"
#include "base/log.h"
#include "net/http_fetcher.h"
#include "scraper/loop/failure_log.h"
#include "scraper/loop/scrape_metrics.h"
#include "scraper/scrape_settings.h"
#include "tsdb/appender.h"

namespace baro::scraper {

/// Borrowed by loops; outlives them.
struct ScrapeContext {
  const base::Clock& clock;
  base::Executor& executor;
  tsdb::AppenderSource& storage;
  ScrapeMetrics& metrics;
  FailureLog& failure_log;
  base::Logger log;
  ScrapeSettings settings;
};

}  // namespace baro::scraper

// All scraping of a server: jobs, discovery, reload.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/directory_watcher.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/stream.h"
#include "net/dns_client.h"
#include "net/http_fetcher.h"
#include "scraper/options.h"
#include "scraper/scrape_settings.h"
#include "scraper/scrape_status.h"
#include "tsdb/appender.h"

namespace baro::scraper {

/// What the manager works with; all are borrowed and outlive it, but the executor, which is stopped before it ends.
struct ScrapeDependencies {
  const base::Clock& clock;
  base::Executor& executor;
  base::FileSystem& files;
  tsdb::AppenderSource& storage;
  base::Registry& registry;
  net::FetcherFactory make_fetcher;
  /// A variable of the environment, "" when it is not set; for the credentials of discoveries. May be empty.
  std::function<std::string(const std::string& name)> environment;
  net::DnsClient* dns = nullptr;                  ///< for dns_sd_configs, which are refused without one
  base::DirectoryWatcher* directories = nullptr;  ///< null: target files are looked at every few seconds
  base::Network* network = nullptr;               ///< the same for serverset_sd_configs and nerve_sd_configs
  base::Logger log;
};

/// What Apply() changed, by the names of jobs, each list sorted.
struct JobChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> retargeted;  ///< only where targets come from is new: targets that stay are left alone
  std::vector<std::string> removed;
  std::size_t unchanged = 0;
};

/// Threads  Apply() and Stop() by one thread at a time; the rest from any.
class ScrapeManager {
 public:
  ScrapeManager(ScrapeDependencies dependencies, ScrapeSettings settings);
  ~ScrapeManager();

  /// Runs these jobs from now on. Jobs that are configured as before keep their loops; vanished ones stop, and their
  /// series end.
  /// Errors   kInvalidArgument: a job cannot be run; then nothing has changed.
  base::Result<JobChanges> Apply(const std::vector<ScrapeJobOptions>& jobs);

  /// Stops all loops without ending series: the server comes back.
  void Stop();

  /// All jobs, by name.
  std::vector<JobStatus> status() const;
  /// How the job of that name runs, or nothing.
  std::optional<ScrapeJobOptions> job(std::string_view name) const;
  /// What targets say of their metrics.
  std::vector<TargetMetadata> metadata() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace baro::scraper

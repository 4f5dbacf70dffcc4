// What a discovery tells of itself: to the log, in metrics, and to those who look at its status.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/scrape_status.h"

namespace baro::scraper {

/// Threads  Safe to share.
class DiscoveryReport {
 public:
  /// `kind`: "consul", "http", ... Borrows what is in the context.
  DiscoveryReport(std::string kind, const DiscoveryContext& context);

  /// `took`: nothing if nobody was asked, because news came by themselves.
  void Succeeded(std::size_t targets, std::optional<std::chrono::nanoseconds> took);
  /// Counts it; logs it when it is another error than before, so that a service that is down for a day says so once.
  void Failed(const base::Error& error, std::optional<std::chrono::nanoseconds> took);
  /// The same for those who know whether it is to be logged: several things of theirs fail at once.
  void Failed(const base::Error& error, std::optional<std::chrono::nanoseconds> took, bool is_logged);
  /// Logs that so many more failed than were logged; `what` they are.
  void FailedToo(std::size_t more, std::string_view what);
  /// From now on the metrics are left alone: the job may be forgotten.
  void Close();

  DiscoveryStatus status() const;

 private:
  enum class Logged : std::uint8_t { kNo, kYes, kIfNew };

  void Fail(const base::Error& error, std::optional<std::chrono::nanoseconds> took, Logged logged);
  void Observe(std::optional<std::chrono::nanoseconds> took) BARO_REQUIRES(mutex_);

  const base::Clock& clock_;
  ScrapeMetrics& metrics_;
  const base::Logger log_;
  const std::string job_name_;

  mutable base::Mutex mutex_;  // outer to those of the metrics, which are leaves
  DiscoveryStatus status_ BARO_GUARDED_BY(mutex_);
  bool is_closed_ BARO_GUARDED_BY(mutex_) = false;
};

}  // namespace baro::scraper

#include "scraper/discovery/discovery_report.h"

#include <fmt/format.h>

namespace baro::scraper {

using base::MutexLock;

DiscoveryReport::DiscoveryReport(std::string kind, const DiscoveryContext& context)
    : clock_(context.clock),
      metrics_(context.metrics),
      log_(context.log.With("discovery", kind)),
      job_name_(context.job_name) {
  const MutexLock lock(mutex_);
  status_.kind = std::move(kind);
}

void DiscoveryReport::Observe(std::optional<std::chrono::nanoseconds> took) {
  if (!took) return;
  const double seconds = std::chrono::duration<double>(*took).count();
  metrics_.sd_refresh_duration_seconds.With({status_.kind, job_name_}).Observe(seconds);
  metrics_.sd_refresh_duration_histogram_seconds.With({status_.kind}).Observe(seconds);
}

void DiscoveryReport::Succeeded(std::size_t targets, std::optional<std::chrono::nanoseconds> took) {
  bool was_failing = false;
  {
    const MutexLock lock(mutex_);
    if (is_closed_) return;
    Observe(took);
    metrics_.sd_refresh_failures_total.With({status_.kind, job_name_}).Add(0);  // it is there before the first failure
    const base::WallTime now = clock_.Now();
    metrics_.sd_last_success_seconds.With({status_.kind, job_name_}).Set(static_cast<double>(base::ToMs(now)) / 1000);
    was_failing = !status_.last_error.empty();
    status_.last_success = now;
    status_.last_attempt = now;
    status_.last_error.clear();
    status_.failures_in_a_row = 0;
    status_.targets = targets;
  }
  if (was_failing) log_.Info("discovery works again", {{"targets", targets}});
}

void DiscoveryReport::Failed(const base::Error& error, std::optional<std::chrono::nanoseconds> took) {
  Fail(error, took, Logged::kIfNew);
}

void DiscoveryReport::Failed(const base::Error& error, std::optional<std::chrono::nanoseconds> took, bool is_logged) {
  Fail(error, took, is_logged ? Logged::kYes : Logged::kNo);
}

void DiscoveryReport::FailedToo(std::size_t more, std::string_view what) {
  log_.Warn(fmt::format("discovery failed for {} more {}", more, what));
}

void DiscoveryReport::Fail(const base::Error& error, std::optional<std::chrono::nanoseconds> took, Logged logged) {
  bool has_targets = false;
  {
    const MutexLock lock(mutex_);
    if (is_closed_) return;
    Observe(took);
    metrics_.sd_refresh_failures_total.With({status_.kind, job_name_}).Add();
    if (status_.kind == "http") metrics_.sd_http_failures_total.Add();
    const bool is_new = status_.last_error != error.message();
    has_targets = status_.last_success.has_value();
    status_.last_attempt = clock_.Now();
    status_.last_error = error.message();
    ++status_.failures_in_a_row;
    if (logged == Logged::kNo || (logged == Logged::kIfNew && !is_new)) return;
  }
  log_.Warn(has_targets ? "discovery failed; the targets of its last good answer stay"
                        : "discovery failed; it has no targets yet",
            {{"err", error.message()}});
}

void DiscoveryReport::Close() {
  const MutexLock lock(mutex_);
  is_closed_ = true;
}

DiscoveryStatus DiscoveryReport::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace baro::scraper

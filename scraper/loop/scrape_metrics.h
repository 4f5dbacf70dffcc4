// What scraping tells of itself, under the names that Prometheus' dashboards and alerts know.
#pragma once

#include "base/metrics.h"

namespace baro::scraper {

/// References live as long as the registry.
struct ScrapeMetrics {
  explicit ScrapeMetrics(base::Registry& registry);

  /// Takes the series of a job that is gone out of the exposition.
  void ForgetJob(const std::string& name);
  /// The same for a kind of discovery in a job. Nobody may be using its series: what reports there is closed.
  void ForgetDiscovery(const std::string& kind, const std::string& job);

  base::SummaryFamily& interval_length_seconds;                  ///< by interval
  base::CounterFamily& pool_sync_total;                          ///< by scrape_job
  base::SummaryFamily& sync_length_seconds;                      ///< by scrape_job
  base::CounterFamily& sync_failed_total;                        ///< targets that could not be made, by scrape_job
  base::GaugeFamily& pool_targets;                               ///< by scrape_job
  base::GaugeFamily& discovered_targets;                         ///< by config (the job) and name (scrape)
  base::CounterFamily& sd_refresh_failures_total;                ///< by mechanism and config (the job)
  base::SummaryFamily& sd_refresh_duration_seconds;              ///< by mechanism and config
  base::HistogramFamily& sd_refresh_duration_histogram_seconds;  ///< by mechanism
  base::GaugeFamily& sd_last_success_seconds;                    ///< by mechanism and config
  base::GaugeFamily& sd_last_update_seconds;                     ///< by name (scrape) and config
  base::CounterFamily& sd_received_updates_total;                ///< by name
  base::CounterFamily& sd_updates_total;                         ///< by name
  base::Counter& sd_http_failures_total;
  base::CounterFamily& sd_kubernetes_events_total;  ///< by role and event
  base::Counter& sd_kubernetes_failures_total;
  base::Counter& sd_dns_lookups_total;
  base::Counter& sd_dns_lookup_failures_total;
  base::Counter& exceeded_sample_limit_total;
  base::Counter& exceeded_body_size_limit_total;
  base::Counter& exceeded_bucket_limit_total;
  base::Counter& exceeded_target_limit_total;
  base::Counter& exceeded_label_limits_total;
  base::Counter& duplicate_timestamp_total;
  base::Counter& out_of_bounds_total;
  base::Counter& out_of_order_total;
  base::Counter& exemplar_out_of_order_total;
  base::Counter& exemplars_left_out_total;
  base::Counter& samples_total;
  base::Counter& predicted_lines_total;
};

}  // namespace baro::scraper

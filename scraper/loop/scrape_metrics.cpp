#include "scraper/loop/scrape_metrics.h"

namespace baro::scraper {

ScrapeMetrics::ScrapeMetrics(base::Registry& registry)
    : interval_length_seconds(registry.MakeSummaryFamily("prometheus_target_interval_length_seconds",
                                                         "Actual intervals between scrapes.", {"interval"},
                                                         {0.01, 0.05, 0.5, 0.9, 0.99})),
      pool_sync_total(registry.MakeCounterFamily("prometheus_target_scrape_pool_sync_total",
                                                 "Times that the targets of a job were taken over.", {"scrape_job"})),
      sync_length_seconds(registry.MakeSummaryFamily("prometheus_target_sync_length_seconds",
                                                     "Time to take over the targets of a job.", {"scrape_job"},
                                                     {0.01, 0.05, 0.5, 0.9, 0.99})),
      sync_failed_total(registry.MakeCounterFamily("prometheus_target_sync_failed_total",
                                                   "Targets left out because something is wrong with them.",
                                                   {"scrape_job"})),
      pool_targets(registry.MakeGaugeFamily("prometheus_target_scrape_pool_targets", "Targets that a job scrapes.",
                                            {"scrape_job"})),
      discovered_targets(registry.MakeGaugeFamily(
          "prometheus_sd_discovered_targets", "Targets that discovery found, before relabelling.", {"name", "config"})),
      sd_refresh_failures_total(registry.MakeCounterFamily(
          "prometheus_sd_refresh_failures_total", "Refreshes of a discovery that failed.", {"mechanism", "config"})),
      sd_refresh_duration_seconds(registry.MakeSummaryFamily("prometheus_sd_refresh_duration_seconds",
                                                             "How long the refreshes of a discovery took.",
                                                             {"mechanism", "config"}, {0.5, 0.9, 0.99})),
      sd_refresh_duration_histogram_seconds(registry.MakeHistogramFamily(
          "prometheus_sd_refresh_duration_histogram_seconds", "How long the refreshes of a discovery took.",
          {"mechanism"}, {0.01, 0.1, 1, 10})),
      sd_last_success_seconds(registry.MakeGaugeFamily("barograph_sd_last_success_timestamp_seconds",
                                                       "When a discovery told its targets last, since the epoch.",
                                                       {"mechanism", "config"})),
      sd_last_update_seconds(registry.MakeGaugeFamily("prometheus_sd_last_update_timestamp_seconds",
                                                      "When a job took over discovered targets last, since the epoch.",
                                                      {"name", "config"})),
      sd_received_updates_total(registry.MakeCounterFamily("prometheus_sd_received_updates_total",
                                                           "Times that a discovery told its targets.", {"name"})),
      sd_updates_total(registry.MakeCounterFamily("prometheus_sd_updates_total",
                                                  "Times that a job took over discovered targets.", {"name"})),
      sd_http_failures_total(
          registry.MakeCounter("prometheus_sd_http_failures_total", "Refreshes of HTTP discoveries that failed.")),
      sd_kubernetes_events_total(registry.MakeCounterFamily(
          "prometheus_sd_kubernetes_events_total", "Events that watches of Kubernetes told.", {"role", "event"})),
      sd_kubernetes_failures_total(registry.MakeCounter("prometheus_sd_kubernetes_failures_total",
                                                        "Lists and watches of Kubernetes that failed.")),
      sd_dns_lookups_total(registry.MakeCounter("prometheus_sd_dns_lookups_total", "Lookups of discoveries by DNS.")),
      sd_dns_lookup_failures_total(registry.MakeCounter("prometheus_sd_dns_lookup_failures_total",
                                                        "Lookups of discoveries by DNS that failed.")),
      exceeded_sample_limit_total(registry.MakeCounter("prometheus_target_scrapes_exceeded_sample_limit_total",
                                                       "Scrapes refused because of sample_limit.")),
      exceeded_body_size_limit_total(registry.MakeCounter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                                                          "Scrapes refused because of body_size_limit.")),
      exceeded_bucket_limit_total(
          registry.MakeCounter("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
                               "Scrapes with a native histogram that no schema makes small enough.")),
      exceeded_target_limit_total(registry.MakeCounter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                                                       "Times that a job had more targets than target_limit.")),
      exceeded_label_limits_total(registry.MakeCounter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                                                       "Scrapes refused because of a limit on labels.")),
      duplicate_timestamp_total(registry.MakeCounter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                                                     "Samples refused: another value at the same time.")),
      out_of_bounds_total(registry.MakeCounter("prometheus_target_scrapes_sample_out_of_bounds_total",
                                               "Samples refused: too far in the past or future.")),
      out_of_order_total(registry.MakeCounter("prometheus_target_scrapes_sample_out_of_order_total",
                                              "Samples refused: older than the newest.")),
      exemplar_out_of_order_total(registry.MakeCounter("prometheus_target_scrapes_exemplar_out_of_order_total",
                                                       "Exemplars refused: older than the newest of their series.")),
      exemplars_left_out_total(registry.MakeCounter("barograph_scrape_exemplars_left_out_total",
                                                    "Exemplars beyond those that are kept of one scrape.")),
      samples_total(registry.MakeCounter("barograph_scrape_samples_total", "Samples read from targets.")),
      predicted_lines_total(registry.MakeCounter("barograph_scrape_predicted_samples_total",
                                                 "Samples whose line was known from the scrape before.")) {}

void ScrapeMetrics::ForgetJob(const std::string& name) {
  pool_sync_total.Remove({name});
  sync_length_seconds.Remove({name});
  sync_failed_total.Remove({name});
  pool_targets.Remove({name});
  discovered_targets.Remove({"scrape", name});
  sd_last_update_seconds.Remove({"scrape", name});
}

void ScrapeMetrics::ForgetDiscovery(const std::string& kind, const std::string& job) {
  sd_refresh_failures_total.Remove({kind, job});
  sd_refresh_duration_seconds.Remove({kind, job});
  sd_last_success_seconds.Remove({kind, job});
}

}  // namespace baro::scraper

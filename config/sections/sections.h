// The parts of the configuration file, one function each. They read from a Mapping and fill an options struct.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/yaml/mapping.h"
#include "model/relabel.h"
#include "net/http_client_options.h"
#include "scraper/options.h"
#include "tsdb/storage_rules.h"

namespace baro::config {

/// Where relative paths inside a file lead.
struct FileContext {
  std::string folder;  ///< of the configuration file; "" is the working directory

  /// `path` as it is when absolute or empty, else below `folder`.
  std::string Resolve(const std::string& path) const;
};

/// The fields of an HTTP client that stand directly in `mapping` (basic_auth, authorization, tls_config, …).
void ReadHttpClient(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options);

/// A list of relabelling rules at `field`.
void ReadRelabeling(Mapping& mapping, std::string_view field, model::NameScheme scheme,
                    std::vector<model::RelabelConfig>& rules);

/// Defaults for scrape jobs that stand in `global`.
struct ScrapeDefaults {
  scraper::ScrapeJobOptions job;
  bool timeout_is_set = false;
  std::string text;  ///< of the section, for the jobs' fingerprints
};

/// The scrape-related fields of `global`.
void ReadScrapeDefaults(Mapping& global, ScrapeDefaults& defaults);

/// The list at `field` ("scrape_configs"), appended to `jobs`.
void ReadScrapeJobs(Mapping& mapping, std::string_view field, const FileContext& context,
                    const ScrapeDefaults& defaults, std::vector<scraper::ScrapeJobOptions>& jobs);

/// The list at `rules` of storage.tsdb.retention, appended to `rules`.
void ReadRetentionRules(Mapping& retention, std::vector<tsdb::RetentionRule>& rules);

/// The list at `downsampling` of storage.tsdb, appended to `rules`. Samples as late as `out_of_order_window` must not
/// meet windows.
void ReadDownsampling(Mapping& tsdb, std::chrono::milliseconds out_of_order_window,
                      std::vector<tsdb::DownsamplingRule>& rules);

/// The document with the values of secret fields replaced by `<secret>` and passwords in URLs by `xxxxx`.
std::string MaskSecrets(const YAML::Node& document);

}  // namespace baro::config

// What a scrape job is told to do. The configuration file, tests and the built-in configuration all make these.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/labels.h"
#include "model/names.h"
#include "model/relabel.h"
#include "net/http_client_options.h"
#include "scraper/discovery_options.h"
#include "scraper/exposition_format.h"

namespace baro::scraper {

/// Targets that share labels: one item of static_configs, or of a discovery file.
struct TargetGroup {
  std::string source;  ///< unique within its provider, e.g. a file's path and index
  std::vector<std::map<std::string, std::string>> targets;  ///< each has __address__
  std::map<std::string, std::string> labels;

  friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

/// file_sd_configs: target groups in JSON or YAML files that are watched.
struct FileDiscoveryOptions {
  std::vector<std::string> files;  ///< paths; the last element may have one `*`
  std::chrono::milliseconds refresh_interval = std::chrono::minutes(5);

  friend bool operator==(const FileDiscoveryOptions&, const FileDiscoveryOptions&) = default;
};

/// Where targets come from: everything that may stand beside each other in one job.
struct DiscoveryLists {
  std::vector<TargetGroup> static_groups;
  std::vector<FileDiscoveryOptions> file_discoveries;
  std::vector<DiscoveryOptions> others;
};

/// What is done with histograms of a target.
struct NativeHistogramOptions {
  bool scrape = false;                   ///< native ones are stored as such; otherwise as classic ones
  bool always_scrape_classic = false;    ///< the classic form is stored also where there is a native one
  bool convert_classic_to_nhcb = false;  ///< classic ones become native ones with custom buckets
  std::uint64_t bucket_limit = 0;        ///< larger ones are stored in a coarser schema, or refused; 0: none
  double min_bucket_factor = 0;          ///< finer ones are stored in a coarser schema; 1 and less: all are fine enough

  friend bool operator==(const NativeHistogramOptions&, const NativeHistogramOptions&) = default;
};

/// Limits on what a target may send; 0 is no limit, as in the configuration file.
struct ScrapeLimits {
  std::uint64_t body_size_bytes = 0;  ///< decoded; the safety limit of the HTTP client stays in force in any case
  std::uint64_t samples = 0;
  std::uint64_t targets = 0;
  std::uint64_t labels = 0;
  std::uint64_t label_name_length_bytes = 0;
  std::uint64_t label_value_length_bytes = 0;
  std::uint64_t dropped_targets_kept = 0;

  friend bool operator==(const ScrapeLimits&, const ScrapeLimits&) = default;
};

/// One item of scrape_configs, with the defaults of `global` filled in.
struct ScrapeJobOptions {
  std::string job_name;
  std::chrono::milliseconds interval = std::chrono::minutes(1);
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::map<std::string, std::vector<std::string>> params;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  bool extra_metrics = false;  ///< scrape_timeout_seconds and its relatives

  // `_created` lines of OpenMetrics: series, unless one of these says that they are no series but starts of others.
  bool stores_starts = false;           ///< --enable-feature=st-storage: storage is told
  bool writes_zeros_at_starts = false;  ///< --enable-feature=created-timestamp-zero-ingestion: a sample 0 at each start
  /// --enable-feature=st-synthesis: what tells no start is counted since the first sample, which is not stored
  bool synthesizes_starts = false;
  bool adds_type_and_unit = false;  ///< --enable-feature=type-and-unit-labels: `__type__` and `__unit__` by metadata
  model::NameScheme name_scheme = model::NameScheme::kUtf8;
  model::EscapingScheme escaping = model::EscapingScheme::kAllowUtf8;
  std::vector<ScrapeProtocol> protocols;            ///< in order of preference; empty: see ProtocolsOf()
  std::optional<ScrapeProtocol> fallback_protocol;  ///< nothing: an unknown Content-Type fails the scrape
  ScrapeLimits limits;
  NativeHistogramOptions native_histograms;
  std::string scrape_failure_log_file;  ///< "": none
  net::HttpClientOptions http;
  std::vector<model::RelabelConfig> relabel;
  std::vector<model::RelabelConfig> metric_relabel;
  std::vector<TargetGroup> static_groups;
  std::vector<FileDiscoveryOptions> file_discoveries;
  std::vector<DiscoveryOptions> other_discoveries;

  /// Equal for jobs that are configured alike, apart from where their targets come from: a reload leaves the loops of a
  /// job alone when it is unchanged. Whoever fills the options makes it; the configuration file's reader takes the
  /// job's text, so it has secrets and is not to be shown.
  std::string fingerprint;
  /// The same for where targets come from.
  std::string sources_fingerprint;
  /// The job as it is shown to users: YAML with all defaults, secrets masked.
  std::string shown_yaml;
};

/// The protocols that the job's targets are asked for, best first: those that it names, or else the default ones, with
/// Protobuf in front where it is wanted what only that has: native histograms, and the starts of all kinds of metrics.
std::vector<ScrapeProtocol> ProtocolsOf(const ScrapeJobOptions& job);

}  // namespace baro::scraper

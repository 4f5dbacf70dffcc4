// The configuration file, read and checked: what each module is told.
//
// Format   https://prometheus.io/docs/prometheus/latest/configuration/configuration/ as of Prometheus 3.14, whole. What
//          Barograph does not do yet is read and checked like the rest, and named in `not_served`.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "config/alerting.h"
#include "config/diagnostics.h"
#include "config/tracing.h"
#include "remote/options.h"
#include "scraper/options.h"
#include "tsdb/storage_rules.h"

namespace baro::config {

/// The value of an environment variable, or nothing. Passed in, so that tests have an environment of their own.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// storage.tsdb.retention. What is not there is the flags' or the default.
struct RetentionConfig {
  std::optional<std::chrono::milliseconds> time;
  std::optional<std::uint64_t> bytes;
  std::optional<double> percent;  ///< of the disk's size, 0..100
};

struct Config {
  std::chrono::milliseconds scrape_interval = std::chrono::minutes(1);
  std::chrono::milliseconds evaluation_interval = std::chrono::minutes(1);
  std::chrono::milliseconds rule_query_offset{0};
  std::map<std::string, std::string> external_labels;
  std::string query_log_file;
  std::vector<scraper::ScrapeJobOptions> jobs;
  std::vector<std::string> rule_files;  ///< patterns, joined to the file's folder

  AlertingOptions alerting;
  std::vector<remote::RemoteWriteOptions> remote_write;
  std::vector<remote::RemoteReadOptions> remote_read;
  remote::OtlpOptions otlp;
  std::optional<TracingOptions> tracing;

  RetentionConfig retention;

  /// storage.tsdb.out_of_order_time_window; 0: samples out of order are refused.
  std::chrono::milliseconds out_of_order_window{0};

  /// storage.exemplars.max_exemplars; 0: none are kept.
  std::size_t exemplars_max = 100'000;

  /// storage.tsdb.retention.rules and storage.tsdb.downsampling.
  tsdb::StorageRules storage_rules;

  /// Files that the configuration is made of, this one first: what auto-reload watches.
  std::vector<std::string> files;

  /// All that is in force, defaults included and secrets masked, for /api/v1/status/config.
  std::string normal_yaml;

  /// What the file has and this version does not do yet, each with its place. The file is right all the same.
  std::vector<Diagnostic> not_served;

  /// Things that are allowed but probably not meant.
  std::vector<std::string> warnings;
};

/// What a configuration is read for.
struct ReadOptions {
  bool agent_mode = false;               ///< refuses what an agent has not got: alerting, rule_files, remote_read
  bool with_scrape_config_files = true;  ///< reads the files of scrape_config_files too
  bool stores_starts = false;           ///< what the server's flag asks for: the default of scrape_protocols follows it
  bool writes_zeros_at_starts = false;  ///< the same
};

/// Reads a configuration from text. `path` names it in messages; relative paths inside are joined to its folder.
/// Files that it names (scrape_config_files) are read through `files`.
/// Errors   all problems in `diagnostics`; the result is then kInvalidArgument with all of them as text.
base::Result<Config> ParseConfig(const std::string& text, const std::string& path, base::FileSystem& files,
                                 const Environment& environment, const ReadOptions& options = {});

/// Reads the file at `path`. Errors as ParseConfig, and kNotFound, kIo.
base::Result<Config> LoadConfig(const std::string& path, base::FileSystem& files, const Environment& environment,
                                const ReadOptions& options = {});

/// Whether this version can run the configuration.
/// Errors   kUnsupported: all that it does not do yet, by place and name.
base::Result<> CheckServed(const Config& config);

/// The configuration that runs without --config.file: this server and this machine, each scraped every 5 seconds from
/// `own_address` ("localhost:9090") below `route_prefix` ("" or "/x").
std::string BuiltInConfig(const std::string& own_address, const std::string& route_prefix);

}  // namespace baro::config

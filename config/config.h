// The configuration file, read and checked: what each module is told.
//
// Format   https://prometheus.io/docs/prometheus/latest/configuration/configuration/ as of Prometheus 3.14. Sections
//          that Barograph does not have yet are refused by name.
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
#include "config/diagnostics.h"
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
  std::map<std::string, std::string> external_labels;
  std::string query_log_file;
  std::vector<scraper::ScrapeJobOptions> jobs;

  RetentionConfig retention;

  /// storage.tsdb.out_of_order_time_window; 0: samples out of order are refused.
  std::chrono::milliseconds out_of_order_window{0};

  /// storage.exemplars.max_exemplars; 0: none are kept.
  std::size_t exemplars_max = 100'000;

  /// storage.tsdb.retention.rules and storage.tsdb.downsampling.
  tsdb::StorageRules storage_rules;

  /// Files that the configuration is made of, this one first: what auto-reload watches.
  std::vector<std::string> files;

  /// The files as YAML with secrets masked, for /api/v1/status/config.
  std::string masked_yaml;

  /// Things that are allowed but probably not meant.
  std::vector<std::string> warnings;
};

/// Reads a configuration from text. `path` names it in messages; relative paths inside are joined to its folder.
/// Files that it names (scrape_config_files) are read through `files`.
/// Errors   all problems in `diagnostics`; the result is then kInvalidArgument with all of them as text.
base::Result<Config> ParseConfig(const std::string& text, const std::string& path, base::FileSystem& files,
                                 const Environment& environment);

/// Reads the file at `path`. Errors as ParseConfig, and kNotFound, kIo.
base::Result<Config> LoadConfig(const std::string& path, base::FileSystem& files, const Environment& environment);

/// The configuration that runs without --config.file: this server and this machine, each scraped every 5 seconds from
/// `own_address` ("localhost:9090") below `route_prefix` ("" or "/x").
std::string BuiltInConfig(const std::string& own_address, const std::string& route_prefix);

}  // namespace baro::config

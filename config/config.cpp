#include "config/config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/path_pattern.h"
#include "config/sections/sections.h"
#include "model/labels.h"

namespace baro::config {
namespace {

using base::Code;
using base::Fail;

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
}

/// `$NAME` and `${NAME}` replaced by the environment, `$$` by a dollar. What is not set becomes empty and is noted.
std::string ExpandEnvironment(std::string_view text, const Environment& environment, std::vector<std::string>& unset) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at++];
      continue;
    }
    if (text[at + 1] == '$') {
      out += '$';
      at += 2;
      continue;
    }
    const bool braces = text[at + 1] == '{';
    const std::size_t start = at + (braces ? 2 : 1);
    std::size_t end = start;
    const auto is_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (end < text.size() && (braces ? text[end] != '}' : is_name(text[end]))) ++end;
    const std::string name(text.substr(start, end - start));
    const auto value = environment ? environment(name) : std::nullopt;
    if (!value) unset.push_back(name);
    out += value.value_or("");
    at = std::min(text.size(), end + (braces ? 1 : 0));
  }
  return out;
}

/// What one configuration file goes through. `config` receives the result, `diagnostics` the problems.
class FileReader {
 public:
  FileReader(base::FileSystem& files, const Environment& environment, Diagnostics& diagnostics, Config& config)
      : files_(files), environment_(environment), diagnostics_(diagnostics), config_(config) {}

  void Read(const std::string& text, const std::string& path) {
    const FileContext context{.folder = FolderOf(path)};
    const YAML::Node document = ParseYaml(text, diagnostics_);
    if (!document.IsDefined()) return;
    Mapping top(document, "", diagnostics_);
    ReadGlobal(top, context);
    ReadStorage(top);
    ReadScrapeJobs(top, "scrape_configs", context, defaults_, config_.jobs);
    ReadScrapeConfigFiles(top, context);
    top.Ignored("runtime");  // settings of Go's garbage collector
    for (const std::string_view section :
         {"alerting", "rule_files", "remote_write", "remote_read", "otlp", "tracing"}) {
      top.NotSupported(section);
    }
    top.Finish();
    if (document.IsMap()) config_.masked_yaml = MaskSecrets(document);
  }

 private:
  void ReadGlobal(Mapping& top, const FileContext& context) {
    top.Child("global", [&](Mapping& global) {
      ReadScrapeDefaults(global, defaults_);
      global.Duration("evaluation_interval", config_.evaluation_interval);
      if (config_.evaluation_interval.count() <= 0) global.Fail("evaluation_interval", "must be greater than 0");
      std::chrono::milliseconds offset{0};
      global.Duration("rule_query_offset", offset);
      if (global.Text("query_log_file", config_.query_log_file)) {
        config_.query_log_file = context.Resolve(config_.query_log_file);
      }
      global.NotSupported("scrape_failure_log_file");
      ReadExternalLabels(global);
    });
    config_.scrape_interval = defaults_.job.interval;
  }

  void ReadExternalLabels(Mapping& global) {
    global.TextMap("external_labels", config_.external_labels);
    for (auto& [name, value] : config_.external_labels) {
      if (!model::IsValidLabelName(name, defaults_.job.name_scheme)) {
        global.Fail("external_labels", fmt::format("\"{}\" is not a valid label name", name));
      }
      std::vector<std::string> unset;
      value = ExpandEnvironment(value, environment_, unset);
      for (const std::string& variable : unset) {
        config_.warnings.push_back(fmt::format(
            "external label {}: environment variable {} is not set, an empty text stands for it", name, variable));
      }
      if (!model::IsValidUtf8(value)) global.Fail("external_labels", fmt::format("\"{}\" is not valid UTF-8", name));
    }
  }

  void ReadStorage(Mapping& top) {
    top.Child("storage", [&](Mapping& storage) {
      storage.Child("tsdb", [&](Mapping& tsdb) {
        tsdb.Child("retention", [&](Mapping& retention) {
          std::chrono::milliseconds time{0};
          if (retention.Duration("time", time)) config_.retention.time = time;
          std::uint64_t bytes = 0;
          if (retention.Size("size", bytes)) config_.retention.bytes = bytes;
          ReadRetentionRules(retention, config_.storage_rules.retention);
          double percent = 0;
          if (!retention.Number("percentage", percent)) return;
          if (!(percent >= 0 && percent <= 100)) {
            retention.Fail("percentage", "a percentage of the disk's size is at least 0 and at most 100");
          }
          config_.retention.percent = percent;
        });
        tsdb.Duration("out_of_order_time_window", config_.out_of_order_window);
        ReadDownsampling(tsdb, config_.out_of_order_window, config_.storage_rules.downsampling);
        // Prometheus' encodings say nothing about our chunks; a name that it refuses is a mistake all the same.
        tsdb.Child("chunk_encoding", [](Mapping& encoding) {
          std::string floats;
          encoding.Choice("floats", floats, {"xor", "xor2"});
        });
        tsdb.Ignored("stale_series_compaction_threshold");
      });
      storage.Child("exemplars", [&](Mapping& exemplars) {
        constexpr std::int64_t kExemplarsMax = 100'000'000;  // tens of gigabytes
        std::int64_t count = 0;
        if (exemplars.Integer("max_exemplars", count, std::numeric_limits<std::int64_t>::min(), kExemplarsMax)) {
          config_.exemplars_max = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
        }
      });
    });
  }

  void ReadScrapeConfigFiles(Mapping& top, const FileContext& context) {
    std::vector<std::string> patterns;
    top.TextList("scrape_config_files", patterns);
    for (const std::string& pattern : patterns) {
      if (const auto checked = base::CheckPattern(pattern); !checked) {
        top.Fail("scrape_config_files", checked.error().message());
        continue;
      }
      for (const std::string& file : base::ExpandPattern(files_, context.Resolve(pattern))) ReadScrapeConfigFile(file);
    }
  }

  void ReadScrapeConfigFile(const std::string& path) {
    Diagnostics own(path);
    const auto text = base::ReadFile(files_, path, kConfigBytesMax);
    if (!text) {
      diagnostics_.Add(0, 0, "scrape_config_files", text.error().message());
      return;
    }
    config_.files.push_back(path);
    const YAML::Node document = ParseYaml(*text, own);
    if (document.IsDefined()) {
      Mapping top(document, "", own);
      ReadScrapeJobs(top, "scrape_configs", {.folder = FolderOf(path)}, defaults_, config_.jobs);
      top.Finish();
    }
    diagnostics_.Append(own);
  }

  static constexpr std::size_t kConfigBytesMax = 16 * 1024 * 1024;

  base::FileSystem& files_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
  Config& config_;
  ScrapeDefaults defaults_;
};

}  // namespace

std::string FileContext::Resolve(const std::string& path) const {
  if (path.empty() || path.front() == '/' || folder.empty()) return path;
  return folder == "/" ? "/" + path : folder + "/" + path;
}

base::Result<Config> ParseConfig(const std::string& text, const std::string& path, base::FileSystem& files,
                                 const Environment& environment) {
  Diagnostics diagnostics(path);
  Config config;
  config.files.push_back(path);
  FileReader(files, environment, diagnostics, config).Read(text, path);
  if (!diagnostics.empty()) return Fail(Code::kInvalidArgument, diagnostics.ToString());
  return config;
}

base::Result<Config> LoadConfig(const std::string& path, base::FileSystem& files, const Environment& environment) {
  constexpr std::size_t kConfigBytesMax = 16 * 1024 * 1024;
  const auto text = base::ReadFile(files, path, kConfigBytesMax);
  if (!text) return std::unexpected(text.error().WithContext("configuration file"));
  return ParseConfig(*text, path, files, environment);
}

std::string BuiltInConfig(const std::string& own_address, const std::string& route_prefix) {
  return fmt::format(
      R"(# The configuration that Barograph runs without --config.file: itself and this machine.
# Save it, change it, and start with --config.file=<it>.
global:
  scrape_interval: 5s
  evaluation_interval: 15s
scrape_configs:
  - job_name: barograph
    metrics_path: {1}/metrics
    static_configs:
      - targets: ["{0}"]
  - job_name: node
    metrics_path: {1}/metrics/node
    static_configs:
      - targets: ["{0}"]
)",
      own_address, route_prefix);
}

}  // namespace baro::config

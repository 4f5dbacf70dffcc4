#include "config/config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/path_pattern.h"
#include "config/sections/sections.h"
#include "config/sections/values.h"
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
  FileReader(base::FileSystem& files, const Environment& environment, const ReadOptions& options,
             Diagnostics& diagnostics, Config& config)
      : files_(files), environment_(environment), options_(options), diagnostics_(diagnostics), config_(config) {}

  void Read(const std::string& text, const std::string& path) {
    const FileContext context{.folder = FolderOf(path)};
    const YAML::Node document = ParseYaml(text, diagnostics_);
    if (!document.IsDefined()) return;
    Mapping top(document, "", diagnostics_);
    ReadGlobal(top, context);
    const model::NameScheme scheme = defaults_.job.name_scheme;
    ReadRuntime(top);
    ReadAlerting(top, context, scheme, config_.alerting);
    ReadRuleFiles(top, context);
    const std::vector<std::string> patterns = ReadPatterns(top, "scrape_config_files", context);
    ReadScrapeJobs(top, "scrape_configs", context, defaults_, config_.jobs);
    ReadStorage(top, config_);
    ReadTracing(top, context, config_.tracing);
    ReadRemoteWrite(top, context, scheme, config_.remote_write);
    ReadRemoteRead(top, context, config_.remote_read);
    ReadOtlp(top, scheme, config_.otlp);
    if (options_.agent_mode) RefuseServerSections(top);
    top.Finish();
    diagnostics_.Sort();
    config_.normal_yaml = top.normal_form().ToYaml();
    if (options_.with_scrape_config_files) ReadScrapeConfigFiles(top, patterns);
  }

 private:
  void ReadGlobal(Mapping& top, const FileContext& context) {
    defaults_.job.stores_starts = options_.stores_starts;
    defaults_.job.writes_zeros_at_starts = options_.writes_zeros_at_starts;
    const auto read = [&](Mapping& global) {
      ReadScrapeDefaults(global, context, defaults_);
      ReadEvaluation(global);
      ReadPath(global, "query_log_file", context, config_.query_log_file);
      ReadExternalLabels(global);
    };
    top.Child("global", read, WhenAbsent::kReadDefaults);
    config_.scrape_interval = defaults_.job.interval;
  }

  void ReadEvaluation(Mapping& global) {
    std::chrono::milliseconds interval{0};  // which stands for the default
    global.Duration("evaluation_interval", interval);
    if (interval.count() > 0) config_.evaluation_interval = interval;
    global.Note("evaluation_interval", NormalForm::Plain(base::FormatDuration(config_.evaluation_interval)));
    global.Duration("rule_query_offset", config_.rule_query_offset);
  }

  // Settings of Go's garbage collector: checked, and without an effect.
  static void ReadRuntime(Mapping& top) {
    const auto read = [](Mapping& runtime) {
      std::int64_t percent = 75;
      runtime.Integer("gogc", percent, INT64_MIN, INT64_MAX);
    };
    top.Child("runtime", read, WhenAbsent::kReadDefaults);
  }

  /// A list of patterns of files, joined to the file's folder. What is wrong with one is reported.
  static std::vector<std::string> ReadPatterns(Mapping& top, std::string_view field, const FileContext& context) {
    std::vector<std::string> patterns;
    top.TextList(field, patterns);
    for (std::string& pattern : patterns) {
      if (const auto checked = base::CheckPattern(pattern); !checked) {
        top.Fail(field, checked.error().message());
      }
      pattern = context.Resolve(pattern);
    }
    top.Note(field, NormalForm::TextList(patterns));
    return patterns;
  }

  void ReadRuleFiles(Mapping& top, const FileContext& context) {
    config_.rule_files = ReadPatterns(top, "rule_files", context);
    top.NotServed("rule_files");
  }

  void RefuseServerSections(Mapping& top) const {
    constexpr std::string_view kMessage = "is not allowed in agent mode";
    if (!config_.alerting.alertmanagers.empty() || !config_.alerting.alert_relabel.empty()) {
      top.Fail("alerting", std::string(kMessage));
    }
    if (!config_.rule_files.empty()) top.Fail("rule_files", std::string(kMessage));
    if (!config_.remote_read.empty()) top.Fail("remote_read", std::string(kMessage));
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
    NormalForm form = NormalForm::Map();
    for (const auto& [name, value] : config_.external_labels) form.Set(name, NormalForm::Text(value));
    global.Note("external_labels", std::move(form));
  }

  void ReadScrapeConfigFiles(Mapping& top, const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
      if (!base::CheckPattern(pattern)) continue;
      for (const std::string& file : base::ExpandPattern(files_, pattern)) {
        if (const auto read = ReadScrapeConfigFile(file); !read) {
          top.Fail("scrape_config_files", read.error().message());
        }
      }
    }
  }

  /// Errors   the file cannot be read; what is wrong inside is reported.
  base::Result<> ReadScrapeConfigFile(const std::string& path) {
    Diagnostics own(path);
    const std::string text = BARO_TRY(base::ReadFile(files_, path, kConfigBytesMax));
    config_.files.push_back(path);
    const YAML::Node document = ParseYaml(text, own);
    if (document.IsDefined()) {
      Mapping top(document, "", own);
      ReadScrapeJobs(top, "scrape_configs", {.folder = FolderOf(path)}, defaults_, config_.jobs);
      top.Finish();
    }
    own.Sort();
    diagnostics_.Append(own);
    return {};
  }

  static constexpr std::size_t kConfigBytesMax = 16 * 1024 * 1024;

  base::FileSystem& files_;
  const Environment& environment_;
  const ReadOptions& options_;
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
                                 const Environment& environment, const ReadOptions& options) {
  Diagnostics diagnostics(path);
  Config config;
  config.files.push_back(path);
  FileReader(files, environment, options, diagnostics, config).Read(text, path);
  if (!diagnostics.empty()) return Fail(Code::kInvalidArgument, diagnostics.ToString());
  config.not_served = diagnostics.not_served();
  return config;
}

base::Result<Config> LoadConfig(const std::string& path, base::FileSystem& files, const Environment& environment,
                                const ReadOptions& options) {
  constexpr std::size_t kConfigBytesMax = 16 * 1024 * 1024;
  const auto text = base::ReadFile(files, path, kConfigBytesMax);
  if (!text) return std::unexpected(text.error().WithContext("configuration file"));
  return ParseConfig(*text, path, files, environment, options);
}

base::Result<> CheckServed(const Config& config) {
  std::string text;
  for (const Diagnostic& item : config.not_served) text += (text.empty() ? "" : "\n") + item.ToString();
  if (!text.empty()) return Fail(Code::kUnsupported, std::move(text));
  return {};
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

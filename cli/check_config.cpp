// `check config`: a configuration and all the files that it names.
//
// Source   promtool check config: what it looks at, what it prints, and its exit status.
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/file_system.h"
#include "base/path_pattern.h"
#include "cli/check_rules.h"
#include "cli/commands.h"
#include "cli/job_file.h"
#include "config/config.h"
#include "scraper/target.h"
#include "scraper/target_file.h"

namespace baro::cli {
namespace {

/// Looks at the files that one configuration names.
///
/// Threads  Confined. Borrows all.
class ReferenceCheck {
 public:
  ReferenceCheck(const config::Config& config, base::FileSystem& files, Terminal terminal)
      : config_(config), files_(files), terminal_(terminal) {}

  /// What is wrong, a line each.
  std::vector<std::string> Run() {
    for (const std::string& pattern : config_.rule_files) CheckRulePattern(pattern);
    for (const scraper::ScrapeJobOptions& job : config_.jobs) CheckJob(job);
    for (const config::AlertmanagerOptions& manager : config_.alerting.alertmanagers) {
      for (const auto& discovery : manager.discoveries.file_discoveries) {
        ReadGroups(discovery, "alertmanager config", [](const auto&) {});
      }
    }
    return std::move(problems_);
  }

  const std::vector<std::string>& rule_files() const { return rule_files_; }

 private:
  bool Exists(const std::string& path) const { return files_.Exists(path).value_or(false); }

  void CheckExists(const std::string& path, std::string_view what) {
    if (!path.empty() && !Exists(path)) problems_.push_back(fmt::format("{} \"{}\" does not exist", what, path));
  }

  void CheckRulePattern(const std::string& pattern) {
    const std::vector<std::string> found = base::ExpandPattern(files_, pattern);
    for (const std::string& file : found) {
      if (Exists(file)) {
        rule_files_.push_back(file);
      } else {
        problems_.push_back(fmt::format("rule_files: \"{}\" does not point to an existing file", file));
      }
    }
  }

  void CheckTls(const net::TlsClientOptions& tls) {
    CheckExists(tls.cert_file, "client cert file");
    CheckExists(tls.key.file, "client key file");
  }

  base::Result<std::vector<scraper::TargetGroup>> LoadGroups(const std::string& file) const {
    const std::string text = BARO_TRY(base::ReadFile(files_, file, scraper::kTargetFileBytesMax));
    return scraper::ParseTargetFile(text, file);
  }

  template <typename Use>
  void ReadGroups(const scraper::FileDiscoveryOptions& discovery, const std::string& where, const Use& use) {
    for (const std::string& pattern : discovery.files) {
      bool has_any = false;
      for (const std::string& file : base::ExpandPattern(files_, pattern)) {
        if (!Exists(file)) continue;
        has_any = true;
        const auto groups = LoadGroups(file);
        if (groups) {
          use(*groups);
        } else {
          problems_.push_back(fmt::format("checking SD file \"{}\": {}", file, groups.error().message()));
        }
      }
      if (!has_any) {
        terminal_.out << fmt::format("  WARNING: file \"{}\" for file_sd in {} does not exist\n", pattern, where);
      }
    }
  }

  void CheckJob(const scraper::ScrapeJobOptions& job) {
    if (job.http.authorization) {
      CheckExists(job.http.authorization->credentials.file, "authorization credentials or bearer token file");
    }
    CheckTls(job.http.tls);
    for (const scraper::DiscoveryOptions& discovery : job.other_discoveries) {
      if (discovery.kind == "kubernetes") CheckTls(discovery.http.tls);
    }
    const auto relabeler = model::Relabeler::Compile(job.relabel);
    if (!relabeler) return;  // told when the configuration was read
    const auto check = [&](const std::vector<scraper::TargetGroup>& groups) {
      for (const std::string& error : scraper::MakeTargets(job, *relabeler, groups).errors) {
        problems_.push_back(error);
      }
    };
    check(job.static_groups);
    for (const auto& discovery : job.file_discoveries) {
      ReadGroups(discovery, fmt::format("scrape job \"{}\"", job.job_name), check);
    }
  }

  const config::Config& config_;
  base::FileSystem& files_;
  Terminal terminal_;
  std::vector<std::string> rule_files_;
  std::vector<std::string> problems_;
};

/// Jobs whose samples are older than queries look back before the next ones come.
bool LintIntervals(const config::Config& config, std::chrono::milliseconds lookback, Terminal terminal) {
  bool has_any = false;
  for (const scraper::ScrapeJobOptions& job : config.jobs) {
    if (lookback <= std::chrono::milliseconds(0) || job.interval < lookback) continue;
    has_any = true;
    terminal.err << fmt::format(
        "  FAILED: too long scrape interval found, data point will be marked as stale - job: {}, interval: {}\n",
        job.job_name, base::FormatDuration(job.interval));
  }
  return has_any;
}

/// One file after the other.
///
/// Threads  Confined. Borrows all.
class ConfigJudge {
 public:
  ConfigJudge(const ConfigCheck& check, base::FileSystem& files, Terminal terminal)
      : check_(check), lint_(ParseConfigLint(check.lint, terminal.out)), files_(files), terminal_(terminal) {}

  CheckOutcome Judge(const std::string& file) {
    terminal_.out << "Checking " << file << "\n";
    const auto config =
        config::LoadConfig(file, files_, OwnEnvironment,
                           {.agent_mode = check_.agent_mode, .with_scrape_config_files = !check_.is_syntax_only});
    if (!config) {
      terminal_.err << "  FAILED: " << config.error().message() << "\n\n";
      return {.has_errors = true};
    }
    for (const std::string& warning : config->warnings) terminal_.out << "  WARNING: " << warning << "\n";
    for (const config::Diagnostic& item : config->not_served) {
      terminal_.out << "  WARNING: " << item.ToString() << "\n";
    }
    return check_.is_syntax_only ? TellGood(file) : JudgeReferences(file, *config);
  }

 private:
  CheckOutcome TellGood(const std::string& file) {
    terminal_.out << fmt::format(" SUCCESS: {} is valid prometheus config file syntax\n\n", file);
    return {};
  }

  CheckOutcome JudgeReferences(const std::string& file, const config::Config& config) {
    CheckOutcome outcome;
    ReferenceCheck references(config, files_, terminal_);
    for (const std::string& problem : references.Run()) {
      terminal_.err << "  FAILED: " << problem << "\n";
      outcome.has_errors = true;
    }
    if (outcome.has_errors) {
      terminal_.out << "\n";
    } else {
      const std::size_t rule_files = references.rule_files().size();
      if (rule_files != 0) terminal_.out << fmt::format("  SUCCESS: {} rule files found\n", rule_files);
      TellGood(file);
    }
    if (lint_.scrape_intervals) outcome.has_remarks = LintIntervals(config, check_.lookback, terminal_);
    const auto unknown =
        check_.ignores_unknown_fields ? config::UnknownFields::kIgnored : config::UnknownFields::kProblem;
    outcome.Add(CheckRuleFiles(files_, references.rule_files(), {.lint = lint_, .unknown_fields = unknown}, terminal_));
    return outcome;
  }

  const ConfigCheck& check_;
  const LintChoice lint_;
  base::FileSystem& files_;
  Terminal terminal_;
};

}  // namespace

int CheckConfig(const ConfigCheck& check, base::FileSystem& files, Terminal terminal) {
  ConfigJudge judge(check, files, terminal);
  CheckOutcome outcome;
  for (const std::string& file : check.files) outcome.Add(judge.Judge(file));
  return outcome.ExitStatus(check.is_lint_fatal);
}

}  // namespace baro::cli

// `check config`: a configuration and all the files that it names.
//
// Source   promtool check config: what it looks at, what it prints, and its exit status.
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "base/file_system.h"
#include "base/path_pattern.h"
#include "cli/commands.h"
#include "cli/job_file.h"
#include "config/config.h"
#include "config/recording_rules.h"
#include "scraper/target.h"
#include "scraper/target_file.h"

namespace baro::cli {
namespace {

/// Looks at the files that one configuration names.
///
/// Threads  Confined.
class ReferenceCheck {
 public:
  ReferenceCheck(const config::Config& config, Terminal terminal) : config_(config), terminal_(terminal) {}

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
  Terminal terminal_;
  base::FileSystem& files_ = base::RealFileSystem();
  std::vector<std::string> rule_files_;
  std::vector<std::string> problems_;
};

/// Whether all of them are good.
bool CheckRuleFiles(const std::vector<std::string>& paths, Terminal terminal) {
  bool is_good = true;
  for (const std::string& path : paths) {
    terminal.out << "Checking " << path << "\n";
    const auto groups = config::LoadRecordingRules(base::RealFileSystem(), path);
    if (!groups) {
      terminal.err << "  FAILED:\n" << groups.error().message() << "\n";
      is_good = false;
      continue;
    }
    std::size_t rules = 0;
    for (const config::RecordingRuleGroup& group : *groups) rules += group.rule_count;
    terminal.out << fmt::format("  SUCCESS: {} rules found\n\n", rules);
  }
  return is_good;
}

bool CheckOne(const std::string& file, const ConfigCheck& check, Terminal terminal) {
  terminal.out << "Checking " << file << "\n";
  const auto config =
      config::LoadConfig(file, base::RealFileSystem(), OwnEnvironment,
                         {.agent_mode = check.agent_mode, .with_scrape_config_files = !check.is_syntax_only});
  if (!config) {
    terminal.err << "  FAILED: " << config.error().message() << "\n\n";
    return false;
  }
  for (const std::string& warning : config->warnings) terminal.out << "  WARNING: " << warning << "\n";
  for (const config::Diagnostic& item : config->not_served) {
    terminal.out << "  WARNING: " << item.ToString() << "\n";
  }
  ReferenceCheck references(*config, terminal);
  const auto problems = check.is_syntax_only ? std::vector<std::string>() : references.Run();
  for (const std::string& problem : problems) terminal.err << "  FAILED: " << problem << "\n";
  if (problems.empty()) {
    if (!references.rule_files().empty()) {
      terminal.out << fmt::format("  SUCCESS: {} rule files found\n", references.rule_files().size());
    }
    terminal.out << fmt::format(" SUCCESS: {} is valid prometheus config file syntax\n", file);
  }
  terminal.out << "\n";
  return CheckRuleFiles(references.rule_files(), terminal) && problems.empty();
}

}  // namespace

int CheckConfig(const ConfigCheck& check, Terminal terminal) {
  int status = kExitGood;
  for (const std::string& file : check.files) {
    if (!CheckOne(file, check, terminal)) status = kExitFailed;
  }
  return status;
}

}  // namespace baro::cli

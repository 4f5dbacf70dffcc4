#include "cli/check_rules.h"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>

#include "cli/input.h"
#include "config/recording_rules.h"

namespace baro::cli {
namespace {

using Groups = std::vector<config::RecordingRuleGroup>;

/// Each name and labels that more than one rule of the file has, once.
std::vector<config::RuleIdentity> FindDuplicates(const Groups& groups) {
  std::vector<config::RuleIdentity> all;
  for (const config::RecordingRuleGroup& group : groups) {
    all.insert(all.end(), group.identities.begin(), group.identities.end());
  }
  std::ranges::sort(all);
  std::vector<config::RuleIdentity> duplicates;
  for (auto at = all.begin(); at != all.end();) {
    const auto end = std::find_if(at, all.end(), [&](const auto& other) { return other != *at; });
    if (end - at > 1) duplicates.push_back(*at);
    at = end;
  }
  return duplicates;
}

std::string DuplicatesText(const std::vector<config::RuleIdentity>& duplicates) {
  std::string text = fmt::format("{} duplicate rule(s) found.\n", duplicates.size());
  for (const config::RuleIdentity& rule : duplicates) {
    text += fmt::format("Metric: {}\nLabel(s):\n", rule.name);
    for (const auto& [name, value] : rule.labels) text += fmt::format("\t{}: {}\n", name, value);
  }
  return text + "Might cause inconsistency while recording expressions";
}

CheckOutcome Judge(const base::Result<Groups>& groups, const LintChoice& lint, Terminal terminal) {
  if (!groups) {
    terminal.err << "  FAILED:\n" << groups.error().message() << "\n\n";
    return {.has_errors = true};
  }
  if (lint.duplicate_rules) {
    if (const auto duplicates = FindDuplicates(*groups); !duplicates.empty()) {
      terminal.err << "  FAILED:\nlint error " << DuplicatesText(duplicates) << "\n\n";
      return {.has_remarks = true};
    }
  }
  std::size_t rules = 0;
  for (const config::RecordingRuleGroup& group : *groups) rules += group.identities.size();
  terminal.out << fmt::format("  SUCCESS: {} rules found\n\n", rules);
  return {};
}

}  // namespace

CheckOutcome CheckRuleFiles(base::FileSystem& files, const std::vector<std::string>& paths, const RuleJudging& judging,
                            Terminal terminal) {
  CheckOutcome outcome;
  for (const std::string& path : paths) {
    terminal.out << "Checking " << path << "\n";
    outcome.Add(Judge(config::LoadRecordingRules(files, path, judging.unknown_fields), judging.lint, terminal));
  }
  return outcome;
}

CheckOutcome CheckRuleInput(const RuleJudging& judging, Terminal terminal) {
  terminal.out << "Checking standard input\n";
  const auto text = ReadInput(terminal.in);
  if (!text) return Judge(std::unexpected(text.error()), judging.lint, terminal);
  return Judge(config::ParseRecordingRules(*text, "standard input", judging.unknown_fields), judging.lint, terminal);
}

int CheckRules(const RuleCheck& check, base::FileSystem& files, Terminal terminal) {
  const RuleJudging judging = {.lint = ParseRuleLint(check.lint, terminal.out),
                               .unknown_fields = check.ignores_unknown_fields ? config::UnknownFields::kIgnored
                                                                              : config::UnknownFields::kProblem};
  const CheckOutcome outcome =
      check.files.empty() ? CheckRuleInput(judging, terminal) : CheckRuleFiles(files, check.files, judging, terminal);
  return outcome.ExitStatus(check.is_lint_fatal);
}

}  // namespace baro::cli

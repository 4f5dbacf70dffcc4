// Recording rules as rule files have them, for tools that check them or work them out for the past.
//
// Format   docs/storage.md, "Rules for the past": `groups` with `name`, `interval`, `rules`; of a rule `record`,
// `expr`,
//          `labels`.
// Source   Prometheus' documentation, "Recording rules".
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "config/diagnostics.h"

namespace baro::config {

struct RecordingRule {
  std::string record;                         ///< the metric name of the result
  std::string expr;                           ///< PromQL, valid
  std::map<std::string, std::string> labels;  ///< of the group, then of the rule; an empty value removes the label
};

/// What tells a rule's results from those of another.
struct RuleIdentity {
  std::string name;                           ///< of the metric, or of the alert
  std::map<std::string, std::string> labels;  ///< of the group, then of the rule

  friend auto operator<=>(const RuleIdentity&, const RuleIdentity&) = default;
};

struct RecordingRuleGroup {
  std::string name;
  std::chrono::milliseconds interval{0};  ///< 0: the file says none
  std::vector<RecordingRule> rules;       ///< without alerting rules
  std::vector<RuleIdentity> identities;   ///< of each rule, with alerting rules
};

/// Reads a rule file. Alerting rules are checked for their fields, not for their templates, and left out.
/// Errors   kInvalidArgument: all that is wrong, with places; file errors.
base::Result<std::vector<RecordingRuleGroup>> LoadRecordingRules(
    base::FileSystem& files, const std::string& path, UnknownFields unknown_fields = UnknownFields::kProblem);

/// As above, from the file's text; `path` names it in messages.
base::Result<std::vector<RecordingRuleGroup>> ParseRecordingRules(
    const std::string& text, const std::string& path, UnknownFields unknown_fields = UnknownFields::kProblem);

}  // namespace baro::config

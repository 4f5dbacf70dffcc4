// Recording rules as rule files have them, for tools that work them out for the past.
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

namespace baro::config {

struct RecordingRule {
  std::string record;                         ///< the metric name of the result
  std::string expr;                           ///< PromQL, valid
  std::map<std::string, std::string> labels;  ///< of the group, then of the rule; an empty value removes the label
};

struct RecordingRuleGroup {
  std::string name;
  std::chrono::milliseconds interval{0};  ///< 0: the file says none
  std::vector<RecordingRule> rules;       ///< without alerting rules
  std::size_t rule_count = 0;             ///< with alerting rules
};

/// Reads a rule file. Alerting rules are checked for their fields and left out.
/// Errors   kInvalidArgument: all that is wrong, with places; file errors.
base::Result<std::vector<RecordingRuleGroup>> LoadRecordingRules(base::FileSystem& files, const std::string& path);

}  // namespace baro::config

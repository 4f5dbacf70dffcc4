#include "config/recording_rules.h"

#include <set>

#include <fmt/format.h>

#include "config/yaml/mapping.h"
#include "model/names.h"
#include "query/parser.h"

namespace baro::config {
namespace {

constexpr std::size_t kRuleFileBytesMax = 16 * 1024 * 1024;

void ReadLabels(Mapping& fields, std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> own;
  fields.TextMap("labels", own);
  for (auto& [name, value] : own) {
    if (name == model::kMetricName || name.empty()) {
      fields.Fail("labels", fmt::format("invalid label name \"{}\"", name));
    }
    labels[name] = std::move(value);
  }
}

void ReadRule(Mapping& fields, const RecordingRuleGroup& group, const std::map<std::string, std::string>& of_group,
              std::vector<RecordingRule>& rules) {
  RecordingRule rule{.labels = of_group};
  std::string alert;
  std::chrono::milliseconds duration{};
  std::map<std::string, std::string> annotations;
  const bool is_recording = fields.Text("record", rule.record);
  const bool is_alerting = fields.Text("alert", alert);
  if (!fields.Text("expr", rule.expr)) fields.Fail("", "a rule needs expr");
  ReadLabels(fields, rule.labels);
  fields.Duration("for", duration);
  fields.Duration("keep_firing_for", duration);
  fields.TextMap("annotations", annotations);
  if (is_recording == is_alerting) {
    fields.Fail("", fmt::format("a rule of group \"{}\" needs record or alert, and not both", group.name));
  }
  if (const auto parsed = query::ParseQuery(rule.expr); !parsed) fields.Fail("expr", parsed.error().message());
  if (is_recording) rules.push_back(std::move(rule));
}

RecordingRuleGroup ReadGroup(Mapping& fields) {
  RecordingRuleGroup group;
  if (!fields.Text("name", group.name) || group.name.empty()) fields.Fail("name", "a group needs a name");
  fields.Duration("interval", group.interval);
  std::int64_t limit = 0;
  std::chrono::milliseconds offset{};
  fields.Integer("limit", limit, 0, INT64_MAX);
  fields.Duration("query_offset", offset);
  std::map<std::string, std::string> of_group;
  ReadLabels(fields, of_group);
  fields.Children("rules", [&](Mapping& rule) {
    ++group.rule_count;
    ReadRule(rule, group, of_group, group.rules);
  });
  return group;
}

}  // namespace

base::Result<std::vector<RecordingRuleGroup>> LoadRecordingRules(base::FileSystem& files, const std::string& path) {
  const auto text = base::ReadFile(files, path, kRuleFileBytesMax);
  if (!text) return std::unexpected(text.error().WithContext("rule file"));
  Diagnostics diagnostics(path);
  std::vector<RecordingRuleGroup> groups;
  const YAML::Node root = ParseYaml(*text, diagnostics);
  if (diagnostics.empty()) {
    Mapping document(root, "", diagnostics);
    std::set<std::string> names;
    document.Children("groups", [&](Mapping& fields) {
      groups.push_back(ReadGroup(fields));
      if (!names.insert(groups.back().name).second) {
        fields.Fail("name", fmt::format("the group \"{}\" is there twice", groups.back().name));
      }
    });
    document.Finish();
  }
  if (!diagnostics.empty()) return base::Fail(base::Code::kInvalidArgument, diagnostics.ToString());
  return groups;
}

}  // namespace baro::config

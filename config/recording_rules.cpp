#include "config/recording_rules.h"

#include <set>

#include <fmt/format.h>

#include "config/yaml/mapping.h"
#include "model/names.h"
#include "model/quote.h"
#include "query/parser.h"

namespace baro::config {
namespace {

constexpr std::size_t kRuleFileBytesMax = 16 * 1024 * 1024;

void ReadLabels(Mapping& fields, std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> own;
  fields.TextMap("labels", own);
  for (auto& [name, value] : own) {
    if (name == model::kMetricName || !model::IsValidLabelName(name)) {
      fields.Fail("labels", fmt::format("invalid label name {}", model::Quoted(name)));
    }
    if (!model::IsValidUtf8(value)) {
      fields.Fail("labels", fmt::format("the value of label {} is not valid UTF-8", model::Quoted(name)));
    }
    labels[name] = std::move(value);
  }
}

/// What only alerts have.
void ReadAlertFields(Mapping& fields, bool is_recording) {
  std::chrono::milliseconds duration{};
  for (const char* const field : {"for", "keep_firing_for"}) {
    if (fields.Duration(field, duration) && is_recording && duration.count() != 0) {
      fields.Fail(field, fmt::format("invalid field {} in a recording rule", field));
    }
  }
  std::map<std::string, std::string> annotations;
  fields.TextMap("annotations", annotations);
  if (is_recording && !annotations.empty()) fields.Fail("annotations", "invalid field annotations in a recording rule");
  for (const auto& [name, text] : annotations) {
    if (!model::IsValidLabelName(name)) {
      fields.Fail("annotations", fmt::format("invalid annotation name {}", model::Quoted(name)));
    }
  }
}

void CheckRecord(Mapping& fields, const std::string& record) {
  if (!model::IsValidMetricName(record)) {
    fields.Fail("record", fmt::format("invalid name of a recording rule: {}", model::Quoted(record)));
  } else if (record.find_first_of("{}") != std::string::npos) {
    // Legal UTF-8, and nearly always an expression in the wrong field.
    fields.Fail("record", fmt::format("braces in the name of a recording rule; should it be in expr?: {}", record));
  }
}

void ReadRule(Mapping& fields, RecordingRuleGroup& group, const std::map<std::string, std::string>& of_group) {
  RecordingRule rule{.labels = of_group};
  std::string alert;
  fields.Text("record", rule.record);
  fields.Text("alert", alert);
  const bool is_recording = !rule.record.empty();
  if (is_recording == !alert.empty()) {
    fields.Fail("", fmt::format("a rule of group \"{}\" needs record or alert, and not both", group.name));
  }
  fields.Text("expr", rule.expr);
  if (rule.expr.empty()) {
    fields.Fail("", "a rule needs expr");
  } else if (const auto parsed = query::ParseQuery(rule.expr); !parsed) {
    fields.Fail("expr", parsed.error().message());
  }
  ReadLabels(fields, rule.labels);
  ReadAlertFields(fields, is_recording);
  if (is_recording) CheckRecord(fields, rule.record);
  group.identities.push_back({.name = alert.empty() ? rule.record : alert, .labels = rule.labels});
  if (is_recording) group.rules.push_back(std::move(rule));
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
  fields.Children("rules", [&](Mapping& rule) { ReadRule(rule, group, of_group); });
  return group;
}

}  // namespace

base::Result<std::vector<RecordingRuleGroup>> LoadRecordingRules(base::FileSystem& files, const std::string& path,
                                                                 UnknownFields unknown_fields) {
  const auto text = base::ReadFile(files, path, kRuleFileBytesMax);
  if (!text) return std::unexpected(text.error().WithContext("rule file"));
  return ParseRecordingRules(*text, path, unknown_fields);
}

base::Result<std::vector<RecordingRuleGroup>> ParseRecordingRules(const std::string& text, const std::string& path,
                                                                  UnknownFields unknown_fields) {
  Diagnostics diagnostics(path, unknown_fields);
  std::vector<RecordingRuleGroup> groups;
  const YAML::Node root = ParseYaml(text, diagnostics);
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

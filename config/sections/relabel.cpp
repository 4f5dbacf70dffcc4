#include "config/sections/sections.h"

namespace baro::config {
namespace {

/// Reports what the model says of a rule, at the field that it names, if that is there.
void ReportRule(Mapping& fields, std::string_view message) {
  constexpr std::string_view kPrefix = "relabel rule 1: ";  // the list's index stands in front already
  if (message.starts_with(kPrefix)) message.remove_prefix(kPrefix.size());
  const std::size_t open = message.find('\'');
  const std::size_t close = open == std::string_view::npos ? open : message.find('\'', open + 1);
  const std::string_view field =
      close == std::string_view::npos ? std::string_view() : message.substr(open + 1, close - open - 1);
  fields.Fail(fields.Has(field) ? field : std::string_view(), std::string(message));
}

/// Whether the expression is one; the model would tell other mistakes first.
bool CheckRegex(Mapping& fields, const std::string& regex) {
  const model::RelabelConfig keep = {.source_labels = {"a"}, .regex = regex, .action = model::RelabelAction::kKeep};
  const auto compiled = model::Relabeler::Compile({&keep, 1});
  if (!compiled) fields.Fail("regex", compiled.error().message());
  return compiled.has_value();
}

/// The fields of one rule. Which ones its action needs and forbids is the model's to say.
model::RelabelConfig ReadRule(Mapping& fields, model::NameScheme scheme) {
  model::RelabelConfig rule;
  rule.name_scheme = scheme;
  fields.TextList("source_labels", rule.source_labels);
  fields.Note("source_labels", NormalForm::TextList(rule.source_labels, /*is_flow=*/true));
  fields.Text("separator", rule.separator);
  fields.Text("regex", rule.regex);
  std::int64_t modulus = 0;
  if (fields.Integer("modulus", modulus, 0, INT64_MAX)) rule.modulus = static_cast<std::uint64_t>(modulus);
  fields.Text("target_label", rule.target_label);
  fields.Text("replacement", rule.replacement);
  std::string action(model::RelabelActionName(rule.action));
  if (fields.Choice("action", action,
                    {"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop",
                     "labelkeep", "lowercase", "uppercase"},
                    /*ignore_case=*/true)) {
    rule.action = model::ParseRelabelAction(action).value_or(model::RelabelAction::kReplace);
  }
  if (!CheckRegex(fields, rule.regex)) return rule;
  if (const auto compiled = model::Relabeler::Compile({&rule, 1}); !compiled) {
    ReportRule(fields, compiled.error().message());
  }
  return rule;
}

}  // namespace

void ReadRelabeling(Mapping& mapping, std::string_view field, model::NameScheme scheme,
                    std::vector<model::RelabelConfig>& rules) {
  mapping.Children(field, [&](Mapping& fields) { rules.push_back(ReadRule(fields, scheme)); });
}

}  // namespace baro::config

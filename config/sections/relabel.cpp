#include "config/sections/sections.h"

namespace baro::config {
namespace {

/// The fields of one rule. Which ones its action needs and forbids is the model's to say.
model::RelabelConfig ReadRule(Mapping& fields, model::NameScheme scheme) {
  model::RelabelConfig rule;
  rule.name_scheme = scheme;
  fields.TextList("source_labels", rule.source_labels);
  fields.Text("separator", rule.separator);
  fields.Text("regex", rule.regex);
  fields.Text("target_label", rule.target_label);
  fields.Text("replacement", rule.replacement);
  std::int64_t modulus = 0;
  if (fields.Integer("modulus", modulus, 0, INT64_MAX)) rule.modulus = static_cast<std::uint64_t>(modulus);
  std::string action;
  if (fields.Choice("action", action,
                    {"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop",
                     "labelkeep", "lowercase", "uppercase"},
                    /*ignore_case=*/true)) {
    rule.action = model::ParseRelabelAction(action).value_or(model::RelabelAction::kReplace);
  }
  if (const auto compiled = model::Relabeler::Compile({&rule, 1}); !compiled) {
    fields.Fail("", compiled.error().message());
  }
  return rule;
}

}  // namespace

void ReadRelabeling(Mapping& mapping, std::string_view field, model::NameScheme scheme,
                    std::vector<model::RelabelConfig>& rules) {
  mapping.Children(field, [&](Mapping& fields) { rules.push_back(ReadRule(fields, scheme)); });
}

}  // namespace baro::config

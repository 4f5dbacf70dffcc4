#include "model/relabel/relabel_check.h"

#include <fmt/format.h>

#include "model/quote.h"
#include "model/regex.h"

namespace baro::model::internal {
namespace {

using base::Code;
using base::Fail;
using base::Result;

bool NeedsTarget(RelabelAction action) {
  switch (action) {
    case RelabelAction::kReplace:
    case RelabelAction::kHashMod:
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
    case RelabelAction::kKeepEqual:
    case RelabelAction::kDropEqual:
      return true;
    default:
      return false;
  }
}

// A name that may have references to groups. What they will give is not known here, so only the rest is checked: it
// must be legal with a letter in their place.
bool IsNameTemplate(std::string_view text, NameScheme scheme) {
  const ReplacementTemplate parsed(text);
  std::string sample;
  for (const auto& piece : parsed.pieces()) {
    if (const auto* literal = std::get_if<std::string>(&piece)) {
      sample += *literal;
    } else {
      sample += 'a';
    }
  }
  return IsValidLabelName(sample, scheme);
}

Result<> Forbid(bool is_set, std::string_view field, const RelabelConfig& config, std::string_view allowed) {
  if (!is_set) return {};
  return Fail(Code::kInvalidArgument, fmt::format("relabel action {} does not take '{}': only {}",
                                                  RelabelActionName(config.action), field, allowed));
}

Result<> CheckTarget(const RelabelConfig& config) {
  if (!NeedsTarget(config.action)) return {};
  const std::string_view action = RelabelActionName(config.action);
  if (config.target_label.empty()) {
    return Fail(Code::kInvalidArgument, fmt::format("relabel action {} requires 'target_label'", action));
  }
  const bool is_valid = config.action == RelabelAction::kReplace
                            ? IsNameTemplate(config.target_label, config.name_scheme)
                            : IsValidLabelName(config.target_label, config.name_scheme);
  if (is_valid) return {};
  return Fail(Code::kInvalidArgument, fmt::format("relabel action {}: 'target_label' {} is no valid label name", action,
                                                  Quoted(config.target_label)));
}

// Whether each field differs from its default.
struct SetFields {
  explicit SetFields(const RelabelConfig& config)
      : source_labels(!config.source_labels.empty()),
        separator(config.separator != RelabelConfig().separator),
        regex(config.regex != RelabelConfig().regex),
        modulus(config.modulus != 0),
        target_label(!config.target_label.empty()),
        replacement(config.replacement != RelabelConfig().replacement) {}

  bool source_labels, separator, regex, modulus, target_label, replacement;
};

Result<> CheckForbidden(const RelabelConfig& config) {
  const SetFields set(config);
  switch (config.action) {
    case RelabelAction::kKeepEqual:
    case RelabelAction::kDropEqual: {
      constexpr std::string_view kAllowed = "'source_labels' and 'target_label'";
      BARO_TRY(Forbid(set.regex, "regex", config, kAllowed));
      BARO_TRY(Forbid(set.modulus, "modulus", config, kAllowed));
      BARO_TRY(Forbid(set.separator, "separator", config, kAllowed));
      return Forbid(set.replacement, "replacement", config, kAllowed);
    }
    case RelabelAction::kLabelDrop:
    case RelabelAction::kLabelKeep: {
      constexpr std::string_view kAllowed = "'regex'";
      BARO_TRY(Forbid(set.source_labels, "source_labels", config, kAllowed));
      BARO_TRY(Forbid(set.target_label, "target_label", config, kAllowed));
      BARO_TRY(Forbid(set.modulus, "modulus", config, kAllowed));
      BARO_TRY(Forbid(set.separator, "separator", config, kAllowed));
      return Forbid(set.replacement, "replacement", config, kAllowed);
    }
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
      return Forbid(set.replacement, "replacement", config, "'source_labels', 'separator' and 'target_label'");
    default:
      return {};
  }
}

}  // namespace

Result<> CheckRelabelConfig(const RelabelConfig& config) {
  const std::string_view action = RelabelActionName(config.action);
  for (const std::string& name : config.source_labels) {
    if (IsValidLabelName(name, config.name_scheme)) continue;
    return Fail(
        Code::kInvalidArgument,
        fmt::format("relabel action {}: 'source_labels' has {}, which is no valid label name", action, Quoted(name)));
  }
  if (config.action == RelabelAction::kHashMod && config.modulus == 0) {
    return Fail(Code::kInvalidArgument, "relabel action hashmod requires a 'modulus' above 0");
  }
  BARO_TRY(CheckTarget(config));
  BARO_TRY(CheckForbidden(config));
  if (config.action == RelabelAction::kLabelMap && !IsNameTemplate(config.replacement, config.name_scheme)) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("relabel action labelmap: 'replacement' {} makes no valid label name", Quoted(config.replacement)));
  }
  return {};
}

}  // namespace baro::model::internal

// Relabelling: rules that rewrite, keep or drop label sets (`relabel_configs`, `metric_relabel_configs` and others).
//
// Source   Prometheus' documentation, "relabel_config".
// Threads  A Relabeler is immutable; Apply() from any thread, each with its own builder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/names.h"

namespace baro::model {

enum class RelabelAction : std::uint8_t {
  kReplace,    ///< set target_label to the expanded replacement if regex matches the joined source labels
  kKeep,       ///< drop if regex does not match
  kDrop,       ///< drop if regex matches
  kKeepEqual,  ///< drop if the joined source labels differ from target_label
  kDropEqual,  ///< drop if they are equal
  kHashMod,    ///< set target_label to the hash of the joined source labels modulo `modulus`
  kLabelMap,   ///< copy each label whose name matches to the expanded replacement
  kLabelDrop,  ///< delete labels whose name matches
  kLabelKeep,  ///< delete all other labels
  kLowercase,  ///< set target_label to the joined source labels in lower case
  kUppercase,  ///< the same in upper case
};

/// The action as the configuration spells it: "replace", "keep", "hashmod", ...
std::string_view RelabelActionName(RelabelAction action);

/// The action of that name, whatever its case, or nothing.
std::optional<RelabelAction> ParseRelabelAction(std::string_view name);

/// One rule as it is configured; the defaults are the configuration's.
struct RelabelConfig {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string regex = "(.*)";
  std::uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::kReplace;
  NameScheme name_scheme = NameScheme::kUtf8;  ///< which names the rule may make

  friend bool operator==(const RelabelConfig&, const RelabelConfig&) = default;
};

/// What one rule did, for people who ask why a target looks as it does.
struct RelabelStep {
  std::size_t rule_index = 0;
  bool is_kept = true;
  Labels labels;  ///< after the rule; if it dropped the set, as the set was

  friend bool operator==(const RelabelStep&, const RelabelStep&) = default;
};

/// A label that two sets have differently. Empty: the set does not have it.
struct LabelChange {
  std::string name;
  std::string before;
  std::string after;

  friend bool operator==(const LabelChange&, const LabelChange&) = default;
};

/// What makes `after` of `before`, by name.
std::vector<LabelChange> ChangesBetween(const Labels& before, const Labels& after);

/// A compiled list of rules. Copies share the compiled form.
class Relabeler {
 public:
  /// No rules: everything is kept as it is.
  Relabeler() = default;

  /// Errors   kInvalidArgument: a rule that lacks a field its action needs, sets one that its action does not take, has
  /// a
  ///          bad expression or name; kLimitExceeded: an expression too large. The message names rule and field.
  static base::Result<Relabeler> Compile(std::span<const RelabelConfig> configs);

  /// Applies the rules in order. False: the set is to be dropped; `labels` is then as the dropping rule found it.
  bool Apply(LabelsBuilder& labels) const;

  /// Apply() to a copy; what is dropped is nothing.
  std::optional<Labels> Apply(const Labels& labels) const;

  /// Applies the rules and tells what each did, up to and with one that drops the set.
  std::vector<RelabelStep> Explain(const Labels& labels) const;

  bool empty() const { return rules_ == nullptr; }
  std::size_t size() const;

 private:
  struct Rule;
  explicit Relabeler(std::shared_ptr<const std::vector<Rule>> rules) : rules_(std::move(rules)) {}

  std::shared_ptr<const std::vector<Rule>> rules_;
};

}  // namespace baro::model

#include "model/relabel.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "model/regex.h"
#include "model/relabel/relabel_check.h"
#include "model/text/unicode.h"

namespace baro::model {
namespace {

struct ActionName {
  RelabelAction action;
  std::string_view name;
};

constexpr ActionName kActionNames[] = {
    {RelabelAction::kReplace, "replace"},     {RelabelAction::kKeep, "keep"},
    {RelabelAction::kDrop, "drop"},           {RelabelAction::kKeepEqual, "keepequal"},
    {RelabelAction::kDropEqual, "dropequal"}, {RelabelAction::kHashMod, "hashmod"},
    {RelabelAction::kLabelMap, "labelmap"},   {RelabelAction::kLabelDrop, "labeldrop"},
    {RelabelAction::kLabelKeep, "labelkeep"}, {RelabelAction::kLowercase, "lowercase"},
    {RelabelAction::kUppercase, "uppercase"},
};

// The last eight bytes of the MD5 sum, big-endian. No security hangs on it: it spreads targets over servers, and has to
// spread them as Prometheus does.
std::uint64_t HashForModulus(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size_bytes = 0;
  const int is_done = EVP_Digest(text.data(), text.size(), digest.data(), &size_bytes, EVP_md5(), nullptr);
  BARO_ASSERT(is_done == 1 && size_bytes == 16);
  std::uint64_t hash = 0;
  for (std::size_t i = 8; i < 16; ++i) hash = hash << 8 | digest[i];
  return hash;
}

}  // namespace

std::string_view RelabelActionName(RelabelAction action) {
  for (const auto& [each, name] : kActionNames) {
    if (each == action) return name;
  }
  return "unknown";
}

std::optional<RelabelAction> ParseRelabelAction(std::string_view name) {
  const std::string lower = ToLower(name);
  for (const auto& [action, each] : kActionNames) {
    if (each == lower) return action;
  }
  return std::nullopt;
}

namespace {

// What the template always gives, if it has no references.
std::optional<std::string> Constant(const ReplacementTemplate& text) {
  if (!text.is_literal()) return std::nullopt;
  std::string constant;
  for (const auto& piece : text.pieces()) constant += std::get<std::string>(piece);
  return constant;
}

bool IsWholeMatch(std::string_view regex, std::string_view replacement) {
  return regex == "(.*)" && (replacement == "$1" || replacement == "${1}");
}

}  // namespace

struct Relabeler::Rule {
  Rule(const RelabelConfig& rule_config, AnchoredRegex compiled)
      : config(rule_config),
        regex(std::move(compiled)),
        target(config.target_label),
        replacement(config.replacement),
        target_name(Constant(target)),
        constant(config.regex == "(.*)" ? Constant(replacement) : std::nullopt),
        copies_source(IsWholeMatch(config.regex, config.replacement)) {}

  // False: drop.
  bool Apply(LabelsBuilder& labels, std::string& scratch) const;

  RelabelConfig config;
  AnchoredRegex regex;
  ReplacementTemplate target;
  ReplacementTemplate replacement;
  std::optional<std::string> target_name;  // the target, unless it has references
  std::optional<std::string> constant;     // what `replace` sets whatever the source is
  bool copies_source;                      // `replace` sets the source itself; no expression is run

 private:
  std::string_view Joined(const LabelsBuilder& labels, std::string& scratch) const;
  void Replace(LabelsBuilder& labels, std::string_view source) const;
  void MapNames(LabelsBuilder& labels) const;
  void DeleteNames(LabelsBuilder& labels, bool if_match) const;
};

// The values of the source labels with the separator between them; one label needs no copy.
std::string_view Relabeler::Rule::Joined(const LabelsBuilder& labels, std::string& scratch) const {
  if (config.source_labels.empty()) return {};
  if (config.source_labels.size() == 1) return labels.Get(config.source_labels.front());
  scratch.clear();
  for (std::size_t i = 0; i < config.source_labels.size(); ++i) {
    if (i > 0) scratch += config.separator;
    scratch += labels.Get(config.source_labels[i]);
  }
  return scratch;
}

void Relabeler::Rule::Replace(LabelsBuilder& labels, std::string_view source) const {
  if (target_name.has_value() && copies_source) return labels.Set(*target_name, source);
  if (target_name.has_value() && constant.has_value()) return labels.Set(*target_name, *constant);
  std::string value;
  if (!regex.MatchAndExpand(source, replacement, value)) return;
  std::string name;
  if (target_name.has_value()) {
    name = *target_name;
  } else if (!regex.MatchAndExpand(source, target, name)) {
    return;
  }
  if (IsValidLabelName(name, config.name_scheme)) labels.Set(name, value);
}

void Relabeler::Rule::MapNames(LabelsBuilder& labels) const {
  // As the labels were before the rule: what it sets is not mapped again. The views outlive the changes.
  const std::vector<LabelView> before(labels.labels().begin(), labels.labels().end());
  std::string name;
  for (const LabelView& label : before) {
    if (regex.MatchAndExpand(label.name, replacement, name)) labels.Set(name, label.value);
  }
}

void Relabeler::Rule::DeleteNames(LabelsBuilder& labels, bool if_match) const {
  const std::vector<LabelView> before(labels.labels().begin(), labels.labels().end());
  for (const LabelView& label : before) {
    if (regex.Matches(label.name) == if_match) labels.Delete(label.name);
  }
}

bool Relabeler::Rule::Apply(LabelsBuilder& labels, std::string& scratch) const {
  const std::string_view source = Joined(labels, scratch);
  switch (config.action) {
    case RelabelAction::kReplace:
      Replace(labels, source);
      return true;
    case RelabelAction::kKeep:
      return regex.Matches(source);
    case RelabelAction::kDrop:
      return !regex.Matches(source);
    case RelabelAction::kKeepEqual:
      return labels.Get(config.target_label) == source;
    case RelabelAction::kDropEqual:
      return labels.Get(config.target_label) != source;
    case RelabelAction::kHashMod:
      labels.Set(config.target_label, fmt::format("{}", HashForModulus(source) % config.modulus));
      return true;
    case RelabelAction::kLabelMap:
      MapNames(labels);
      return true;
    case RelabelAction::kLabelDrop:
      DeleteNames(labels, true);
      return true;
    case RelabelAction::kLabelKeep:
      DeleteNames(labels, false);
      return true;
    case RelabelAction::kLowercase:
      labels.Set(config.target_label, ToLower(source));
      return true;
    case RelabelAction::kUppercase:
      labels.Set(config.target_label, ToUpper(source));
      return true;
  }
  return true;
}

base::Result<Relabeler> Relabeler::Compile(std::span<const RelabelConfig> configs) {
  if (configs.empty()) return Relabeler();
  auto rules = std::make_shared<std::vector<Rule>>();
  rules->reserve(configs.size());
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const auto context = [i] { return fmt::format("relabel rule {}", i + 1); };
    if (auto checked = internal::CheckRelabelConfig(configs[i]); !checked) {
      return checked.error().WithContext(context());
    }
    auto regex = AnchoredRegex::Make(configs[i].regex);
    if (!regex) return regex.error().WithContext(context());
    rules->emplace_back(configs[i], *std::move(regex));
  }
  return Relabeler(std::move(rules));
}

std::size_t Relabeler::size() const { return rules_ == nullptr ? 0 : rules_->size(); }

bool Relabeler::Apply(LabelsBuilder& labels) const {
  if (rules_ == nullptr) return true;
  std::string scratch;
  return std::all_of(rules_->begin(), rules_->end(), [&](const Rule& rule) { return rule.Apply(labels, scratch); });
}

std::optional<Labels> Relabeler::Apply(const Labels& labels) const {
  if (rules_ == nullptr) return labels;
  LabelsBuilder builder(labels);
  if (!Apply(builder)) return std::nullopt;
  return builder.Build();
}

std::vector<RelabelStep> Relabeler::Explain(const Labels& labels) const {
  std::vector<RelabelStep> steps;
  LabelsBuilder builder(labels);
  std::string scratch;
  for (std::size_t i = 0; i < size(); ++i) {
    const bool is_kept = (*rules_)[i].Apply(builder, scratch);
    steps.push_back({.rule_index = i, .is_kept = is_kept, .labels = builder.Build()});
    if (!is_kept) break;
  }
  return steps;
}

std::vector<LabelChange> ChangesBetween(const Labels& before, const Labels& after) {
  std::vector<LabelChange> changes;
  for (const LabelView label : before) {
    if (const std::string_view now = after.Get(label.name); now != label.value) {
      changes.push_back({std::string(label.name), std::string(label.value), std::string(now)});
    }
  }
  for (const LabelView label : after) {
    if (!before.Has(label.name)) changes.push_back({std::string(label.name), "", std::string(label.value)});
  }
  std::ranges::sort(changes, {}, &LabelChange::name);
  return changes;
}

}  // namespace baro::model

#include "model/matcher.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/quote.h"

namespace baro::model {

std::string_view MatchTypeText(MatchType type) {
  switch (type) {
    case MatchType::kEqual:
      return "=";
    case MatchType::kNotEqual:
      return "!=";
    case MatchType::kRegex:
      return "=~";
    case MatchType::kNotRegex:
      return "!~";
  }
  return "=";
}

Matcher::Matcher(MatchType type, std::string_view name, std::string_view value, std::optional<AnchoredRegex> regex)
    : type_(type), name_(name), value_(value), regex_(std::move(regex)) {
  matches_empty_ = Matches("");
}

base::Result<Matcher> Matcher::Make(MatchType type, std::string_view name, std::string_view value) {
  if (type == MatchType::kEqual || type == MatchType::kNotEqual) return Matcher(type, name, value, std::nullopt);
  auto regex = AnchoredRegex::Make(value, RegexUse::kMatchOnly);
  if (!regex) return regex.error().WithContext(fmt::format("matcher of label {}", Quoted(name)));
  return Matcher(type, name, value, *std::move(regex));
}

Matcher Matcher::Equal(std::string_view name, std::string_view value) {
  return Matcher(MatchType::kEqual, name, value, std::nullopt);
}

bool Matcher::Matches(std::string_view value) const {
  switch (type_) {
    case MatchType::kEqual:
      return value == value_;
    case MatchType::kNotEqual:
      return value != value_;
    case MatchType::kRegex:
      return regex_->Matches(value);
    case MatchType::kNotRegex:
      return !regex_->Matches(value);
  }
  return false;
}

std::span<const std::string> Matcher::SetMatches() const {
  return regex_.has_value() ? regex_->SetMatches() : std::span(&value_, 1);
}

std::string_view Matcher::RequiredPrefix() const {
  return regex_.has_value() ? regex_->RequiredPrefix() : std::string_view(value_);
}

std::string Matcher::ToString() const {
  std::string out;
  AppendLabelName(out, name_);
  out += MatchTypeText(type_);
  AppendQuoted(out, value_);
  return out;
}

bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&labels](const Matcher& matcher) { return matcher.MatchesLabels(labels); });
}

}  // namespace baro::model

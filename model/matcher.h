// Label matchers: `job="node"`, `code!~"5.."`.
//
// Threads  Immutable; share between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/labels.h"
#include "model/regex.h"

namespace baro::model {

/// The numbers are those of Prometheus' remote read messages.
enum class MatchType : std::uint8_t { kEqual = 0, kNotEqual = 1, kRegex = 2, kNotRegex = 3 };

/// `=`, `!=`, `=~` or `!~`.
std::string_view MatchTypeText(MatchType type);

/// One condition on one label. A label that a series lacks has the value "". Copies share the compiled expression.
class Matcher {
 public:
  /// Errors   as AnchoredRegex::Make(), with the label's name in front. Never for kEqual and kNotEqual.
  static base::Result<Matcher> Make(MatchType type, std::string_view name, std::string_view value);

  /// `name="value"`, which cannot fail.
  static Matcher Equal(std::string_view name, std::string_view value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  bool is_negated() const { return type_ == MatchType::kNotEqual || type_ == MatchType::kNotRegex; }

  /// Whether a label of that value satisfies the condition; "" asks for absence.
  bool Matches(std::string_view value) const;

  /// Whether series without the label satisfy the condition.
  bool MatchesEmpty() const { return matches_empty_; }

  /// Whether the set satisfies the condition.
  bool MatchesLabels(const Labels& labels) const { return Matches(labels.Get(name_)); }

  /// The values that the condition without its negation accepts, sorted and unique, if they are known to be just these:
  /// the value itself for kEqual and kNotEqual, the alternatives for expressions like `a|b|c[12]`. Empty if not known.
  std::span<const std::string> SetMatches() const;

  /// Every value that the condition without its negation accepts begins with this. May be empty.
  std::string_view RequiredPrefix() const;

  /// `name=~"value"`, the value quoted as Go quotes, the name too if it is no legacy name.
  std::string ToString() const;

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.type_ == b.type_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  Matcher(MatchType type, std::string_view name, std::string_view value, std::optional<AnchoredRegex> regex);

  MatchType type_;
  bool matches_empty_ = false;
  std::string name_;
  std::string value_;
  std::optional<AnchoredRegex> regex_;  // present if and only if the type is kRegex or kNotRegex
};

/// Whether the set satisfies all of the conditions.
bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels);

}  // namespace baro::model

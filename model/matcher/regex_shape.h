// Finds regular expressions that need no automaton: lists of strings, and strings with `.*` or `.+` between them.
//
// Threads  Immutable after Analyze().
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace baro::model {

/// Literals with wildcards around and between them: `a.*b.+`. Matching is a search for one literal after another.
struct Glob {
  enum class Wild : unsigned char { kNone, kAny, kSome };  ///< nothing, `.*`, `.+`

  std::vector<std::string> literals;  ///< never empty; the first and last may be ""
  std::vector<Wild> wilds;            ///< wilds[i] stands behind literals[i]; one less than literals

  bool Matches(std::string_view text) const;
};

/// What an expression amounts to: a text matches if it is one of `literals` or fits one of `globs`.
class RegexShape {
 public:
  /// The shape of the anchored expression, or nothing if it is not as simple as that. An expression that has a shape is
  /// valid RE2 syntax, and matches exactly what RE2 matches under the conventions of model/regex.h.
  static std::optional<RegexShape> Analyze(std::string_view pattern);

  bool Matches(std::string_view text) const;

  /// Sorted and unique.
  std::span<const std::string> literals() const { return literals_; }
  std::span<const Glob> globs() const { return globs_; }

  /// Every match begins with this.
  std::string RequiredPrefix() const;

 private:
  RegexShape(std::vector<std::string> literals, std::vector<Glob> globs);

  std::vector<std::string> literals_;
  std::vector<Glob> globs_;
  std::size_t literal_bytes_min_ = 0;
  std::size_t literal_bytes_max_ = 0;
};

}  // namespace baro::model

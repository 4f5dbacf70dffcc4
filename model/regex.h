// Regular expressions as Prometheus uses them everywhere: RE2 syntax, anchored at both ends, `.` matches newlines.
//
// Most expressions in real queries are an alternation of literals, a prefix, a suffix or a substring. Those are found
// out when the expression is compiled and never reach RE2.
//
// Threads  AnchoredRegex and ReplacementTemplate are immutable; share them between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace baro::model {

/// Bounds on what one expression may cost. Memory is RE2's program and its lazily built automaton.
inline constexpr std::size_t kRegexBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kRegexMemoryBytesMax = std::size_t{8} << 20;

/// A replacement text with references to groups, as Go's Regexp.Expand reads it: `$1`, `${1}`, `$name`, `${name}`; `$$`
/// is a dollar; a reference to no such group is empty; a dollar that begins no reference stands for itself.
class ReplacementTemplate {
 public:
  struct Group {
    std::string name;  ///< digits without leading zeros mean the number
  };
  using Piece = std::variant<std::string, Group>;

  explicit ReplacementTemplate(std::string_view text);

  std::span<const Piece> pieces() const { return pieces_; }
  const std::string& text() const { return text_; }

  /// Whether the text has no reference, so that expanding it always gives the same.
  bool is_literal() const;

 private:
  std::string text_;
  std::vector<Piece> pieces_;
};

/// What a compiled expression will be asked. Matching alone often does without RE2 and its memory.
enum class RegexUse : std::uint8_t { kGroups, kMatchOnly };

/// A compiled, anchored expression. Copies share the compiled form.
class AnchoredRegex {
 public:
  /// Errors   kInvalidArgument: not RE2 syntax, the message names the place; kLimitExceeded: over kRegexBytesMax, or
  /// the
  ///          compiled form would pass kRegexMemoryBytesMax.
  static base::Result<AnchoredRegex> Make(std::string_view pattern, RegexUse use = RegexUse::kGroups);

  /// Whether the whole of `text` matches. Bytes that are not UTF-8 are read as U+FFFD, as in Go.
  bool Matches(std::string_view text) const;

  /// Whether the whole of `text` matches; if so `expanded` becomes the template filled with the groups.
  /// Shape    compiled for RegexUse::kGroups. `text` may not be `expanded`.
  bool MatchAndExpand(std::string_view text, const ReplacementTemplate& replacement, std::string& expanded) const;

  const std::string& pattern() const;

  /// The strings that match, sorted, if they are few and the expression is only a spelling of their list; else empty.
  std::span<const std::string> SetMatches() const;

  /// Every text that matches begins with this. Empty if nothing is known.
  std::string_view RequiredPrefix() const;

  /// Whether Matches() does without RE2.
  bool has_fast_path() const;

 private:
  struct State;
  explicit AnchoredRegex(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace baro::model

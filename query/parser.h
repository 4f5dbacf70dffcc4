// From PromQL text to a typed tree, or to one error with its place.
//
// Threads  Pure functions.
// Cost     Linear in the text. No recursion: nesting is kept on an explicit stack and limited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/ast.h"

namespace baro::query {

/// What is accepted. The defaults are those of a Prometheus server without feature flags.
struct ParseOptions {
  bool experimental_functions = false;    ///< flag promql-experimental-functions; limitk and limit_ratio too
  bool extended_range_selectors = false;  ///< flag promql-extended-range-selectors: anchored, smoothed
  bool binop_fill_modifiers = false;      ///< flag promql-binop-fill-modifiers: fill, fill_left, fill_right
  bool duration_expressions = true;       ///< `[2 * step()]`; off: literals only

  std::size_t length_bytes_max = 1 << 20;
  std::size_t depth_max = 500;  ///< nesting, see ast.h; at most 10,000
  std::size_t operators_max = 50'000;

  /// All experimental features on.
  static ParseOptions Everything();
};

/// What is wrong with a query, and where. Only the first fault is reported.
struct ParseError {
  TextSpan span;           ///< the offending text; empty at the end of the input
  std::size_t line = 1;    ///< 1-based
  std::size_t column = 1;  ///< 1-based, in bytes
  std::string message;     ///< without position
  std::string hint;        ///< what probably was meant; may be empty

  /// "1:5: parse error: <message>", with the hint in parentheses behind it: one line, for API answers and logs.
  std::string Summary() const;

  /// Summary, the source line and a caret line under the offending bytes, then the hint: for people.
  std::string Render(std::string_view query) const;
};

/// Parses and type-checks an expression.
/// Errors   The first fault. Never throws, never crashes, for any bytes.
std::expected<Ast, ParseError> ParseExpression(std::string_view query, const ParseOptions& options = {});

/// As ParseExpression(), with the error as kInvalidArgument and Summary() as its text.
base::Result<Ast> ParseQuery(std::string_view query, const ParseOptions& options = {});

/// Parses one vector selector without modifiers, as in `match[]` parameters: `up{job="x"}`. At least one matcher must
/// not match the empty string. Errors   kInvalidArgument.
base::Result<std::vector<LabelMatcher>> ParseMetricSelector(std::string_view text);

}  // namespace baro::query

// PromQL text from trees: on one line, and laid out for people.
//
// Threads  Pure functions. Recursion is bounded by Expr::depth of the root.
// Shape    What a tree that the parser made prints as, parses to the same tree. Parentheses are nodes of the tree: none
// are
//          added, so who builds trees by hand adds ParenExpr where precedence asks for it.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "query/ast.h"

namespace baro::query {

inline constexpr std::size_t kPrettyWidth = 100;

/// The canonical text on one line: aggregation clauses in front, one space around operators, durations in the largest
/// units, `@` in seconds with three decimals, `anchored @ … offset …` in this order, matchers sorted.
std::string ToString(const Expr& expr);

/// As ToString() where it fits `width` characters; else broken at arguments, operators and parentheses, with two spaces
/// per level (at most 32 levels are shown). What /api/v1/format_query answers.
std::string PrettyPrint(const Expr& expr, std::size_t width = kPrettyWidth);

/// `5m`, `-30s`, or the expression: `2 * step()`.
std::string ToString(const Duration& duration);

/// `job="x"`; names that need it are quoted.
std::string ToString(const LabelMatcher& matcher);

/// `{a="b", c!="d"}`.
std::string ToString(std::span<const LabelMatcher> matchers);

}  // namespace baro::query

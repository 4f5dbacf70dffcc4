// An expression as a sequence of text and sub-expressions, from which both printers are made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/ast.h"

namespace baro::query {

/// Either text, or a child to be printed in its place.
struct Piece {
  std::string text;
  const Expr* child = nullptr;
};

/// The node's own text around its children, in order. Matrix selectors are one piece: their selector is no child here.
std::vector<Piece> PiecesOf(const Expr& expr);

/// ` and on (a, b) ` of a binary expression: operator and modifiers, without blanks around.
std::string OperatorText(const BinaryExpr& binary);

/// `sum by (a, b) `: everything before the parenthesis.
std::string AggregateHead(const AggregateExpr& aggregate);

/// `[5m:1m] @ 1.000 offset 1m`.
std::string SubqueryTail(const SubqueryExpr& subquery);

}  // namespace baro::query

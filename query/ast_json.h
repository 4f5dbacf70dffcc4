// The tree as JSON, in the shape of Prometheus' /api/v1/parse_query, which its query explorer draws.
#pragma once

#include <string>

#include "query/ast.h"

namespace baro::query {

/// One JSON object for the node with its children within it, without blanks. Bytes of strings that are not UTF-8 become
/// U+FFFD. No recursion, whatever the depth.
std::string AstToJson(const Expr& expr);

}  // namespace baro::query

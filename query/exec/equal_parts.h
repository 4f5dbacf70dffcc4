// Parts of a query that are written more than once.
#pragma once

#include <vector>

#include "query/ast.h"
#include "query/exec/plan.h"

namespace baro::query::exec {

/// Sets NodePlan::same_as of aggregations that are equal: the same text, whatever its blanks and the order of its
/// matchers, and the same facts about all nodes below. To be called when all other facts are known.
/// Shape    `nodes` by Expr::id, `post_order` all nodes of the query.
/// Cost     Queries of more than 64 KiB are not looked at: it takes the length of the text for each level of nesting.
void MarkEqualAggregations(const std::vector<const Expr*>& post_order, std::vector<NodePlan>& nodes);

}  // namespace baro::query::exec

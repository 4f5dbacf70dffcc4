// From tree, plan and trace to what EXPLAIN shows.
#pragma once

#include <string_view>

#include "query/exec/plan.h"
#include "query/exec/trace.h"
#include "query/explain.h"

namespace baro::query::exec {

/// Fills operators and operators_left_out. `trace`: null without ANALYZE; of a query that is done.
void DescribeOperators(const Ast& ast, const Plan& plan, const Trace* trace, Explanation& explanation);

}  // namespace baro::query::exec

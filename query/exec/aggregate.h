// Parts of aggregations that several files share.
#pragma once

#include <span>
#include <vector>

#include "query/exec/evaluate.h"

namespace baro::query::exec {

/// Which group each row belongs to.
struct Grouping {
  std::vector<RowName> names;           ///< of the groups, in the order of their first rows
  std::vector<std::uint32_t> group_of;  ///< by row
};

Grouping MakeGrouping(const AggregateExpr& expr, const std::vector<RowName>& rows);
/// The same, without asking for names where labels are enough.
Grouping MakeGrouping(const Context& context, const AggregateExpr& expr, const RowSource& rows);

/// topk, bottomk, limitk, limit_ratio: aggregations that choose elements.
base::Result<Vector> EvalSelection(Context& context, const AggregateExpr& expr, const StepGrid& grid);

base::Result<Vector> EvalQuantile(Context& context, const AggregateExpr& expr, const StepGrid& grid);
base::Result<Vector> EvalCountValues(Context& context, const AggregateExpr& expr, const StepGrid& grid);

/// "ignored histogram in … aggregation".
void NoteIgnoredHistogram(Context& context, AggregateOp op, TextSpan span);

}  // namespace baro::query::exec

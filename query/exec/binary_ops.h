// What binary operators do to two cells.
//
// Threads  Pure functions, but for annotations.
#pragma once

#include <optional>

#include "query/ast.h"
#include "query/exec/cells.h"
#include "query/exec/context.h"

namespace baro::query::exec {

using FloatOperator = double (*)(double, double);

/// Arithmetic on two floats. Shape: no comparison, trim or set operator.
FloatOperator FindArithmetic(BinaryOp op);

/// Whether the comparison holds. Shape: IsComparison(op).
bool Compare(BinaryOp op, double a, double b);

/// One side of an operator: a float or, if not null, a histogram.
struct Operand {
  double value = 0;
  const HistogramPtr* histogram = nullptr;
};

/// What an operator yields: a float or a histogram.
struct Outcome {
  double value = 0;
  HistogramPtr histogram;
  bool holds = true;  ///< of comparisons: false removes the element, or is 0 with `bool`
};

/// Applies an operator to two cells of any kind. Nothing if the kinds do not go together, which is annotated.
/// Comparisons yield the left side.
std::optional<Outcome> Apply(Context& context, const BinaryExpr& expr, const Operand& lhs, const Operand& rhs);

/// Whether the operator's results have no metric name.
bool DropsName(BinaryOp op);

}  // namespace baro::query::exec

// Evaluation of expressions over all steps at once.
//
// Each function takes an expression of its type and a grid of steps. An expression that is the same at all steps is
// computed at the first one and repeated.
//
// Errors   kUnprocessable, kLimitExceeded, kTimeout, kCancelled, kUnsupported, and what storage says.
// Threads  Called on the query's thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/ast.h"
#include "query/exec/cells.h"
#include "query/exec/context.h"
#include "query/exec/row_source.h"
#include "query/exec/step_grid.h"
#include "query/functions.h"

namespace baro::query::exec {

/// One value for each step.
base::Result<std::vector<double>> EvalScalar(Context& context, const Expr& expr, const StepGrid& grid);

/// The instant vector over all steps. Rows without points are left out.
base::Result<Vector> EvalVector(Context& context, const Expr& expr, const StepGrid& grid);

/// The instant vector, made piece by piece where that is possible.
base::Result<std::unique_ptr<RowSource>> OpenRows(Context& context, const Expr& expr, const StepGrid& grid);

/// The text of a string expression.
std::string_view EvalString(const Expr& expr);

// One file each; what they make is not yet repeated over the steps.

/// What is wanted of the samples that an instant selector finds.
enum class SampleAspect : std::uint8_t {
  kValue,           ///< the float or histogram; between samples if the selector is `smoothed`
  kTimestamp,       ///< when it was taken, in seconds
  kStartTimestamp,  ///< since when it counts, in seconds; 0: not known
};

/// Selectors, calls that work cell by cell, and range functions.
base::Result<std::unique_ptr<RowSource>> OpenSelector(Context& context, const VectorSelector& selector,
                                                      const StepGrid& grid, SampleAspect aspect);
base::Result<std::unique_ptr<RowSource>> OpenRangeFunction(Context& context, const CallExpr& call,
                                                           const StepGrid& grid);
/// Null if the call is none that works cell by cell.
base::Result<std::unique_ptr<RowSource>> OpenElementwise(Context& context, const CallExpr& call, const StepGrid& grid);

base::Result<Vector> EvalAggregation(Context& context, const AggregateExpr& expr, const StepGrid& grid);
/// All other calls that yield a vector.
base::Result<Vector> EvalCall(Context& context, const CallExpr& call, const StepGrid& grid);
base::Result<Vector> EvalInfo(Context& context, const CallExpr& call, const StepGrid& grid);
base::Result<Vector> EvalHistogramFunction(Context& context, const CallExpr& call, const StepGrid& grid);
base::Result<Vector> EvalAbsentOverTime(Context& context, const CallExpr& call, const StepGrid& grid);

/// The vector that absent() and absent_over_time() answer: one element at the steps where nothing was present, with the
/// labels that `selector` (any expression; others have none) demands by equality.
base::Result<Vector> MakeAbsent(Context& context, const Expr& selector, const std::vector<bool>& is_present);

/// "quantile value should be between 0 and 1, got …".
void WarnQuantile(Context& context, double phi, TextSpan span);

/// A number as Go's %g prints it, which is how annotations have it.
std::string FormatGo(double value);

/// `lhs op rhs`.
base::Result<Vector> VectorVector(Context& context, const BinaryExpr& expr, Vector lhs, Vector rhs);

}  // namespace baro::query::exec

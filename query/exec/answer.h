// From what the operators leave to what the user gets.
#pragma once

#include "query/engine.h"
#include "query/exec/column_source.h"
#include "query/exec/evaluate.h"

namespace baro::query::exec {

/// Takes pending metric names off and joins rows that became equal.
/// Errors   kUnprocessable: both have a point at one step.
base::Result<> FinishNames(Vector& vector);

/// The only step, in the order of the rows.
VectorResult AnswerVector(const Vector& vector, std::int64_t time_ms);

/// All steps, in the order of labels.
/// Errors   kLimitExceeded, kUnavailable: there is no memory for it beside the vector.
base::Result<MatrixResult> AnswerMatrix(Context& context, const Vector& vector, const StepGrid& grid);

/// One series without labels.
MatrixResult AnswerScalars(std::span<const double> values, const StepGrid& grid);

/// The samples themselves in the window of the first step, as a range selector at the top of an instant query gives
/// them; if it is `anchored` or `smoothed`, with one at each edge.
/// Errors   kUnprocessable: such a selector finds native histograms.
base::Result<MatrixResult> AnswerColumns(Context& context, const ColumnSource& columns, Extension extension);

}  // namespace baro::query::exec

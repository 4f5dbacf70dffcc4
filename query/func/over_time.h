// The *_over_time functions, changes and resets, deriv and predict_linear.
//
// Threads  Pure functions.
#pragma once

#include "query/func/range_column.h"
#include "query/functions.h"

namespace baro::query::func {

/// Fills `out` with the function's value at each step.
/// Shape    `function` is one that IsOverTime() accepts; `arguments` has its scalars.
/// Cost     samples + steps for those with a running structure (sum, avg, min, max, count, present, first, last,
/// changes,
///          resets); for the others the sum of the windows' sizes.
void OverTime(Function function, const RangeColumn& column, const WindowGrid& windows, const RangeArguments& arguments,
              const RowView& out, Notes& notes);

/// Whether OverTime() computes it.
bool IsOverTime(Function function);

/// The φ-quantile of `values`, which are put in another order: linear interpolation between ranks. -Inf and +Inf for φ
/// below 0 and above 1, NaN for a NaN φ or no values.
double Quantile(double phi, std::span<double> values);

}  // namespace baro::query::func

// `anchored` and `smoothed`: windows that look beyond their edges instead of extrapolating.
//
// anchored  the window begins with the newest sample at or before its start, as if that stood at the start.
// smoothed  values at both edges are interpolated between their neighbours inside and outside of the window.
//
// Source   Prometheus proposal PROM-52, "Extended range selectors semantics".
// Threads  Pure functions.
#pragma once

#include <vector>

#include "query/ast.h"
#include "query/func/range_column.h"
#include "query/functions.h"

namespace baro::query::func {

/// rate, increase, delta, and for `anchored` also changes and resets.
/// Shape    `column` reaches `lookback_ms` before the first window, and if smoothed behind the last.
void ExtendedRange(Function function, Extension extension, const RangeColumn& column, const WindowGrid& windows,
                   std::int64_t lookback_ms, const RowView& out, Notes& notes);

/// The floats of one window as a range selector at the top of a query shows them: those inside, and one at each edge,
/// taken or interpolated as the functions above do it for what is no counter. Empty if none tells anything.
std::vector<model::Sample> ExtendedFloats(Extension extension, const RangeColumn& column, std::int64_t start_ms,
                                          std::int64_t end_ms);

/// The times of an instant selector.
struct InstantTimes {
  std::int64_t first_ms = 0;
  std::int64_t step_ms = 0;
};

/// The value of a `smoothed` instant selector: between the samples around each step; without a later one, the earlier.
void SmoothedInstant(const tsdb::SampleColumns& columns, const InstantTimes& times, std::int64_t lookback_ms,
                     const RowView& out, Notes& notes);

}  // namespace baro::query::func

// rate, increase and delta with extrapolation; irate and idelta.
//
// Source   docs/querying/functions.md of Prometheus; reference: the rules of extrapolation in the project's behaviour
//          checklist (a gap of less than 1.1 average intervals at an edge is taken as covered, a counter is not
//          followed below zero).
// Threads  Pure functions.
#pragma once

#include "query/func/column_windows.h"
#include "query/func/range_column.h"

namespace baro::query::func {

enum class RateKind : std::uint8_t { kRate, kIncrease, kDelta };

/// What the difference of a window is divided by.
inline RateDivisor DivisorOf(RateKind kind, const WindowGrid& windows) {
  return kind == RateKind::kRate ? static_cast<double>(windows.range_ms) / 1000 : 1;
}

/// Fills `out` with the function's value at each step.
/// Shape    column.known, if not null, was found with the kind's divisor.
/// Cost     samples + steps + counter resets within windows.
void Rate(RateKind kind, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes);

/// irate (`is_rate`) and idelta.
void InstantRate(bool is_rate, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes);

}  // namespace baro::query::func

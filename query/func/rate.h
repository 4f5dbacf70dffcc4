// rate, increase and delta with extrapolation; irate and idelta.
//
// Source   docs/querying/functions.md of Prometheus; reference: the rules of extrapolation in the project's behaviour
//          checklist (a gap of less than 1.1 average intervals at an edge is taken as covered, a counter is not
//          followed below zero).
// Threads  Pure functions.
#pragma once

#include "query/func/range_column.h"

namespace baro::query::func {

enum class RateKind : std::uint8_t { kRate, kIncrease, kDelta };

/// Fills `out` with the function's value at each step.
/// Cost     samples + steps + counter resets within windows.
void Rate(RateKind kind, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes);

/// irate (`is_rate`) and idelta.
void InstantRate(bool is_rate, const RangeColumn& column, const WindowGrid& windows, const RowView& out, Notes& notes);

}  // namespace baro::query::func

// Functions of ranges over what downsampling left, where the samples' own kernels would be wrong.
//
// Threads  Pure functions.
#pragma once

#include "query/func/range_column.h"

namespace baro::query::func {

/// count_over_time over counts of windows: their sum, and the histograms, which are not downsampled.
void CountFromCounts(const RangeColumn& counts, const WindowGrid& windows, const RowView& out);

/// avg_over_time from the sums of windows and their counts. A window of histograms alone is averaged as always;
/// histograms beside floats are left out, with a note.
/// Shape    the columns are of one series.
void AverageFromSums(const RangeColumn& sums, const RangeColumn& counts, const WindowGrid& windows, const RowView& out,
                     Notes& notes);

}  // namespace baro::query::func

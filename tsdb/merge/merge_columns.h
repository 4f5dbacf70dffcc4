// Samples of one series from two sources as one column each.
#pragma once

#include "tsdb/reader.h"

namespace baro::tsdb {

/// Adds `newer` to `columns`. At equal timestamps, of whichever kind, `newer` counts.
/// Cost     Appends if `newer` lies behind all of `columns`; otherwise both are copied once.
void MergeInto(SampleColumns& columns, const SampleColumns& newer);

/// Replaces each float but stale markers by 1, so that its sum counts it: see DownsampledView::kCount.
void CountAsOnes(SampleColumns& columns);

}  // namespace baro::tsdb

// Samples of one series from two sources as one column each.
#pragma once

#include "tsdb/reader.h"

namespace baro::tsdb {

/// Adds `newer` to `columns`. At equal timestamps, of whichever kind, `newer` counts.
/// Cost     Appends if `newer` lies behind all of `columns`; otherwise both are copied once.
void MergeInto(SampleColumns& columns, const SampleColumns& newer);

}  // namespace baro::tsdb

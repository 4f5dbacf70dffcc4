// The difference of native histograms over a window, counter resets added back: the numerator of rate and its kin.
#pragma once

#include <optional>
#include <span>

#include "model/histogram.h"
#include "query/func/range_column.h"

namespace baro::query::func {

/// last - first, and for counters what stood before each reset. Nothing if the samples' layouts cannot be subtracted,
/// which `notes` then says. The result is a gauge, compacted.
/// Shape    at least two samples.
std::optional<model::FloatHistogram> HistogramIncrease(std::span<const tsdb::HistogramSample> samples, bool is_counter,
                                                       Notes& notes);

}  // namespace baro::query::func

// The difference of native histograms over a window, counter resets added back: the numerator of rate and its kin.
#pragma once

#include <optional>
#include <span>

#include "model/histogram.h"
#include "query/func/range_column.h"

namespace baro::query::func {

/// What tells that a counter began anew.
enum class ResetsBy : std::uint8_t {
  kNothing,  ///< it is no counter
  kValues,
  kValuesAndStarts,
};

/// last - first, and for counters what stood before each reset. Nothing if the samples' layouts cannot be subtracted,
/// which `notes` then says. The result is a gauge, compacted.
/// Shape    at least two samples.
std::optional<model::FloatHistogram> HistogramIncrease(std::span<const tsdb::HistogramSample> samples,
                                                       ResetsBy resets_by, Notes& notes);

}  // namespace baro::query::func

// What a query sees of the aggregates of one series.
//
// Threads  Pure functions.
#pragma once

#include <cstdint>

#include "model/labels.h"
#include "tsdb/downsample/window_rows.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// The columns of aggregates that a view is made of.
struct ViewColumns {
  SampleColumns rows;     ///< of the aggregate that the view names; kLevel: sums
  SampleColumns counts;   ///< kLevel only
  SampleColumns counter;  ///< all kLevel..., kLast, kCounter
};

/// Whether a name is that of a counter, by its ending: the average of a counter that restarted is none of its values.
/// Source   https://prometheus.io/docs/practices/naming/, and the suffixes of histograms and summaries.
bool IsCounterName(std::string_view metric_name);

/// A stretch of time within which rows must be read for a view of `range`.
model::TimeRange RangeToRead(DownsampledView view, model::TimeRange range, std::int64_t resolution_ms);

/// Fills `out` with the view. `of_counter`: the series is a counter, see kLevel.
/// Shape    the columns were read in RangeToRead().
void MakeView(DownsampledView view, const ViewColumns& columns, bool of_counter, std::int64_t resolution_ms,
              std::int64_t level_step_ms, model::TimeRange range, SampleColumns& out);

}  // namespace baro::tsdb

// What start timestamps tell of a counter: resets that its values do not show, and since when its first sample counts.
//
// Source   Prometheus 3.14 with use-start-timestamps; the data model of OpenTelemetry for starts that are not known.
// Threads  Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "query/func/range_column.h"

namespace baro::query::func {

/// When a sample was taken, and since when it counts; a start of 0: not known.
struct StartedAt {
  std::int64_t timestamp_ms = 0;
  std::int64_t start_ms = 0;
};

inline StartedAt StartOf(const tsdb::HistogramSample& sample) {
  return {.timestamp_ms = sample.timestamp_ms, .start_ms = sample.start_timestamp_ms};
}

/// Shape    the column has starts.
inline StartedAt StartOf(const RangeColumn& column, std::size_t index) {
  return {.timestamp_ms = column.timestamps_ms[index], .start_ms = column.starts_ms[index]};
}

/// Whether a counter began anew between two samples. A start at or behind its own sample is none.
inline bool IsStartReset(const StartedAt& previous, const StartedAt& next) {
  if (next.start_ms == 0 || next.start_ms >= next.timestamp_ms) return false;
  if (next.start_ms != previous.timestamp_ms) return next.start_ms > previous.timestamp_ms;
  // Each sample of a delta counts since the one before. But a counter whose true start nobody knows counts since the
  // first sample that was seen of it: that one has no start, or itself for one, and was followed by no reset.
  return previous.start_ms != 0 && previous.start_ms < previous.timestamp_ms;
}

/// Whether the next sample counts again what the one before has counted: some source tells starts that cannot be.
inline bool StartsOverlap(const StartedAt& previous, const StartedAt& next) {
  return next.start_ms != 0 && next.start_ms < previous.timestamp_ms && next.start_ms != previous.start_ms;
}

/// Whether the first sample of a window began to count inside of it: then it is known that there was a zero.
inline bool BeginsInside(const StartedAt& first, std::int64_t window_start_ms) {
  return first.start_ms != 0 && first.start_ms > window_start_ms && first.start_ms < first.timestamp_ms;
}

/// The positions of values that are smaller than the one before or, if the column has starts, began anew.
std::vector<std::size_t> FindResets(const RangeColumn& column);

/// The positions of values whose starts overlap with the one before.
std::vector<std::size_t> FindOverlaps(const RangeColumn& column);

}  // namespace baro::query::func

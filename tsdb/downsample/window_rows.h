// Samples of one series as rows of aggregates, one for each window that has samples.
//
// Format   docs/formats/downsampling.md, sections 2 and 3: what each aggregate is, to the bit.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace baro::tsdb {

/// Columns of aggregates. Rows stand at the time of the last sample of their window.
/// Shape    the first five are of one length; `timestamps_ms` and `counter_timestamps_ms` strictly increase.
struct WindowRows {
  std::vector<std::int64_t> timestamps_ms;
  std::vector<double> counts;
  std::vector<double> sums;
  std::vector<double> mins;
  std::vector<double> maxs;

  // The samples that are left of the series itself: the last of each window, those around resets, stale markers at the
  // end of a window, and the first sample after a time without any.
  std::vector<std::int64_t> counter_timestamps_ms;
  std::vector<double> counter_values;

  bool empty() const { return timestamps_ms.empty() && counter_timestamps_ms.empty(); }
  void Clear();
};

/// Samples of one series as they came, stale markers among them.
struct RawColumns {
  std::span<const std::int64_t> timestamps_ms;
  std::span<const double> values;
};

/// Appends what `raw` and `finer` are at this resolution. `finer`: rows of windows that are not longer, and divide
/// those of the resolution. A stretch of time may be in either or both.
/// Shape    `out` is empty.
void AggregateWindows(const RawColumns& raw, std::span<const WindowRows> finer, std::int64_t resolution_ms,
                      WindowRows& out);

/// The samples of a series that are kept for counters and for looking at single samples; see WindowRows.
/// `timestamps_ms` and `values`: the columns that are appended to.
void ThinOut(const RawColumns& raw, std::int64_t resolution_ms, std::vector<std::int64_t>& timestamps_ms,
             std::vector<double>& values);

/// Resets in one window that are kept as they are; more are summed up in one. A counter restarts rarely, and a gauge
/// falls all the time: its falls would be most of what is stored.
inline constexpr std::size_t kResetsKept = 2;

}  // namespace baro::tsdb

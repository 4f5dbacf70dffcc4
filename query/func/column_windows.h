// What windows take from a column of times alone. The series of a target share such a column, so it is found once for
// all of them.
//
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/func/range_column.h"

namespace baro::query::func {

/// What extrapolation takes from the times of a window.
struct RateTimes {
  double to_start = 0;  ///< seconds from the window's start to the first sample that are extrapolated over
  double to_end = 0;    ///< the same from the last sample to the window's end
  double sampled = 0;   ///< seconds from the first to the last sample
  double factor = 1;    ///< from the difference of the samples to the result, if the counter was not zero in `to_start`
};

/// How the windows are used: what the difference of a window is divided by, 1 or the range in seconds. 0: rates are not
/// wanted.
using RateDivisor = double;

/// The windows of all steps over one column of times.
struct ColumnWindows {
  std::vector<Stretch> stretches;  ///< by step
  std::vector<RateTimes> rates;    ///< by step; that of a window with less than two samples is unspecified
  std::uint64_t samples = 0;       ///< of all windows together

  std::size_t SizeBytes() const {
    return sizeof(*this) + stretches.capacity() * sizeof(Stretch) + rates.capacity() * sizeof(RateTimes);
  }
};

/// Makes `found` hold the windows over `timestamps_ms`; with `rates` unless `divisor` is 0.
void FindWindows(std::span<const std::int64_t> timestamps_ms, const WindowGrid& windows, RateDivisor divisor,
                 ColumnWindows& found);

/// The windows of the column's floats: those that are known, or else what is found and kept in `own`.
inline const ColumnWindows& WindowsOf(const RangeColumn& column, const WindowGrid& windows, RateDivisor divisor,
                                      ColumnWindows& own) {
  if (column.known != nullptr) return *column.known;
  FindWindows(column.timestamps_ms, windows, divisor, own);
  return own;
}

}  // namespace baro::query::func

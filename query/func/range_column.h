// What range functions see: the samples of one series as columns, and for each step the window they look at.
//
// A kernel goes once over the column for all steps. Window edges only move forward, so finding them costs one pass over
// the timestamps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/saturating.h"
#include "query/exec/cells.h"
#include "query/exec/step_grid.h"
#include "tsdb/reader.h"

namespace baro::query::func {

using exec::HistogramPtr;
using exec::Kind;
using exec::RowView;
using exec::StepGrid;

/// Where the window of each step lies: (end - range, end]. With step 0 it is the same for all steps (`@`).
struct WindowGrid {
  std::int64_t first_end_ms = 0;
  std::int64_t step_ms = 0;
  std::int64_t range_ms = 0;
  std::size_t count = 1;

  std::int64_t end_ms(std::size_t step) const {
    return base::SaturatingAdd(first_end_ms, static_cast<std::int64_t>(step) * step_ms);
  }
  std::int64_t start_ms(std::size_t step) const { return base::SaturatingSub(end_ms(step), range_ms); }
};

struct ColumnWindows;

/// Samples of one series without stale markers: floats and histograms, each in the order of time. A loan.
struct RangeColumn {
  std::span<const std::int64_t> timestamps_ms;
  std::span<const double> values;
  std::span<const tsdb::HistogramSample> histograms;
  /// Since when each of the values counts; 0: not known. Empty: no value has a start, or the query does not ask.
  std::span<const std::int64_t> starts_ms = {};
  bool has_histogram_starts = false;     ///< whether those of `histograms` count
  const ColumnWindows* known = nullptr;  ///< where the windows lie in `timestamps_ms`; null: to be found
};

/// The stretch [begin, end) of a column that a window covers.
struct Stretch {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
};

/// Moves a stretch forward over the timestamps that `time_of(index)` gives, for windows that only move forward.
template <typename TimeOf>
class WindowEdges {
 public:
  WindowEdges(std::size_t size, TimeOf time_of) : size_(size), time_of_(time_of) {}

  /// The samples in (after_ms, until_ms].
  Stretch MoveTo(std::int64_t after_ms, std::int64_t until_ms) {
    while (stretch_.end < size_ && time_of_(stretch_.end) <= until_ms) ++stretch_.end;
    while (stretch_.begin < stretch_.end && time_of_(stretch_.begin) <= after_ms) ++stretch_.begin;
    return stretch_;
  }

 private:
  std::size_t size_;
  TimeOf time_of_;
  Stretch stretch_;
};

inline auto FloatEdges(const RangeColumn& column) {
  const auto time_of = [times = column.timestamps_ms](std::size_t i) { return times[i]; };
  return WindowEdges<decltype(time_of)>(column.timestamps_ms.size(), time_of);
}

inline auto HistogramEdges(const RangeColumn& column) {
  const auto time_of = [samples = column.histograms](std::size_t i) { return samples[i].timestamp_ms; };
  return WindowEdges<decltype(time_of)>(column.histograms.size(), time_of);
}

/// How many histograms all windows have together.
inline std::uint64_t CountHistogramsInWindows(const RangeColumn& column, const WindowGrid& windows) {
  std::uint64_t count = 0;
  auto histograms = HistogramEdges(column);
  for (std::size_t step = 0; step < windows.count && !column.histograms.empty(); ++step) {
    count += histograms.MoveTo(windows.start_ms(step), windows.end_ms(step)).size();
  }
  return count;
}

/// What a kernel noticed; each bit becomes an annotation with the metric's name.
enum class Note : std::uint32_t {
  kMixedFloatsHistograms = 1U << 0,
  kNotCounter = 1U << 1,
  kNotGauge = 1U << 2,
  kMixedBucketSchemas = 1U << 3,
  kBoundsReconciledSub = 1U << 4,
  kBoundsReconciledAdd = 1U << 5,
  kBoundsReconciledAggregation = 1U << 6,
  kResetCollisionAggregation = 1U << 7,
  kHistogramsIgnored = 1U << 8,
  kResetCollisionSub = 1U << 9,
  kResetCollisionAdd = 1U << 10,
  kStartsOverlap = 1U << 11,
};

/// A set of notes. Plain bits: one per series, joined at the end.
class Notes {
 public:
  void Add(Note note) { bits_ |= static_cast<std::uint32_t>(note); }
  void Add(const Notes& other) { bits_ |= other.bits_; }
  bool Has(Note note) const { return (bits_ & static_cast<std::uint32_t>(note)) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  std::uint32_t bits_ = 0;
};

/// The arguments of a range function beside the range.
struct RangeArguments {
  StepGrid steps;                                ///< evaluation times, for those that look at them
  std::vector<std::span<const double>> scalars;  ///< one value for each step
};

}  // namespace baro::query::func

// The columns of timestamps of a block that is being written: stores each once, and finds for the timestamps of a
// series the columns that hold them.
//
// Series of one group (see GroupKey) probably have the same timestamps, less the rows that they missed. So a group
// keeps timelines: windows that do not overlap, in order of time. The timestamps of a series are laid over them window
// by window; what fits none becomes columns of its own, which then stand in a timeline for the series to come.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/column_format.h"

namespace baro::tsdb {

/// A window of a series: the next `samples` of its timestamps are these rows of the column.
struct PlacedWindow {
  ColumnId column = 0;
  std::uint32_t window_rows = 0;
  std::uint32_t samples = 0;
  std::uint32_t first_run = 0;  ///< in Placement::rows
  std::uint32_t run_count = 0;  ///< 0: all rows
};

struct Placement {
  std::vector<PlacedWindow> windows;
  std::vector<RowRun> rows;
  std::size_t samples = 0;  ///< placed; fewer than given only if more are to come
  /// End of the last window of the series, also of calls before; the next one begins behind it. Set it to
  /// model::kMinTimestampMs when a series begins.
  std::int64_t end_ms = model::kMinTimestampMs;

  void Clear();  // all but end_ms
};

class ColumnStore {
 public:
  /// Writes columns to `columns` and their directory to `index`, which it borrows; no other frames may stand in `index`
  /// before Finish().
  ColumnStore(std::size_t memory_bytes, BlockFileWriter& columns, BlockFileWriter& index)
      : memory_bytes_max_(memory_bytes), columns_(columns), index_(index) {}

  /// Cuts the timestamps into windows of equal length and keeps them for the group.
  base::Result<> Add(GroupKey group, std::span<const std::int64_t> timestamps_ms);

  /// Finds or makes the columns of a series' timestamps. If `is_last` is not set, the timestamps of a window that may
  /// go on are left over: give them again with what follows.
  base::Result<> Place(GroupKey group, std::span<const std::int64_t> timestamps_ms, bool is_last, Placement& placement);

  /// Writes the rest of the directory.
  base::Result<> Finish();

  std::uint64_t column_count() const { return column_count_; }

 private:
  struct Window {
    std::int64_t min_ms = 0;
    std::int64_t max_ms = 0;
    ColumnId column = 0;
    std::uint32_t rows = 0;
  };
  using Timeline = std::vector<Window>;  // in order of time, not overlapping

  // A column that may be found again.
  struct Known {
    base::ByteBuffer encoded;
    Window window;
    std::uint32_t uses = 0;
  };
  struct Decoded {
    ColumnId column = 0;
    std::vector<std::int64_t> timestamps_ms;  // empty: none
  };
  // How far a window fits the timestamps from some place on.
  struct Fit {
    Window window;
    std::size_t samples = 0;  // the next so many lie within the window, or before it if it begins later
    bool is_whole = false;    // they are all rows of the window
    bool is_part = false;     // they are some rows of the window
  };

  base::Result<ColumnId> AddColumn(std::span<const std::int64_t> timestamps_ms, std::uint32_t uses);
  base::Result<> AddWindows(GroupKey group, std::span<const std::int64_t> timestamps_ms, std::size_t windows,
                            Placement* placement);
  void Keep(GroupKey group, const Window& window);
  void ForgetSome();
  std::span<const std::int64_t> TimestampsOf(ColumnId column);
  Fit BestFit(GroupKey group, std::span<const std::int64_t> timestamps_ms, std::int64_t end_ms);
  Fit Lay(const Timeline& timeline, std::span<const std::int64_t> timestamps_ms, std::int64_t end_ms);
  bool FindRows(ColumnId column, std::span<const std::int64_t> timestamps_ms, std::vector<RowRun>* rows);
  const Window* FindTwin(std::span<const std::int64_t> timestamps_ms);
  void Use(const Window& window, std::size_t samples, std::span<const std::int64_t> timestamps_ms,
           Placement& placement);

  const std::size_t memory_bytes_max_;
  BlockFileWriter& columns_;
  BlockFileWriter& index_;
  std::uint64_t column_count_ = 0;
  base::ByteBuffer directory_;  // of the frame that is being filled

  std::unordered_map<GroupKey, std::vector<Timeline>> groups_;  // the timeline used last stands first
  std::unordered_map<ColumnId, Known> known_;
  std::deque<ColumnId> oldest_;                             // of known_, in the order they came
  std::unordered_map<std::int64_t, ColumnId> by_min_time_;  // of known_: the latest that begins there
  std::size_t memory_bytes_ = 0;
  std::vector<Decoded> decoded_;  // by column modulo its size
};

}  // namespace baro::tsdb

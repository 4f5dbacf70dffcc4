// The timestamps of series that were selected: the columns of one track within a time range, decoded when first read.
//
// Threads  A Timeline is immutable but for its cache, which is guarded.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block/column_format.h"
#include "tsdb/block/track.h"

namespace baro::tsdb {

/// Gives columns of an open block.
///
/// Threads  Safe to share.
class ColumnSource {
 public:
  virtual ~ColumnSource() = default;
  /// Errors   kCorruption.
  virtual base::Result<ColumnEntry> ReadColumnEntry(ColumnId column) const = 0;
  /// Shape    `timestamps_ms` has entry.rows.
  /// Errors   kCorruption.
  virtual base::Result<> ReadColumn(const ColumnEntry& entry, std::span<std::int64_t> timestamps_ms) const = 0;
};

/// The decoded columns of a timeline, one behind the other.
struct TimelineColumns {
  std::vector<std::int64_t> timestamps_ms;
  std::vector<std::size_t> begins;  ///< by window: its first row; one more for the end
  std::vector<std::string> errors;  ///< by window: why its rows are not there; empty if they are
  std::size_t SizeBytes() const {
    return sizeof(*this) + timestamps_ms.capacity() * sizeof(std::int64_t) + begins.capacity() * sizeof(std::size_t) +
           errors.capacity() * sizeof(std::string);
  }
  std::span<const std::int64_t> Window(std::size_t window) const {
    return std::span(timestamps_ms).subspan(begins[window], begins[window + 1] - begins[window]);
  }
};

class Timeline;

/// The decoded columns that the timelines of a selection keep: so many bytes at most, and all are dropped before it is
/// more. Who reads one then decodes it again.
///
/// Threads  Safe to share. Its mutex is held while those of timelines are taken.
class ColumnsKept {
 public:
  /// `memory`: what is kept is charged there, if it has room; null: nobody counts. Borrowed, outlives this.
  explicit ColumnsKept(base::MemoryBudget* memory) : charge_(memory) {}

  void Add(const Timeline& timeline, std::size_t bytes);

 private:
  // Series of a target mostly come close together: a few of the last ones serve.
  static constexpr std::size_t kBytesMax = std::size_t{8} << 20;

  base::Mutex mutex_;
  std::vector<const Timeline*> timelines_ BARO_GUARDED_BY(mutex_);
  std::size_t bytes_ BARO_GUARDED_BY(mutex_) = 0;
  base::MemoryCharge charge_ BARO_GUARDED_BY(mutex_);
};

class Timeline {
 public:
  /// The windows of the track that overlap the range. Damaged entries of the directory count as overlapping where their
  /// neighbours leave room.
  Timeline(const ColumnSource& source, std::span<const ColumnRun> track, model::TimeRange range);

  /// Windows of the track before the first one here.
  std::size_t first_window() const { return first_window_; }
  std::size_t size() const { return windows_.size(); }
  bool empty() const { return windows_.empty(); }
  /// Time that the window may have samples in.
  model::TimeRange range(std::size_t window) const { return windows_[window].range; }

  /// The windows [first, last) that overlap the range.
  std::pair<std::size_t, std::size_t> Find(model::TimeRange range) const;

  /// Tells that another series has this timeline. Before any reading.
  void AddUser() { ++users_; }

  /// Decodes, or gives what was decoded for another series. What only one series has is not kept.
  std::shared_ptr<const TimelineColumns> Columns(const ColumnSource& source, ColumnsKept& kept) const;

  /// About what it takes without columns.
  std::size_t SizeBytes() const;

 private:
  friend class ColumnsKept;

  struct Window {
    model::TimeRange range;
    ColumnEntry entry;
    std::string error;  // not empty: the entry is damaged
  };

  std::shared_ptr<const TimelineColumns> Decode(const ColumnSource& source) const;
  void Drop() const;

  std::size_t first_window_ = 0;
  std::vector<Window> windows_;
  std::size_t users_ = 0;
  mutable base::Mutex mutex_;  // a leaf
  mutable std::shared_ptr<const TimelineColumns> columns_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::tsdb

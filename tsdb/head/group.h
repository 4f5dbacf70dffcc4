// A scrape group: series that are written together, their rows, and the chunks that rows become.
//
// A column belongs to one series for as long as the group lives, so a series finds its samples by (group, column) even
// after it has moved to another group. Its samples in different places never overlap in time.
//
// Threads  Guarded: each member function asks for `mutex`.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "tsdb/head/chunk_sink.h"
#include "tsdb/head/group_chunk.h"
#include "tsdb/head/late_samples.h"
#include "tsdb/head/series.h"

namespace baro::tsdb {

/// How a list of series as the caller has it maps to columns. Immutable.
struct RowOrder {
  static constexpr std::uint32_t kNoColumn = ~std::uint32_t{0};

  std::vector<SeriesRef> series;
  std::vector<std::uint32_t> columns;  ///< kNoColumn: refused with `refusals[i]`; empty: column i for sample i
  std::vector<SampleStatus> refusals;  ///< empty: none
  std::uint64_t version = 0;           ///< the group's leave_version() when it was made

  bool is_identity() const { return columns.empty(); }
  std::uint32_t ColumnOf(std::size_t index) const {
    return columns.empty() ? static_cast<std::uint32_t>(index) : columns[index];
  }
  std::size_t SizeBytes() const {
    return sizeof(RowOrder) + series.capacity() * sizeof(SeriesRef) + columns.capacity() * sizeof(std::uint32_t) +
           refusals.capacity() * sizeof(SampleStatus);
  }
};
using RowOrderPtr = std::shared_ptr<const RowOrder>;

class Group {
 public:
  /// `sink`: null: chunks stay in memory; otherwise borrowed for as long as Seal() is called.
  explicit Group(std::uint64_t log_id_in, ChunkSink* sink = nullptr) : log_id(log_id_in), sink_(sink) {}

  mutable std::atomic<std::uint32_t> references{0};  // CountedPtr's
  const std::uint64_t log_id;
  mutable base::Mutex mutex;

  // Columns.

  /// The column of a series that is at home here from now on; `last` is its newest sample elsewhere, `column` the one
  /// that it had here before.
  std::uint32_t Join(const SeriesPtr& series, const LastSample& last, std::optional<std::uint32_t> column)
      BARO_REQUIRES(mutex);
  /// The series gets its samples elsewhere from now on. Returns its newest sample here.
  LastSample Leave(std::uint32_t column) BARO_REQUIRES(mutex);
  LastSample Last(std::uint32_t column) const BARO_REQUIRES(mutex);
  /// Null where the series has left.
  std::span<const SeriesPtr> members() const BARO_REQUIRES(mutex) { return members_; }
  /// Changes whenever a series leaves: what was known about columns before may be wrong.
  std::uint64_t leave_version() const BARO_REQUIRES(mutex) { return leave_version_; }
  /// How many columns have no series.
  std::size_t vacant() const BARO_REQUIRES(mutex) { return vacant_; }
  /// Whose samples the first `count` columns hold, also where the series has left; kNone: nobody's.
  std::vector<LogSeriesId> Layout(std::size_t count) const BARO_REQUIRES(mutex);

  /// The order that these series had before, or null.
  RowOrderPtr FindOrder(std::span<const SeriesRef> series) const BARO_REQUIRES(mutex);
  void KeepOrder(RowOrderPtr order) BARO_REQUIRES(mutex);

  // Rows.

  /// Rows later than this need no look at single series.
  std::int64_t clear_after_ms() const BARO_REQUIRES(mutex) { return clear_after_ms_; }
  void Link(RowPtr row) BARO_REQUIRES(mutex);
  /// Takes rows of a failed commit out again.
  void Unlink(CommitNumber commit) BARO_REQUIRES(mutex);

  /// Null: no late rows.
  const LateRows* late() const BARO_REQUIRES(mutex) { return late_.get(); }
  void LinkLate(RowPtr row, DeleteEpoch epoch) BARO_REQUIRES(mutex);
  /// Whether the column has late samples here.
  bool HasLate(std::uint32_t column) const BARO_REQUIRES(mutex) { return late_ != nullptr && late_->Has(column); }
  void SealLate(CommitNumber visible_to_all, std::int64_t range_ms, bool all) BARO_REQUIRES(mutex);
  /// Returns how many samples went.
  std::size_t DropLate(const LateCut& cut) BARO_REQUIRES(mutex);

  // Rows that an appender is filling. A series that leaves meanwhile is remembered until none is left, so that the
  // commit can find its labels.

  void AddPending() BARO_REQUIRES(mutex) { ++pending_; }
  void RemovePending() BARO_REQUIRES(mutex);
  /// Null if that series has not left meanwhile.
  SeriesPtr FindLeft(SeriesRef ref) const BARO_REQUIRES(mutex);
  /// The row before the next, null if there is none.
  RowPtr last_row() const BARO_REQUIRES(mutex) { return staged_.empty() ? last_sealed_ : staged_.back(); }
  std::uint64_t next_row_number() const BARO_REQUIRES(mutex) { return next_row_number_; }
  std::span<const RowPtr> staged() const BARO_REQUIRES(mutex) { return staged_; }
  const std::deque<GroupChunkPtr>& chunks() const BARO_REQUIRES(mutex) { return chunks_; }
  bool HasSamples() const BARO_REQUIRES(mutex) { return !staged_.empty() || !chunks_.empty() || late_ != nullptr; }

  /// Transposes staged rows that every reader may see, once there are enough (`all`: however few). Takes the lock
  /// itself, and not while it encodes.
  void Seal(CommitNumber visible_to_all, bool all) BARO_EXCLUDES(mutex);

  /// Puts `replacement`, which has the same samples, in the place of a chunk. False: that chunk has left.
  bool ReplaceChunk(const GroupChunkPtr& chunk, GroupChunkPtr replacement) BARO_REQUIRES(mutex);
  bool HasChunk(const GroupChunkPtr& chunk) const BARO_REQUIRES(mutex);

  /// Drops what ends before the cutoff. Rows that wait for a long reader stay.
  void DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all) BARO_REQUIRES(mutex);

  // After a restart, before anybody else knows the group.

  /// As Join(), at a column of the caller's choice: columns between have no series yet. False: the column is taken, or
  /// holds samples of another series. `was_here`: they are this one's, by whatever number it had then.
  bool JoinAt(std::uint32_t column, const SeriesPtr& series, const LastSample& last, bool was_here)
      BARO_REQUIRES(mutex);
  /// The group has so many columns at least.
  void Widen(std::size_t columns) BARO_REQUIRES(mutex);
  /// The column's samples are of that series, which is not at home here. False: they are another's.
  bool NoteOwner(std::uint32_t column, LogSeriesId series) BARO_REQUIRES(mutex);
  /// The series of that column has a sample elsewhere that is as new as this.
  void RaiseLast(std::uint32_t column, const LastSample& last) BARO_REQUIRES(mutex);
  /// The log has a row of that number; others come behind it.
  void NoteRowNumber(std::uint64_t number) BARO_REQUIRES(mutex) {
    next_row_number_ = std::max(next_row_number_, number + 1);
  }
  /// Takes chunks over that hold other rows than the group has. Shape    which do not overlap.
  /// Errors   kCorruption: what is the newest sample of a series is not known; the chunks are there all the same.
  base::Result<> Restore(std::span<const GroupChunkPtr> chunks) BARO_REQUIRES(mutex);
  /// Whether it was restored and has no owner in this run yet. Guarded by the head's moves mutex.
  bool is_orphan = false;

  // The log.

  /// Whether the next row must stand for itself, behind its layout.
  bool NeedsWholeRow(std::uint64_t segment) const BARO_REQUIRES(mutex);
  void NoteLogged(std::uint64_t segment, bool was_whole) BARO_REQUIRES(mutex);

  struct Sizes {
    std::size_t table_bytes = 0;  ///< members and orders
    std::size_t staged_bytes = 0;
    std::size_t late_bytes = 0;
    std::size_t chunk_bytes = 0;
    std::size_t chunks = 0;
  };
  Sizes SizeBytes() const BARO_REQUIRES(mutex);

 private:
  std::size_t CountToSeal(CommitNumber visible_to_all, bool all) const BARO_REQUIRES(mutex);
  void TakeSealed(std::size_t count, GroupChunkPtr chunk) BARO_REQUIRES(mutex);
  void InsertChunk(GroupChunkPtr chunk) BARO_REQUIRES(mutex);
  GroupChunkPtr JoinChunks() BARO_EXCLUDES(mutex);
  base::Result<> RestoreNewest() BARO_REQUIRES(mutex);

  ChunkSink* const sink_;
  std::vector<SeriesPtr> members_;
  std::size_t vacant_ = 0;
  std::uint64_t version_ = 1;  // also when one comes: the layout in the log is then another
  std::uint64_t leave_version_ = 1;
  std::vector<RowOrderPtr> orders_;
  std::unordered_map<std::uint32_t, LogSeriesId> left_;  // whose the samples of vacant columns are

  std::int64_t clear_after_ms_ = model::kMinTimestampMs;
  std::vector<RowPtr> staged_;
  RowPtr last_sealed_;
  // Newest samples of columns that are not in the last sealed row, or whose series came with some from elsewhere.
  std::unordered_map<std::uint32_t, LastSample> departed_;
  std::deque<GroupChunkPtr> chunks_;  // by rows, which do not overlap
  std::uint64_t next_row_number_ = 1;
  bool is_sealing_ = false;
  std::unique_ptr<LateRows> late_;
  std::size_t pending_ = 0;
  std::vector<SeriesPtr> left_while_pending_;

  std::uint64_t logged_segment_ = 0;
  std::uint64_t logged_version_ = 0;
  std::size_t rows_since_whole_ = 0;
};

using GroupPtr = CountedPtr<Group>;

}  // namespace baro::tsdb

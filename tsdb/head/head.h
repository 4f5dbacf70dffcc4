// The head: all series and groups in memory, and what finds them.
//
// Threads  Safe to share. Locks, outer to inner: moves mutex, groups by their log id, stripes by number, table shards,
//          slots, label index; the rest are leaves. A reader holds one of them at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/head/group.h"
#include "tsdb/head/metadata_table.h"
#include "tsdb/head/series.h"
#include "tsdb/head/series_table.h"
#include "tsdb/index/label_index.h"
#include "tsdb/storage.h"

namespace baro::tsdb {

class Head {
 public:
  static constexpr std::size_t kStripes = 256;

  /// `sink`: learns of sealed chunks; null: they stay in memory. Borrowed for as long as something is appended.
  explicit Head(std::size_t series_max, ChunkSink* sink = nullptr) : series_max_(series_max), sink_(sink) {}
  ~Head();
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  // Series. A pinned series stays until it is unpinned.

  /// Errors   kInvalidArgument, kLimitExceeded as Appender::Resolve().
  base::Result<SeriesPtr> GetOrCreatePinned(const model::Labels& labels, bool* created);
  /// Null if it has left.
  SeriesPtr FindPinned(SeriesRef ref);
  SeriesPtr Find(SeriesRef ref) const;
  static void Unpin(const SeriesPtr& series) { series->pins.fetch_sub(1, std::memory_order_relaxed); }
  std::vector<SeriesPtr> FindSlots(std::span<const Slot> slots) const;
  std::vector<SeriesPtr> AllSeries() const;
  std::size_t series_count() const { return series_count_.load(std::memory_order_relaxed); }
  LogSeriesId next_log_id() const { return static_cast<LogSeriesId>(next_log_id_.load(std::memory_order_relaxed)); }
  /// Numbers below this one are taken.
  void ReserveLogIds(LogSeriesId next);

  base::Mutex& StripeMutex(const Series& series) const { return stripes_[StripeOf(series)]; }
  static std::size_t StripeOf(const Series& series) { return series.slot() % kStripes; }
  base::Mutex& StripeMutexAt(std::size_t stripe) const { return stripes_[stripe]; }

  const LabelIndex& index() const { return index_; }

  MetadataTable& metadata() { return metadata_; }
  const MetadataTable& metadata() const { return metadata_; }

  // Groups.

  GroupRef AddGroup();
  GroupPtr FindGroup(GroupRef ref) const;
  /// The group gets no more rows, until a new one takes its place, see AdoptOrphan().
  void DropGroup(GroupRef ref) BARO_EXCLUDES(moves_mutex);
  std::vector<GroupPtr> AllGroups() const;
  /// Groups that are made from now on have this number and higher ones.
  void ReserveGroupIds(std::uint64_t next);

  // Groups of the run before, as the log has them, and groups that were dropped are orphans, until somebody appends
  // rows of their series to a new group: that is then the old one.

  GroupPtr RestoreGroup(std::uint64_t log_id);
  /// The series are at home in these columns from now on, null: nobody is; those that were in them are not.
  /// False: the group's columns belong to other series, nothing is changed but that some may have left their homes.
  bool RestoreLayout(const GroupPtr& group, std::span<const SeriesPtr> columns) BARO_REQUIRES(moves_mutex);
  /// The column holds samples of the series, which is not at home in it. False: it holds another's.
  bool RestorePlace(const GroupPtr& group, std::uint32_t column, const SeriesPtr& series, LogSeriesId logged_as)
      BARO_REQUIRES(moves_mutex);
  /// `fresh`, or the orphan in whose place `ref` stands from now on, because it has the first of these series.
  GroupPtr AdoptOrphan(GroupRef ref, const GroupPtr& fresh, std::span<const SeriesRef> series)
      BARO_REQUIRES(moves_mutex);

  // Moves of series between homes, under one lock.

  mutable base::Mutex moves_mutex;

  /// Where these series stand in the group; those that are not at home in it move there.
  RowOrderPtr MakeOrder(const GroupPtr& group, std::span<const SeriesRef> series) BARO_REQUIRES(moves_mutex);
  void MoveToSingles(const SeriesPtr& series) BARO_REQUIRES(moves_mutex);

  /// Of the tables, without the series themselves.
  std::size_t TableBytes() const;

  // Time and visibility.

  void NoteTimes(std::int64_t min_ms, std::int64_t max_ms);
  void SetMinTime(std::int64_t min_ms) { min_time_ms_.store(min_ms, std::memory_order_seq_cst); }
  std::int64_t min_time_ms() const { return min_time_ms_.load(std::memory_order_relaxed); }
  std::int64_t max_time_ms() const { return max_time_ms_.load(std::memory_order_relaxed); }
  /// Commits refuse samples before the floor. It only rises.
  std::int64_t floor_ms() const { return floor_ms_.load(std::memory_order_relaxed); }
  /// When it returns, each commit either has been queued in the log or will be refused what lies before `floor_ms`.
  void RaiseFloor(std::int64_t floor_ms) BARO_EXCLUDES(moves_mutex);
  bool has_samples() const { return max_time_ms() != model::kMinTimestampMs; }

  // Late samples and deletes.

  /// How many late samples are in memory, those of commits on their way counted.
  std::size_t late_samples() const { return late_samples_.load(std::memory_order_acquire); }
  void AddLateSamples(std::size_t count) { late_samples_.fetch_add(count, std::memory_order_acq_rel); }
  void RemoveLateSamples(std::size_t count) { late_samples_.fetch_sub(count, std::memory_order_acq_rel); }
  /// Late rows of different ranges are sealed apart, so that a cut finds no chunk across its end. 0: there are none.
  /// Shape  set before anything else.
  void SetBlockRange(std::int64_t range_ms) { block_range_ms_ = range_ms; }
  std::int64_t block_range_ms() const { return block_range_ms_; }
  /// What lies before is in blocks. Not more than the floor, which rises before a block is written.
  void SetCovered(std::int64_t until_ms) { covered_until_ms_.store(until_ms, std::memory_order_relaxed); }
  /// A late sample of that time is or will be here: the head begins there at the latest, if blocks do not have it.
  void NoteLateTime(std::int64_t timestamp_ms) {
    if (timestamp_ms >= covered_until_ms_.load(std::memory_order_relaxed)) {
      NoteTimes(timestamp_ms, model::kMinTimestampMs);
    }
  }
  /// Drops the late samples that a cut has written.
  void DropLate(const LateCut& cut) BARO_EXCLUDES(moves_mutex);
  DeleteEpoch delete_epoch() const { return delete_epoch_.load(std::memory_order_relaxed); }
  /// Shape  the caller holds the locks of all groups and stripes, or nobody else uses the head.
  DeleteEpoch NextDeleteEpoch() { return delete_epoch_.fetch_add(1, std::memory_order_relaxed) + 1; }

  /// A reader is open from now on; returns up to which commit it sees.
  CommitNumber AddReader(const LogWriter& log);
  void RemoveReader(CommitNumber commit);
  /// Whether a reader is open that sees nothing behind `commit`.
  bool HasReaderUpTo(CommitNumber commit) const;
  /// The commits that no reader is too old to see.
  CommitNumber VisibleToAll(CommitNumber written) const;

  /// Drops samples before the cutoff, series without samples, and columns that nobody fills.
  void DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all) BARO_EXCLUDES(moves_mutex);
  /// Frees columns of series that have not been in their group's rows for a while.
  void TidyGroups(CommitNumber visible_to_all) BARO_EXCLUDES(moves_mutex);

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    mutable base::Mutex mutex;
    SeriesTable by_hash BARO_GUARDED_BY(mutex);
  };

  Shard& ShardOf(std::uint64_t hash) { return shards_[hash % kShards]; }
  base::Result<SeriesPtr> Create(const model::Labels& labels);
  std::vector<SeriesPtr> FindAll(std::span<const SeriesRef> refs) const;
  const SeriesPtr* FindLocked(SeriesRef ref) const;
  void JoinGroup(const GroupPtr& group, std::span<const SeriesPtr> series) BARO_REQUIRES(moves_mutex);
  void ForgetGroups() BARO_EXCLUDES(groups_mutex_);
  bool RemoveIfEmpty(const SeriesPtr& series, std::int64_t cutoff_ms) BARO_REQUIRES(moves_mutex);
  bool IsFreeToGo(Series& series, std::int64_t cutoff_ms) BARO_REQUIRES(moves_mutex);
  bool HasLate(Series& series) BARO_REQUIRES(moves_mutex);
  void RetireGroup(const GroupPtr& group) BARO_REQUIRES(moves_mutex);
  bool IsAbandoned(const Group& group) const BARO_EXCLUDES(moves_mutex);
  void DropSamplesOf(Series& series, std::int64_t cutoff_ms, CommitNumber visible_to_all) BARO_REQUIRES(moves_mutex);

  const std::size_t series_max_;
  ChunkSink* const sink_;
  std::int64_t block_range_ms_ = 0;
  std::array<Shard, kShards> shards_;
  mutable std::array<base::Mutex, kStripes> stripes_;
  LabelIndex index_;
  MetadataTable metadata_;

  mutable std::shared_mutex slots_mutex_;  // guards the four below
  std::deque<SeriesPtr> slots_;
  std::deque<std::uint32_t> generations_;
  std::vector<Slot> free_slots_;
  std::atomic<std::size_t> series_count_{0};  // relaxed: a number for limits and status
  std::atomic<std::uint64_t> next_log_id_{1};

  mutable base::Mutex groups_mutex_;
  std::unordered_map<GroupRef, GroupPtr> groups_ BARO_GUARDED_BY(groups_mutex_);
  std::vector<GroupPtr> all_groups_ BARO_GUARDED_BY(groups_mutex_);  // also those that live on in places of series
  std::uint64_t next_group_ BARO_GUARDED_BY(groups_mutex_) = 1;

  mutable base::Mutex readers_mutex_;
  std::multiset<CommitNumber> readers_ BARO_GUARDED_BY(readers_mutex_);

  // Relaxed: bounds for rules and status, which order nothing.
  std::atomic<std::int64_t> min_time_ms_{model::kMaxTimestampMs};
  // The least time that was noted since DropBefore() began. Sequentially consistent with the one above: either
  // DropBefore() sees here what came, or its own bound is lowered after it was set.
  std::atomic<std::int64_t> noted_min_ms_{model::kMaxTimestampMs};
  std::atomic<std::int64_t> max_time_ms_{model::kMinTimestampMs};
  // Relaxed too: commits read it under locks that RaiseFloor() takes after writing it.
  std::atomic<std::int64_t> floor_ms_{model::kMinTimestampMs};
  std::atomic<std::int64_t> covered_until_ms_{model::kMinTimestampMs};
  // Release and acquire: who sees a segment begin sees the late samples of those before it.
  std::atomic<std::size_t> late_samples_{0};
  // Relaxed: read and written under the locks of what is stamped with it.
  std::atomic<DeleteEpoch> delete_epoch_{0};
};

}  // namespace baro::tsdb

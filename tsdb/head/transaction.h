// The commit of one appender: locks, last checks, payload, order in the log, links.
//
// Threads  Confined; takes the head's locks in their order.
#pragma once

#include <set>
#include <unordered_map>
#include <utility>

#include "tsdb/head/head_appender.h"

namespace baro::tsdb {

// Locks are taken by lists that are only known at run time, which clang's analysis cannot follow.
#define BARO_DYNAMIC_LOCKS BARO_THREAD_ANNOTATION(no_thread_safety_analysis)

class HeadAppender::Transaction {
 public:
  explicit Transaction(HeadAppender& appender) : appender_(appender), writer_(appender.writer_) {}

  base::Result<CommitStats> Run(Durability durability);

 private:
  bool HasMoved() const;
  void LockAll();
  void UnlockAll();
  void Resettle();
  void Rebuild(PendingRow& pending);
  void FindInTwoGroups();
  void TakeSingly(SeriesRef ref, model::Sample sample, bool is_late);
  SeriesRef Recover(const PendingRow& pending, SeriesRef series);
  void CheckRows();
  void CheckRowSlowly(PendingRow& pending);
  void CheckLateRow(PendingRow& pending);
  void CheckSamples();
  Verdict CheckSample(const PendingSample& pending, const LastSample& last);
  bool TakeLateTime(const PendingSample& pending);
  base::ByteBuffer BuildPayload(std::uint64_t segment);
  std::uint64_t NumberFor(const PendingRow& pending) const;
  RowPtr RowBefore(const PendingRow& pending, bool is_late, std::uint64_t segment) const;
  void BuildRow(class RecordWriter& records, const Group& group, Row& row, const RowPtr& last, bool is_late);
  base::Result<CommitNumber> EnqueueAndLink();
  void BuildHistogram(class RecordWriter& records, PendingSample& pending, std::uint64_t segment);
  void BuildExtras(class RecordWriter& records);
  void Link(CommitNumber number, std::uint64_t segment);
  void LinkLate(const PendingSample& pending, CommitNumber number, DeleteEpoch epoch);
  void NoteLateTime(std::int64_t timestamp_ms);
  void LinkStarts();
  void TakeBackStarts();
  void TakeBack(CommitNumber number);
  void Finish();
  bool IsEmpty() const;

  HeadAppender& appender_;
  HeadWriter& writer_;
  std::vector<Group*> groups_;        // sorted by log id, unique
  std::vector<std::size_t> stripes_;  // sorted, unique
  std::vector<Series*> newly_logged_;
  std::set<SeriesRef> singly_;   // series with single samples in order
  std::vector<bool> was_whole_;  // by row
  std::size_t late_ = 0;         // samples
  std::int64_t late_max_ms_ = model::kMinTimestampMs;
  std::set<std::pair<const Series*, std::int64_t>> late_times_;         // of those that come singly
  std::unordered_map<const Series*, HistogramSample> histograms_here_;  // the last of each series in the payload
  std::int64_t time_min_ms_ = model::kMaxTimestampMs;
  std::int64_t time_max_ms_ = model::kMinTimestampMs;
};

}  // namespace baro::tsdb

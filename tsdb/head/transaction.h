// The commit of one appender: locks, last checks, payload, order in the log, links.
//
// Threads  Confined; takes the head's locks in their order.
#pragma once

#include "tsdb/head/head_appender.h"

namespace baro::tsdb {

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
  void CheckRows();
  void RefuseBelowFloor(PendingRow& pending);
  void CheckRowSlowly(PendingRow& pending);
  void CheckSamples();
  base::ByteBuffer BuildPayload(std::uint64_t segment);
  std::uint64_t NumberFor(const PendingRow& pending) const;
  RowPtr RowBefore(const PendingRow& pending, std::uint64_t segment) const;
  void BuildRow(class RecordWriter& records, PendingRow& pending, std::uint64_t segment);
  base::Result<CommitNumber> EnqueueAndLink();
  void Link(CommitNumber number, std::uint64_t segment);
  void TakeBack(CommitNumber number);
  void Finish();
  bool IsEmpty() const;

  HeadAppender& appender_;
  HeadWriter& writer_;
  std::vector<Group*> groups_;        // sorted by log id, unique
  std::vector<std::size_t> stripes_;  // sorted, unique
  std::vector<Series*> newly_logged_;
  std::vector<bool> was_whole_;  // by row
  std::int64_t time_min_ms_ = model::kMaxTimestampMs;
  std::int64_t time_max_ms_ = model::kMinTimestampMs;
};

}  // namespace baro::tsdb

#include "tsdb/head/head_delete.h"

#include <algorithm>

#include "tsdb/head/head_selection.h"
#include "tsdb/index/matchers.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {
namespace {

// Locks are taken by lists that are only known at run time, which clang's analysis cannot follow.
#define BARO_DYNAMIC_LOCKS BARO_THREAD_ANNOTATION(no_thread_safety_analysis)

struct Chosen {
  SeriesPtr series;
  LoggedTombstone tombstone;
};

// The newest sample in order of a series.
LastSample NewestOf(const Head& head, const SeriesPtr& series) {
  GroupPtr home;
  std::uint32_t column = 0;
  LastSample last;
  {
    const base::MutexLock lock(head.StripeMutex(*series));
    last = series->LastSingle();
    home = series->home;
    column = series->home_column;
  }
  if (home == nullptr) return last;
  const base::MutexLock lock(home->mutex);
  return Later(last, home->Last(column));
}

// What comes in order behind a newest sample is newer than it, so the tombstone says how far it goes and no more is
// hidden, here and in a replay.
base::Result<std::vector<Chosen>> Choose(const Head& head, const LogWriter& log,
                                         std::span<const model::Matcher> matchers, model::TimeRange range,
                                         const base::CancelToken& cancel) {
  BARO_TRY(CheckSelective(matchers));
  std::vector<SeriesPtr> all = head.FindSlots(BARO_TRY(head.index().Select(matchers, cancel)));
  std::erase_if(all, [matchers](const SeriesPtr& entry) { return !model::MatchesAll(matchers, entry->labels); });
  const HeadSelection selection(head, all, {.matchers = {}, .range = range}, log.written());
  std::vector<Chosen> chosen;
  SampleColumns columns;
  for (std::size_t i = 0; i < selection.size(); ++i) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "the delete was cancelled; nothing is deleted");
    // What cannot be read is deleted too.
    if (selection.Read(i, range, columns) && columns.empty()) continue;
    const SeriesPtr& series = selection.series(i);
    if (!series->is_logged.load(std::memory_order_relaxed)) continue;
    const LastSample newest = NewestOf(head, series);
    chosen.push_back(
        {.series = series,
         .tombstone = {.series = series->log_id,
                       .in_order_max_ms = std::clamp(newest.timestamp_ms, range.min_ms - 1, range.max_ms)}});
  }
  std::ranges::sort(chosen, {}, [](const Chosen& each) { return each.tombstone.series; });
  return chosen;
}

// Queues the record and begins a new epoch in one step for all who append: late samples are hidden if they stand before
// the record in the log. Under the moves mutex no series comes to a group that is not in the list.
BARO_DYNAMIC_LOCKS base::Result<CommitNumber> Enqueue(Head& head, LogWriter& log, const base::ByteBuffer& payload,
                                                      DeleteEpoch& epoch) {
  const base::MutexLock moves(head.moves_mutex);
  std::vector<GroupPtr> groups = head.AllGroups();
  std::ranges::sort(groups, {}, [](const GroupPtr& group) { return group->log_id; });
  for (const GroupPtr& group : groups) group->mutex.Lock();
  for (std::size_t stripe = 0; stripe < Head::kStripes; ++stripe) head.StripeMutexAt(stripe).Lock();
  base::Result<std::optional<CommitNumber>> number = std::optional<CommitNumber>();
  while (number && !*number) number = log.Enqueue(payload, log.queue_segment(), model::kMinTimestampMs);
  epoch = head.NextDeleteEpoch();
  for (std::size_t stripe = Head::kStripes; stripe-- > 0;) head.StripeMutexAt(stripe).Unlock();
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) (*group)->mutex.Unlock();
  if (!number) return number.error();
  return **number;
}

}  // namespace

base::Result<std::size_t> DeleteFromHead(Head& head, LogWriter& log, std::span<const model::Matcher> matchers,
                                         model::TimeRange range, const base::CancelToken& cancel) {
  range.min_ms = std::max(range.min_ms, model::kMinTimestampMs + 1);
  if (range.empty()) return std::size_t{0};
  const std::vector<Chosen> chosen = BARO_TRY(Choose(head, log, matchers, range, cancel));
  if (chosen.empty()) return std::size_t{0};
  std::vector<LoggedTombstone> tombstones;
  for (const Chosen& each : chosen) tombstones.push_back(each.tombstone);
  base::ByteBuffer payload;
  RecordWriter(payload).Tombstones(range, tombstones);

  DeleteEpoch epoch = 0;
  const CommitNumber number = BARO_TRY(Enqueue(head, log, payload, epoch));
  LogWriter::Outcome outcome = log.Wait(number, /*synced=*/true);
  if (!outcome.is_written) {
    log.TakenBack();
    return outcome.result.error();
  }
  for (const Chosen& each : chosen) {
    const base::MutexLock lock(head.StripeMutex(*each.series));
    each.series->AddTombstone(
        {.range = range, .in_order_max_ms = each.tombstone.in_order_max_ms, .commit = number, .epoch = epoch});
  }
  if (!outcome.result) return outcome.result.error();
  return chosen.size();
}

}  // namespace baro::tsdb

#include "tsdb/head/transaction.h"

#include <algorithm>
#include <bit>

namespace baro::tsdb {
namespace {

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

}  // namespace

base::Result<CommitStats> HeadAppender::Transaction::Run(Durability durability) {
  if (IsEmpty()) {
    const CommitStats stats = appender_.stats_;
    Finish();
    return stats;
  }
  writer_.log.TryToRecover();
  const base::Result<CommitNumber> number = EnqueueAndLink();
  if (!number) return number.error();
  if (*number == 0) {
    const CommitStats stats = appender_.stats_;
    Finish();
    return stats;
  }
  const bool is_synced = durability == Durability::kSynced || writer_.options.log_sync == LogSync::kAlways;
  LogWriter::Outcome outcome = writer_.log.Wait(*number, is_synced);
  if (!outcome.is_written) {
    TakeBack(*number);
    return outcome.result.error();
  }
  for (const PendingExemplar& pending : appender_.exemplars_) {
    writer_.exemplars.Add(pending.series, pending.exemplar);
  }
  appender_.metadata_.clear();  // it is written: nothing to take back
  writer_.head.NoteTimes(time_min_ms_, time_max_ms_);
  const CommitStats stats = appender_.stats_;
  Finish();
  if (!outcome.result) return outcome.result.error();
  return stats;
}

bool HeadAppender::Transaction::IsEmpty() const {
  const auto has_samples = [](const PendingRow& pending) { return pending.present + pending.late_present > 0; };
  return std::ranges::none_of(appender_.rows_, has_samples) && appender_.samples_.empty() &&
         appender_.exemplars_.empty() && appender_.starts_.empty() && appender_.metadata_.empty();
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::LockAll() {
  groups_.clear();
  stripes_.clear();
  for (const PendingRow& pending : appender_.rows_) groups_.push_back(pending.group.get());
  for (const PendingSample& pending : appender_.samples_) stripes_.push_back(Head::StripeOf(*pending.series));
  for (const PendingStart& pending : appender_.starts_) stripes_.push_back(Head::StripeOf(*pending.series));
  std::ranges::sort(groups_, {}, [](const Group* group) { return group->log_id; });
  groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
  std::ranges::sort(stripes_);
  stripes_.erase(std::unique(stripes_.begin(), stripes_.end()), stripes_.end());
  for (Group* group : groups_) group->mutex.Lock();
  for (const std::size_t stripe : stripes_) writer_.head.StripeMutexAt(stripe).Lock();
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::UnlockAll() {
  for (auto stripe = stripes_.rbegin(); stripe != stripes_.rend(); ++stripe) {
    writer_.head.StripeMutexAt(*stripe).Unlock();
  }
  for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) (*group)->mutex.Unlock();
}

// Whether columns changed since the rows were built, or a series that is written singly is at home in a group.
BARO_DYNAMIC_LOCKS bool HeadAppender::Transaction::HasMoved() const {
  for (const PendingRow& pending : appender_.rows_) {
    if (pending.version != pending.group->leave_version()) return true;
  }
  return std::ranges::any_of(appender_.samples_, [](const PendingSample& pending) {
    return !pending.is_late && pending.series->home != nullptr;
  });
}

// Shape  the moves mutex is held, so that what is settled here stays until the commit is linked.
BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::Resettle() {
  for (const PendingSample& pending : appender_.samples_) {
    if (pending.is_late) continue;
    writer_.head.MoveToSingles(pending.series);
    singly_.insert(pending.series->ref);
  }
  FindInTwoGroups();
  // Rows of one group may make each other's columns grow: the second pass finds all in place.
  for (int pass = 0; pass < 2; ++pass) {
    for (PendingRow& pending : appender_.rows_) Rebuild(pending);
  }
  std::ranges::stable_sort(appender_.samples_, {}, [](const PendingSample& each) { return each.sample.timestamp_ms; });
}

// A series that stands in rows of two groups can be at home in neither: it comes singly.
BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::FindInTwoGroups() {
  const auto& rows = appender_.rows_;
  if (std::ranges::all_of(rows, [&rows](const PendingRow& each) { return each.group == rows.front().group; })) return;
  std::unordered_map<SeriesRef, const Group*> group_of;
  for (const PendingRow& pending : rows) {
    for (const RowOrderPtr& order : pending.orders) {
      for (const SeriesRef ref : order->series) {
        if (group_of.try_emplace(ref, pending.group.get()).first->second == pending.group.get()) continue;
        const SeriesPtr series = writer_.head.Find(ref);
        if (series == nullptr || !singly_.insert(ref).second) continue;
        writer_.head.MoveToSingles(series);
      }
    }
  }
}

// What a row has of a series that comes singly in the same commit goes with those.
void HeadAppender::Transaction::TakeSingly(SeriesRef ref, model::Sample sample, bool is_late) {
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) {  // it left at this moment, and cannot come back
    --appender_.stats_.accepted;
    ++appender_.stats_.unknown;
    return;
  }
  appender_.pinned_.push_back(series);
  appender_.samples_.push_back({.series = std::move(series), .sample = sample, .is_late = is_late});
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::Rebuild(PendingRow& pending) {
  std::vector<SeriesRef> series;
  std::vector<double> values;
  std::vector<bool> is_late;
  std::set<SeriesRef> taken;
  const Row& old = *pending.row;
  for (const RowOrderPtr& order : pending.orders) {
    for (std::size_t i = 0; i < order->series.size(); ++i) {
      const std::uint32_t column = order->ColumnOf(i);
      if (column == RowOrder::kNoColumn) continue;
      const bool comes_late = !old.Has(column);
      if (comes_late && (pending.late == nullptr || !pending.late->Has(column))) continue;
      const SeriesRef ref = Recover(pending, order->series[i]);
      const double value = comes_late ? pending.late->values[column] : old.values[column];
      if (singly_.contains(ref)) {
        // Two lists of one row may both name it.
        if (taken.insert(ref).second) TakeSingly(ref, {.timestamp_ms = old.timestamp_ms, .value = value}, comes_late);
        continue;
      }
      series.push_back(ref);
      values.push_back(value);
      is_late.push_back(comes_late);
    }
  }
  const RowOrderPtr order = writer_.head.MakeOrder(pending.group, series);
  auto row = std::make_shared<Row>();
  auto late = std::make_shared<Row>();
  const base::MutexLock lock(pending.group->mutex);
  for (Row* each : {row.get(), late.get()}) {
    each->timestamp_ms = old.timestamp_ms;
    each->values.resize(pending.group->members().size());
    each->presence.resize((each->values.size() + 63) / 64);
  }
  pending.present = 0;
  pending.late_present = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const std::uint32_t column = order->ColumnOf(i);
    if (column == RowOrder::kNoColumn) {
      // Twice in one appender through two lists, of which the first counts; or the series has left the head, and the
      // limit of series keeps it out.
      if (order->refusals[i] != SampleStatus::kUnknownSeries) continue;
      --appender_.stats_.accepted;
      ++appender_.stats_.unknown;
      continue;
    }
    Row& to = is_late[i] ? *late : *row;
    to.values[column] = values[i];
    to.presence[column / 64] |= 1ULL << (column % 64);
    ++(is_late[i] ? pending.late_present : pending.present);
  }
  pending.row = std::move(row);
  pending.late = pending.late_present > 0 ? std::move(late) : nullptr;
  pending.orders = {order};
  pending.version = pending.group->leave_version();
}

// A series that left the head while its row was on the way comes back: its sample has been accepted.
SeriesRef HeadAppender::Transaction::Recover(const PendingRow& pending, SeriesRef ref) {
  if (writer_.head.Find(ref) != nullptr) return ref;
  SeriesPtr left;
  {
    const base::MutexLock lock(pending.group->mutex);
    left = pending.group->FindLeft(ref);
  }
  if (left == nullptr) return ref;
  auto series = writer_.head.GetOrCreatePinned(left->labels, nullptr);
  if (!series) return ref;
  appender_.pinned_.push_back(*series);
  return (*series)->ref;
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::CheckRows() {
  // The appender may have been made before some of its times became a block's.
  appender_.rules_.in_order.min_ms = std::max(appender_.rules_.in_order.min_ms, writer_.head.floor_ms());
  for (std::size_t i = 0; i < appender_.rows_.size(); ++i) {
    PendingRow& pending = appender_.rows_[i];
    pending.row->values.resize(pending.group->members().size());  // more may have come since it was built
    pending.row->presence.resize((pending.row->values.size() + 63) / 64);
    const std::int64_t time_ms = pending.row->timestamp_ms;
    bool is_clear = time_ms > pending.group->clear_after_ms() && time_ms >= appender_.rules_.in_order.min_ms;
    // Two rows of one group in one appender: the second is judged behind the first.
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      is_clear &= appender_.rows_[earlier].group != pending.group ||
                  appender_.rows_[earlier].row->timestamp_ms < pending.row->timestamp_ms;
    }
    if (!is_clear) CheckRowSlowly(pending);
    Row& row = *pending.row;
    if (pending.present == row.values.size()) row.presence.clear();
    if (pending.late_present > 0) CheckLateRow(pending);
    if (pending.present == 0) continue;
    time_min_ms_ = std::min(time_min_ms_, row.timestamp_ms);
    time_max_ms_ = std::max(time_max_ms_, row.timestamp_ms);
  }
}

// What a staged late row has at that time already is left out, silently.
BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::CheckLateRow(PendingRow& pending) {
  Row& late = *pending.late;
  late.values.resize(pending.group->members().size());
  late.presence.resize((late.values.size() + 63) / 64);
  const LateRows* known = pending.group->late();
  const DeleteEpoch epoch = writer_.head.delete_epoch();
  if (known != nullptr && known->HasStaged(late.timestamp_ms)) {
    for (std::uint32_t column = 0; column < late.values.size(); ++column) {
      if (!late.Has(column) || !known->IsTaken(column, late.timestamp_ms, epoch)) continue;
      late.values[column] = 0;
      late.presence[column / 64] &= ~(1ULL << (column % 64));
      --pending.late_present;
      --appender_.stats_.accepted;
    }
  }
  if (pending.late_present == late.values.size()) late.presence.clear();
  if (pending.late_present == 0) return;
  late_ += pending.late_present;
  NoteLateTime(late.timestamp_ms);
}

void HeadAppender::Transaction::NoteLateTime(std::int64_t timestamp_ms) {
  late_max_ms_ = std::max(late_max_ms_, timestamp_ms);
  writer_.head.NoteLateTime(timestamp_ms);
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::CheckRowSlowly(PendingRow& pending) {
  Row& row = *pending.row;
  for (std::uint32_t column = 0; column < row.values.size(); ++column) {
    if (!row.Has(column)) continue;
    LastSample last = pending.group->Last(column);
    for (const PendingRow& earlier : appender_.rows_) {
      if (&earlier == &pending) break;
      if (earlier.group != pending.group || !earlier.row->Has(column)) continue;
      last = Later(last, {.timestamp_ms = earlier.row->timestamp_ms, .bits = Bits(earlier.row->values[column])});
    }
    const double value = row.values[column];
    const Verdict verdict = appender_.rules_.Decide(row.timestamp_ms, Judge(last, row.timestamp_ms, Bits(value)));
    if (verdict.status == SampleStatus::kAccepted && !verdict.is_late) continue;
    row.values[column] = 0;
    row.presence[column / 64] &= ~(1ULL << (column % 64));
    --pending.present;
    if (verdict.is_late) {
      appender_.AddLate(pending, column, value);
      continue;
    }
    --appender_.stats_.accepted;
    appender_.Count(verdict.status);
  }
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::CheckSamples() {
  std::unordered_map<const Series*, LastSample> newest;
  for (PendingSample& pending : appender_.samples_) {
    const auto [place, is_first] = newest.try_emplace(pending.series.get());
    LastSample& last = place->second;
    if (is_first) last = pending.series->LastSingle();
    const std::int64_t time_ms = pending.sample.timestamp_ms;
    const Verdict verdict = CheckSample(pending, last);
    pending.is_late = verdict.is_late;
    pending.is_accepted = verdict.status == SampleStatus::kAccepted && (!verdict.is_late || TakeLateTime(pending));
    if (!pending.is_accepted) {
      --appender_.stats_.accepted;
      if (!verdict.is_late) appender_.NoteRefused(*pending.series, time_ms, verdict.status);
      continue;
    }
    if (verdict.is_late) {
      ++late_;
      NoteLateTime(time_ms);
      continue;
    }
    last = {.timestamp_ms = time_ms, .bits = Bits(pending.sample.value), .histogram = pending.histogram};
    time_min_ms_ = std::min(time_min_ms_, time_ms);
    time_max_ms_ = std::max(time_max_ms_, time_ms);
  }
}

BARO_DYNAMIC_LOCKS Verdict HeadAppender::Transaction::CheckSample(const PendingSample& pending,
                                                                  const LastSample& last) {
  // Its series may be at home in a group still, whose newest sample is newer than it.
  if (pending.is_late) return {.status = SampleStatus::kAccepted, .is_late = true};
  const std::int64_t time_ms = pending.sample.timestamp_ms;
  return appender_.rules_.Decide(time_ms, pending.histogram != nullptr
                                              ? Judge(last, time_ms, *pending.histogram)
                                              : Judge(last, time_ms, Bits(pending.sample.value)));
}

// False if a late sample of that time is there.
BARO_DYNAMIC_LOCKS bool HeadAppender::Transaction::TakeLateTime(const PendingSample& pending) {
  const LateSingles* known = pending.series->late();
  if (known != nullptr && known->IsTaken(pending.sample.timestamp_ms, writer_.head.delete_epoch())) return false;
  return late_times_.emplace(pending.series.get(), pending.sample.timestamp_ms).second;
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::LinkStarts() {
  for (PendingStart& pending : appender_.starts_) {
    if (!pending.is_change) continue;
    StartTimes& starts = pending.series->MakeStarts();
    pending.before_ms = StartAt(starts.runs(), pending.run.from_ms);
    if (pending.is_late) {
      starts.PutOnce(pending.run.from_ms, pending.run.start_ms);
    } else {
      starts.Put(pending.run.from_ms, pending.run.start_ms);
    }
    starts.set_in_doubt(false);
  }
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::TakeBackStarts() {
  for (auto pending = appender_.starts_.rbegin(); pending != appender_.starts_.rend(); ++pending) {
    if (!pending->is_change) continue;
    StartTimes& starts = pending->series->MakeStarts();
    starts.Put(pending->run.from_ms, pending->before_ms);
    starts.set_in_doubt(true);
  }
}

// Returns 0 if the last checks left nothing.
BARO_DYNAMIC_LOCKS base::Result<CommitNumber> HeadAppender::Transaction::EnqueueAndLink() {
  LockAll();
  const bool has_moved = HasMoved();
  if (has_moved) {
    UnlockAll();
    writer_.head.moves_mutex.Lock();
    Resettle();
    LockAll();
  }
  CheckRows();
  CheckSamples();
  appender_.stats_.late = late_;
  // Counted before the log has them: who waits for the log to come to a segment's end then knows of them. The same
  // holds for where the head begins, and who raises the floor.
  writer_.head.AddLateSamples(late_);
  writer_.head.NoteTimes(time_min_ms_, model::kMinTimestampMs);
  base::Result<CommitNumber> number = CommitNumber{0};
  for (;;) {
    const std::uint64_t segment = writer_.log.queue_segment();
    base::ByteBuffer payload = BuildPayload(segment);
    if (payload.empty()) break;
    auto queued = writer_.log.Enqueue(std::move(payload), segment, std::max(time_max_ms_, late_max_ms_));
    if (queued && *queued) {
      Link(**queued, segment);
      number = **queued;
      break;
    }
    for (Series* series : newly_logged_) series->is_logged.store(false, std::memory_order_relaxed);
    if (!queued) {
      number = std::move(queued).error();
      break;
    }
  }
  if (!number) writer_.head.RemoveLateSamples(late_);
  UnlockAll();
  if (has_moved) writer_.head.moves_mutex.Unlock();
  return number;
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::Link(CommitNumber number, std::uint64_t segment) {
  const DeleteEpoch epoch = writer_.head.delete_epoch();
  LinkStarts();
  for (std::size_t i = 0; i < appender_.rows_.size(); ++i) {
    PendingRow& pending = appender_.rows_[i];
    if (pending.late_present > 0) {
      pending.late->commit = number;
      pending.group->LinkLate(pending.late, epoch);
    }
    if (pending.present == 0) continue;
    pending.row->commit = number;
    pending.group->Link(pending.row);
    pending.group->NoteLogged(segment, was_whole_[i]);
  }
  for (const PendingSample& pending : appender_.samples_) {
    if (!pending.is_accepted) continue;
    if (pending.is_late) {
      LinkLate(pending, number, epoch);
      continue;
    }
    Singles& singles = pending.series->MakeSingles();
    if (pending.histogram != nullptr) {
      singles.histograms.push_back(
          {.sample = {.timestamp_ms = pending.sample.timestamp_ms, .histogram = pending.histogram}, .commit = number});
      singles.last_logged = {.sample = singles.histograms.back().sample,
                             .segment = segment,
                             .differences = pending.is_difference ? singles.last_logged.differences + 1 : 0};
    } else {
      singles.tail.push_back(
          {.timestamp_ms = pending.sample.timestamp_ms, .value = pending.sample.value, .commit = number});
    }
  }
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::LinkLate(const PendingSample& pending, CommitNumber number,
                                                            DeleteEpoch epoch) {
  LateSingles& late = pending.series->MakeLate();
  const std::int64_t time_ms = pending.sample.timestamp_ms;
  if (pending.histogram == nullptr) {
    late.Insert({.timestamp_ms = time_ms, .value = pending.sample.value, .commit = number, .epoch = epoch});
  } else {
    late.Insert(
        {.sample = {.timestamp_ms = time_ms, .histogram = pending.histogram}, .commit = number, .epoch = epoch});
  }
}

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::TakeBack(CommitNumber number) {
  LockAll();
  TakeBackStarts();
  for (Group* group : groups_) group->Unlink(number);
  for (const PendingSample& pending : appender_.samples_) {
    if (Singles* singles = pending.series->singles()) singles->Remove(number);
    if (LateSingles* late = pending.series->late()) late->Remove(number);
    pending.series->DropEmptyLate();
  }
  writer_.head.RemoveLateSamples(late_);
  for (Series* series : newly_logged_) series->is_logged.store(false, std::memory_order_relaxed);
  UnlockAll();
  writer_.log.TakenBack();
}

// Behind the commit: counts, and sealing what has become enough.
void HeadAppender::Transaction::Finish() {
  const CommitStats& stats = appender_.stats_;
  std::size_t histograms = 0;
  for (const PendingSample& pending : appender_.samples_) {
    histograms += pending.is_accepted && pending.histogram != nullptr ? 1 : 0;
  }
  writer_.samples_appended.Add(static_cast<double>(stats.accepted - histograms));
  if (histograms > 0) writer_.histograms_appended.Add(static_cast<double>(histograms));
  if (stats.out_of_order > 0) writer_.out_of_order.Add(static_cast<double>(stats.out_of_order));
  if (stats.out_of_bounds > 0) writer_.out_of_bounds.Add(static_cast<double>(stats.out_of_bounds));
  if (stats.too_old > 0) writer_.too_old.Add(static_cast<double>(stats.too_old));
  if (stats.late > 0) writer_.late_appended.Add(static_cast<double>(stats.late));

  const CommitNumber visible_to_all = writer_.head.VisibleToAll(writer_.log.written());
  for (const PendingRow& pending : appender_.rows_) {
    if (pending.present > 0) pending.group->Seal(visible_to_all, /*all=*/false);
    if (pending.late_present == 0) continue;
    const base::MutexLock lock(pending.group->mutex);
    pending.group->SealLate(visible_to_all, writer_.head.block_range_ms(), /*all=*/false);
  }
  for (const PendingSample& pending : appender_.samples_) {
    const base::MutexLock lock(writer_.head.StripeMutex(*pending.series));
    pending.series->SealSingles(visible_to_all);
    if (LateSingles* late = pending.series->late()) late->Seal(visible_to_all);
  }
}

}  // namespace baro::tsdb

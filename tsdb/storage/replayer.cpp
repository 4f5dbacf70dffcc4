#include "tsdb/storage/replayer.h"

#include <algorithm>
#include <bit>

#include "tsdb/head/late_samples.h"

namespace baro::tsdb {
namespace {

constexpr CommitNumber kBeforeThisRun = 0;
// Numbers of groups are never used twice, also when the segments that had them are gone or cannot be read: each run
// begins with numbers of its own.
constexpr unsigned kGroupsPerSegmentLog2 = 16;
// What a hostile log names is not reached by ours.
constexpr std::uint64_t kGroupMax = std::uint64_t{1} << 48;

bool IsPresent(const LoggedRow& row, std::size_t column) {
  return row.presence.empty() || ((row.presence[column / 64] >> (column % 64)) & 1) != 0;
}

std::size_t CountPresent(const LoggedRow& row) {
  if (row.presence.empty()) return row.values.size();
  std::size_t count = 0;
  for (const std::uint64_t word : row.presence) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

std::uint64_t LeaveVersionOf(Group& group) {
  const base::MutexLock lock(group.mutex);
  return group.leave_version();
}

}  // namespace

Replayer::Replayer(Head& head, ExemplarStore& exemplars, HeadFiles& head_files, HeadFiles::Loaded loaded,
                   std::uint64_t late_from_segment, base::Logger log)
    : head_(head),
      exemplars_(exemplars),
      head_files_(head_files),
      loaded_(std::move(loaded)),
      late_from_segment_(late_from_segment),
      log_(std::move(log)) {
  for (std::size_t i = 0; i < loaded_.chunks.size(); ++i) {
    LoggedGroup& logged = groups_[loaded_.chunks[i].group];
    if (logged.chunks++ == 0) logged.first_chunk = i;
  }
}

void Replayer::Note(std::int64_t timestamp_ms) {
  time_max_ms_ = std::max(time_max_ms_, timestamp_ms);
  segment_min_ms_ = std::min(segment_min_ms_, timestamp_ms);
  head_.NoteTimes(timestamp_ms, timestamp_ms);
}

void Replayer::NoteStranger(std::int64_t timestamp_ms) {
  strangers_.min_ms = std::min(strangers_.min_ms, timestamp_ms);
  strangers_.max_ms = std::max(strangers_.max_ms, timestamp_ms);
}

// At the end of a segment.
std::int64_t Replayer::TakeTimeMax() {
  if (time_max_ms_ != model::kMinTimestampMs) {
    for (; losses_ended_ < losses_before_; ++losses_ended_) {
      model::TimeRange& range = losses_[losses_ended_].range;
      range.max_ms = std::max(range.min_ms, time_max_ms_);
    }
    before_min_ms_ = std::exchange(segment_min_ms_, model::kMaxTimestampMs);
  }
  losses_before_ = losses_.size();
  return std::exchange(time_max_ms_, model::kMinTimestampMs);
}

void Replayer::OnDamage(const std::string& what) {
  const std::int64_t oldest_ms = std::min(segment_min_ms_, before_min_ms_);
  const bool is_known = oldest_ms != model::kMaxTimestampMs;
  // What is older than the floor is in blocks.
  losses_.push_back(
      {.range = {.min_ms = is_known ? std::max(oldest_ms, head_.floor_ms()) : head_.floor_ms()}, .what = what});
}

std::vector<DataLoss> Replayer::TakeLosses(bool is_damaged) {
  if (is_damaged && !strangers_.empty()) {
    losses_.push_back(
        {.range = strangers_,
         .what = fmt::format("the log has {} samples of series whose labels are damaged", samples_without_series_)});
  }
  return std::move(losses_);
}

void Replayer::OnSeries(LogSeriesId id, model::Labels labels) {
  auto series = head_.GetOrCreatePinned(labels, nullptr);
  if (!series) return;  // over the limit of series; its samples are counted as without one
  head_.ReserveLogIds(static_cast<LogSeriesId>(static_cast<std::uint64_t>(id) + 1));
  // One label set may have had several numbers in the life of a log. The last one is its own from now on, and knows no
  // start of the one before.
  if (StartTimes* const starts = (*series)->starts(); starts != nullptr && (*series)->log_id != id) {
    *starts = StartTimes();
  }
  (*series)->log_id = id;
  (*series)->is_logged.store(true, std::memory_order_relaxed);
  if (series_.Find(id) != nullptr || !series_.Add(id, *series)) Head::Unpin(*series);  // of two the first counts
}

void Replayer::OnLayout(std::uint64_t group, std::span<const LogSeriesId> columns) {
  LoggedGroup& logged = groups_[group];
  // The same columns with other owners are another layout: rows of another group may have taken series away meanwhile.
  const bool is_same = logged.is_settled && !logged.has_strangers && std::ranges::equal(logged.columns, columns) &&
                       logged.leave_version == LeaveVersionOf(*logged.group);
  if (is_same) return;
  if (logged.group == nullptr) logged.group = head_.RestoreGroup(group);
  logged.columns.assign(columns.begin(), columns.end());
  logged.has_strangers = false;
  std::vector<SeriesPtr> series(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == LogSeriesId::kNone) continue;
    series[i] = series_.Find(columns[i]);
    logged.has_strangers |= series[i] == nullptr;
  }
  const base::MutexLock moves(head_.moves_mutex);
  logged.is_settled = head_.RestoreLayout(logged.group, series);
  logged.leave_version = LeaveVersionOf(*logged.group);
}

bool Replayer::IsKnown(const LoggedRow& row, const LoggedGroup& logged) const {
  if (row.timestamp_ms < head_.floor_ms()) return true;  // a block has it
  // The end of a segment may have been written again in the next one: what repeats is passed over.
  if (row.number <= logged.last_row) return true;
  const std::span<const HeadFileChunk> chunks(loaded_.chunks.data() + logged.first_chunk, logged.chunks);
  const auto behind = std::ranges::upper_bound(chunks, row.number, {},
                                               [](const HeadFileChunk& each) { return each.chunk->first_row(); });
  return behind != chunks.begin() && row.number <= std::prev(behind)->chunk->last_row();
}

bool Replayer::PassOver(const LoggedRow& row) {
  if (row.is_late) return IsInBlock(row.timestamp_ms);
  LoggedGroup& logged = groups_[row.group];
  if (!IsKnown(row, logged)) return false;
  time_max_ms_ = std::max(time_max_ms_, row.timestamp_ms);
  segment_min_ms_ = std::min(segment_min_ms_, row.timestamp_ms);
  logged.last_row = std::max(logged.last_row, row.number);
  return true;
}

std::size_t Replayer::CountStrangers(const LoggedRow& row, const LoggedGroup& logged) const {
  if (!logged.is_settled) return CountPresent(row);
  if (!logged.has_strangers) return 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < row.values.size(); ++i) {
    count += IsPresent(row, i) && series_.Find(logged.columns[i]) == nullptr ? 1 : 0;
  }
  return count;
}

void Replayer::OnLateRow(const LoggedRow& row, const LoggedGroup& logged) {
  if (logged.group == nullptr || !logged.is_settled || logged.columns.size() != row.values.size()) {
    samples_without_series_ += CountPresent(row);
    return;
  }
  const base::MutexLock lock(logged.group->mutex);
  const LateRows* known = logged.group->late();
  const bool may_repeat = known != nullptr && known->HasStaged(row.timestamp_ms);
  auto out = std::make_shared<Row>();
  out->timestamp_ms = row.timestamp_ms;
  out->values.assign(row.values.begin(), row.values.end());
  out->presence.resize((out->values.size() + 63) / 64);
  std::size_t present = 0;
  for (std::uint32_t column = 0; column < row.values.size(); ++column) {
    if (!IsPresent(row, column)) continue;
    if (logged.has_strangers && series_.Find(logged.columns[column]) == nullptr) {
      ++samples_without_series_;
      continue;
    }
    if (may_repeat && known->IsTaken(column, row.timestamp_ms, head_.delete_epoch())) continue;
    out->presence[column / 64] |= 1ULL << (column % 64);
    ++present;
  }
  if (present == 0) return;
  if (present == out->values.size()) out->presence.clear();
  samples_ += present;
  head_.AddLateSamples(present);
  logged.group->LinkLate(std::move(out), head_.delete_epoch());
  logged.group->SealLate(kBeforeThisRun, head_.block_range_ms(), /*all=*/false);
  NoteLate(row.timestamp_ms);
}

void Replayer::NoteLate(std::int64_t timestamp_ms) {
  segment_min_ms_ = std::min(segment_min_ms_, timestamp_ms);
  time_max_ms_ = std::max(time_max_ms_, timestamp_ms);  // its segment stays as long as one with samples in order
  head_.NoteLateTime(timestamp_ms);
}

void Replayer::OnRow(const LoggedRow& row) {
  LoggedGroup& logged = groups_[row.group];
  if (row.is_late) {
    OnLateRow(row, logged);
    return;
  }
  const bool is_known = IsKnown(row, logged);
  logged.last_row = std::max(logged.last_row, row.number);
  if (is_known || logged.columns.size() != row.values.size()) return;
  const std::size_t strangers = CountStrangers(row, logged);
  samples_without_series_ += strangers;
  if (strangers > 0) NoteStranger(row.timestamp_ms);
  if (strangers == CountPresent(row)) return;
  samples_ += CountPresent(row) - strangers;
  auto out = std::make_shared<Row>();
  out->number = row.number;
  out->timestamp_ms = row.timestamp_ms;
  out->values.assign(row.values.begin(), row.values.end());
  out->presence.assign(row.presence.begin(), row.presence.end());
  {
    const base::MutexLock lock(logged.group->mutex);
    logged.group->Link(std::move(out));
  }
  Note(row.timestamp_ms);
  logged.group->Seal(kBeforeThisRun, /*all=*/false);
}

SeriesPtr Replayer::FindSingle(LogSeriesId id) {
  SeriesPtr series = series_.Find(id);
  if (series == nullptr) {
    ++samples_without_series_;
    return nullptr;
  }
  if (series->home != nullptr) {
    const base::MutexLock moves(head_.moves_mutex);
    head_.MoveToSingles(series);
  }
  series->MakeSingles();
  return series;
}

void Replayer::OnSample(LogSeriesId id, model::Sample sample) {
  if (sample.timestamp_ms < head_.floor_ms()) return;
  const SeriesPtr series = FindSingle(id);
  if (series == nullptr) return NoteStranger(sample.timestamp_ms);
  if (Judge(series->LastSingle(), sample.timestamp_ms, std::bit_cast<std::uint64_t>(sample.value)) !=
      SampleStatus::kAccepted) {
    return;
  }
  series->singles()->tail.push_back(
      {.timestamp_ms = sample.timestamp_ms, .value = sample.value, .commit = kBeforeThisRun});
  series->SealSingles(kBeforeThisRun);
  ++samples_;
  Note(sample.timestamp_ms);
}

void Replayer::OnHistogram(LogSeriesId id, std::int64_t timestamp_ms,
                           std::shared_ptr<const model::FloatHistogram> histogram) {
  if (timestamp_ms < head_.floor_ms()) return;
  const SeriesPtr series = FindSingle(id);
  if (series == nullptr) return NoteStranger(timestamp_ms);
  if (Judge(series->LastSingle(), timestamp_ms, *histogram) != SampleStatus::kAccepted) return;
  series->singles()->histograms.push_back(
      {.sample = {.timestamp_ms = timestamp_ms, .histogram = std::move(histogram)}, .commit = kBeforeThisRun});
  series->SealSingles(kBeforeThisRun);
  ++samples_;
  Note(timestamp_ms);
}

SeriesPtr Replayer::FindLate(LogSeriesId id, std::int64_t timestamp_ms) {
  if (IsInBlock(timestamp_ms)) return nullptr;
  SeriesPtr series = series_.Find(id);
  if (series == nullptr) {
    ++samples_without_series_;
    NoteStranger(timestamp_ms);
  }
  return series;
}

void Replayer::OnLateSample(LogSeriesId id, model::Sample sample) {
  const SeriesPtr series = FindLate(id, sample.timestamp_ms);
  if (series == nullptr || series->MakeLate().IsTaken(sample.timestamp_ms, head_.delete_epoch())) return;
  series->late()->Insert({.timestamp_ms = sample.timestamp_ms,
                          .value = sample.value,
                          .commit = kBeforeThisRun,
                          .epoch = head_.delete_epoch()});
  series->late()->Seal(kBeforeThisRun);
  head_.AddLateSamples(1);
  ++samples_;
  NoteLate(sample.timestamp_ms);
}

void Replayer::OnLateHistogram(LogSeriesId id, std::int64_t timestamp_ms,
                               std::shared_ptr<const model::FloatHistogram> histogram) {
  const SeriesPtr series = FindLate(id, timestamp_ms);
  if (series == nullptr || series->MakeLate().IsTaken(timestamp_ms, head_.delete_epoch())) return;
  series->late()->Insert({.sample = {.timestamp_ms = timestamp_ms, .histogram = std::move(histogram)},
                          .commit = kBeforeThisRun,
                          .epoch = head_.delete_epoch()});
  head_.AddLateSamples(1);
  ++samples_;
  NoteLate(timestamp_ms);
}

// What came before it in the log is hidden.
void Replayer::OnTombstones(model::TimeRange range, std::span<const LoggedTombstone> tombstones) {
  const DeleteEpoch epoch = head_.NextDeleteEpoch();
  for (const LoggedTombstone& tombstone : tombstones) {
    const SeriesPtr series = series_.Find(tombstone.series);
    if (series == nullptr) continue;  // it has left
    series->AddTombstone(
        {.range = range, .in_order_max_ms = tombstone.in_order_max_ms, .commit = kBeforeThisRun, .epoch = epoch});
    exemplars_.DeleteOf(*series, range);
  }
}

void Replayer::OnExemplar(LogSeriesId id, std::int64_t timestamp_ms, model::Exemplar exemplar) {
  const SeriesPtr series = series_.Find(id);
  if (series == nullptr || timestamp_ms < head_.floor_ms()) return;  // a block has it, or it was deleted there
  exemplar.timestamp_ms = timestamp_ms;
  exemplars_.Add(series, exemplar);
}

void Replayer::OnMetadata(std::int64_t seen_ms, std::string_view family, model::Metadata metadata) {
  head_.metadata().Put(family, metadata, seen_ms);
}

void Replayer::OnStart(LogSeriesId id, std::int64_t from_ms, std::int64_t start_ms) {
  if (const SeriesPtr series = series_.Find(id)) series->MakeStarts().Put(from_ms, start_ms);
}

// Sees to it that series find the chunk's columns. `elsewhere` gets those whose series are not at home in them.
// False: it holds samples of other series than the log says.
bool Replayer::RestoreColumns(const HeadFileChunk& chunk, const LoggedGroup& logged,
                              std::vector<std::uint32_t>& elsewhere) {
  const std::vector<LogSeriesId> layout = chunk.Layout();
  if (const LogSeriesId newest = *std::ranges::max_element(layout); newest != LogSeriesId::kNone) {
    head_.ReserveLogIds(static_cast<LogSeriesId>(static_cast<std::uint64_t>(newest) + 1));
  }
  const bool is_as_logged = logged.is_settled && layout.size() <= logged.columns.size() &&
                            std::equal(layout.begin(), layout.end(), logged.columns.begin());
  if (is_as_logged) return true;
  const base::MutexLock moves(head_.moves_mutex);
  for (std::uint32_t column = 0; column < layout.size(); ++column) {
    if (layout[column] == LogSeriesId::kNone) continue;
    const SeriesPtr series = series_.Find(layout[column]);
    if (series == nullptr) continue;
    if (!head_.RestorePlace(logged.group, column, series, layout[column])) return false;
    if (series->home != logged.group || series->home_column != column) elsewhere.push_back(column);
  }
  return true;
}

// A series that has moved away must not take samples that are older than those that it left behind.
void Replayer::RaiseFloors(const LoggedGroup& logged, std::span<const std::uint32_t> columns,
                           std::span<const GroupChunkPtr> chunks) {
  const std::vector<LogSeriesId> layout = [&] {
    const base::MutexLock lock(logged.group->mutex);
    return logged.group->Layout(chunks.back()->columns());
  }();
  std::vector<std::int64_t> timestamps;
  for (const GroupChunkPtr& chunk : chunks) {
    timestamps.clear();
    if (!chunk->ReadTimestamps(timestamps)) continue;  // readers will say so
    for (const std::uint32_t column : columns) {
      if (column >= layout.size() || !chunk->Has(column)) continue;
      const SeriesPtr series = series_.Find(layout[column]);
      const auto newest = chunk->ReadLast(column, timestamps);
      if (series == nullptr || !newest) continue;
      const LastSample last{.timestamp_ms = newest->timestamp_ms, .bits = std::bit_cast<std::uint64_t>(newest->value)};
      if (series->home != nullptr) {
        const base::MutexLock lock(series->home->mutex);
        series->home->RaiseLast(series->home_column, last);
      }
      const base::MutexLock lock(head_.StripeMutex(*series));
      series->RaiseFloor(last);
    }
  }
}

void Replayer::RestoreChunks(std::uint64_t id, LoggedGroup& logged) {
  if (logged.group == nullptr) logged.group = head_.RestoreGroup(id);
  std::vector<GroupChunkPtr> chunks;
  std::vector<std::uint32_t> elsewhere;
  base::ByteSpan settled_layout;
  for (std::size_t i = logged.first_chunk; i < logged.first_chunk + logged.chunks; ++i) {
    const HeadFileChunk& loaded = loaded_.chunks[i];
    if (!std::ranges::equal(settled_layout, loaded.packed_layout)) {
      if (!RestoreColumns(loaded, logged, elsewhere)) {
        log_.Error("a chunk of the head is of other series than the log says; it is left out",
                   {{"group", id}, {"rows", loaded.chunk->rows()}});
        continue;
      }
      settled_layout = loaded.packed_layout;
    }
    chunks.push_back(loaded.chunk);
    head_.NoteTimes(std::max(loaded.chunk->min_ms(), head_.floor_ms()), loaded.chunk->max_ms());
    // The power went before the log was synced: what is seen from now on must stay.
    if (loaded.chunk->last_row() <= logged.last_row || loaded_.files[i] == 0) continue;
    if (auto synced = head_files_.Sync(loaded_.files[i]); !synced) {
      log_.Warn("samples that the log has lost may not be on disk yet", {{"err", synced.error().message()}});
    }
  }
  if (chunks.empty()) return;
  {
    const base::MutexLock lock(logged.group->mutex);
    if (auto restored = logged.group->Restore(chunks); !restored) {
      log_.Warn("the newest samples of some series are not known", {{"err", restored.error().message()}});
    }
  }
  if (!elsewhere.empty()) RaiseFloors(logged, elsewhere, chunks);
  for (const GroupChunkPtr& chunk : chunks) {
    if (std::ranges::find(loaded_.only_mapped, chunk) != loaded_.only_mapped.end()) {
      head_files_.OnSealed(logged.group, chunk);
    }
  }
}

void Replayer::Finish(std::uint64_t next_segment) {
  std::uint64_t next_group = next_segment << kGroupsPerSegmentLog2;
  for (auto& [id, logged] : groups_) {
    if (logged.chunks > 0) RestoreChunks(id, logged);
    if (id < kGroupMax) next_group = std::max(next_group, id + 1);
    if (logged.group == nullptr) continue;
    const base::MutexLock lock(logged.group->mutex);
    logged.group->NoteRowNumber(logged.last_row);
  }
  head_.ReserveGroupIds(next_group);
  groups_.clear();
  series_.ForEach([](const SeriesPtr& series) { Head::Unpin(series); });
  series_.Clear();
}

}  // namespace baro::tsdb

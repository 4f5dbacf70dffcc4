#include "tsdb/storage/replayer.h"

#include <algorithm>
#include <bit>

namespace baro::tsdb {
namespace {

constexpr CommitNumber kBeforeThisRun = 0;

bool IsPresent(const LoggedRow& row, std::size_t column) {
  return row.presence.empty() || ((row.presence[column / 64] >> (column % 64)) & 1) != 0;
}

std::size_t CountPresent(const LoggedRow& row) {
  if (row.presence.empty()) return row.values.size();
  std::size_t count = 0;
  for (const std::uint64_t word : row.presence) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

}  // namespace

SeriesPtr Replayer::Find(LogSeriesId id) const {
  const auto found = series_.find(id);
  return found == series_.end() ? nullptr : found->second;
}

void Replayer::Note(std::int64_t timestamp_ms) {
  time_max_ms_ = std::max(time_max_ms_, timestamp_ms);
  head_.NoteTimes(timestamp_ms, timestamp_ms);
}

std::int64_t Replayer::TakeTimeMax() { return std::exchange(time_max_ms_, model::kMinTimestampMs); }

void Replayer::OnSeries(LogSeriesId id, model::Labels labels) {
  auto series = head_.GetOrCreatePinned(labels, nullptr);
  if (!series) return;  // over the limit of series; its samples are counted as without one
  head_.ReserveLogIds(static_cast<LogSeriesId>(static_cast<std::uint64_t>(id) + 1));
  // One label set may have had several numbers in the life of a log. The last one is its own from now on.
  (*series)->log_id = id;
  (*series)->is_logged.store(true, std::memory_order_relaxed);
  const auto [place, is_new] = series_.try_emplace(id, *series);
  if (!is_new) {
    Head::Unpin(*series);
    if (place->second != *series) {  // a hostile log; the first one counts
      return;
    }
  }
}

void Replayer::OnLayout(std::uint64_t group, std::span<const LogSeriesId> columns) {
  LoggedGroup& logged = groups_[group];
  const bool is_same = logged.order != nullptr && std::ranges::equal(logged.columns, columns);
  if (logged.ref == GroupRef::kNone) logged.ref = head_.AddGroup();
  logged.columns.assign(columns.begin(), columns.end());
  if (!is_same) logged.order = nullptr;
}

// Finds the columns of the head's group for those of the log's.
void Replayer::Settle(LoggedGroup& logged) {
  std::vector<SeriesRef> refs;
  std::vector<std::size_t> logged_columns;
  for (std::size_t i = 0; i < logged.columns.size(); ++i) {
    const SeriesPtr series = Find(logged.columns[i]);
    if (series == nullptr) continue;
    refs.push_back(series->ref);
    logged_columns.push_back(i);
  }
  const base::MutexLock moves(head_.moves_mutex);
  logged.order = head_.MakeOrder(head_.FindGroup(logged.ref), refs);
  logged.targets.assign(logged.columns.size(), RowOrder::kNoColumn);
  for (std::size_t i = 0; i < refs.size(); ++i) logged.targets[logged_columns[i]] = logged.order->ColumnOf(i);
}

void Replayer::OnRow(const LoggedRow& row) {
  if (row.timestamp_ms < head_.floor_ms()) return;  // a block has it
  LoggedGroup& logged = groups_[row.group];
  if (logged.columns.size() != row.values.size()) return;
  const GroupPtr group = head_.FindGroup(logged.ref);
  bool is_settled = false;
  if (logged.order != nullptr) {
    const base::MutexLock lock(group->mutex);
    is_settled = logged.order->version == group->leave_version();
  }
  if (!is_settled) Settle(logged);
  {
    const base::MutexLock lock(group->mutex);
    auto out = std::make_shared<Row>();
    out->timestamp_ms = row.timestamp_ms;
    out->values.resize(group->members().size());
    out->presence.resize((out->values.size() + 63) / 64);
    const bool is_clear = row.timestamp_ms > group->clear_after_ms();
    std::size_t present = 0;
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const std::uint32_t column = logged.targets[i];
      if (column == RowOrder::kNoColumn || !IsPresent(row, i)) continue;
      // The end of a segment may have been written again in the next one: what repeats is passed over.
      if (!is_clear && Judge(group->Last(column), row.timestamp_ms, std::bit_cast<std::uint64_t>(row.values[i])) !=
                           SampleStatus::kAccepted) {
        continue;
      }
      out->values[column] = row.values[i];
      out->presence[column / 64] |= 1ULL << (column % 64);
      ++present;
    }
    const std::size_t unknown = CountPresent(row) - std::min(present, CountPresent(row));
    if (is_clear) samples_without_series_ += unknown;
    if (present == 0) return;
    if (present == out->values.size()) out->presence.clear();
    samples_ += present;
    group->Link(std::move(out));
  }
  Note(row.timestamp_ms);
  group->Seal(kBeforeThisRun, /*all=*/false);
}

SeriesPtr Replayer::FindSingle(LogSeriesId id) {
  SeriesPtr series = Find(id);
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
  if (series == nullptr) return;
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
  if (series == nullptr) return;
  if (Judge(series->LastSingle(), timestamp_ms, *histogram) != SampleStatus::kAccepted) return;
  series->singles()->histograms.push_back(
      {.sample = {.timestamp_ms = timestamp_ms, .histogram = std::move(histogram)}, .commit = kBeforeThisRun});
  ++samples_;
  Note(timestamp_ms);
}

void Replayer::OnExemplar(LogSeriesId id, std::int64_t timestamp_ms, model::Exemplar exemplar) {
  const SeriesPtr series = Find(id);
  if (series == nullptr) return;
  exemplar.timestamp_ms = timestamp_ms;
  exemplars_.Add(series, exemplar);
}

void Replayer::Finish() {
  for (const auto& [id, logged] : groups_) {
    const GroupPtr group = head_.FindGroup(logged.ref);
    head_.DropGroup(logged.ref);
    if (group != nullptr) group->Seal(kBeforeThisRun, /*all=*/true);
  }
  groups_.clear();
  for (const auto& [id, series] : series_) Head::Unpin(series);
  series_.clear();
}

}  // namespace baro::tsdb

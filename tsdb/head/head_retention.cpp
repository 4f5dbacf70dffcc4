// What leaves the head: old samples, series without any, and columns that nobody fills.
#include <algorithm>
#include <mutex>

#include "base/saturating.h"
#include "tsdb/head/head.h"

namespace baro::tsdb {
namespace {

// A series that is in none of a group's rows for so long frees its column.
constexpr std::int64_t kAbsentMaxMs = 10 * 60 * 1000;
// A group whose columns are mostly vacant is replaced, but small ones are not worth it.
constexpr std::size_t kVacantMin = 64;
// Series are moved and removed in pieces, so that new targets never wait long.
constexpr std::size_t kPiece = 256;

}  // namespace

void Head::DropSamplesOf(Series& series, std::int64_t cutoff_ms, CommitNumber visible_to_all) {
  std::vector<Series::Place> places;
  {
    const base::MutexLock lock(StripeMutex(series));
    places.assign(series.places().begin(), series.places().end());
  }
  const bool has_late = late_samples() > 0 && HasLate(series);
  std::vector<const Group*> empty;
  for (const Series::Place& place : places) {
    const base::MutexLock lock(place.group->mutex);
    if (!place.group->HasSamples()) empty.push_back(place.group.get());
  }
  const base::MutexLock lock(StripeMutex(series));
  if (!empty.empty()) {
    series.DropPlaces(
        [&empty](const Series::Place& place) { return std::ranges::find(empty, place.group.get()) != empty.end(); });
  }
  series.DropBefore(cutoff_ms, visible_to_all, has_late);
}

bool Head::IsFreeToGo(Series& series, std::int64_t cutoff_ms) {
  if (series.home != nullptr) {
    const base::MutexLock lock(series.home->mutex);
    if (series.home->Last(series.home_column).timestamp_ms >= cutoff_ms) return false;
  }
  if (late_samples() > 0 && HasLate(series)) return false;
  const base::MutexLock lock(StripeMutex(series));
  return series.LastSingle().timestamp_ms < cutoff_ms;
}

bool Head::HasLate(Series& series) {
  std::vector<Series::Place> places;
  {
    const base::MutexLock lock(StripeMutex(series));
    if (series.late() != nullptr) return true;
    places.assign(series.places().begin(), series.places().end());
    if (series.home != nullptr) places.push_back({.group = series.home, .column = series.home_column});
  }
  return std::ranges::any_of(places, [](const Series::Place& place) {
    const base::MutexLock lock(place.group->mutex);
    return place.group->HasLate(place.column);
  });
}

void Head::DropLate(const LateCut& cut) {
  if (late_samples() == 0) return;
  std::size_t dropped = 0;
  for (const GroupPtr& group : AllGroups()) {
    const base::MutexLock lock(group->mutex);
    dropped += group->DropLate(cut);
  }
  for (const SeriesPtr& series : AllSeries()) {
    const base::MutexLock lock(StripeMutex(*series));
    if (series->late() == nullptr) continue;
    dropped += series->late()->Drop(cut);
    series->DropEmptyLate();
  }
  RemoveLateSamples(dropped);
}

bool Head::RemoveIfEmpty(const SeriesPtr& series, std::int64_t cutoff_ms) {
  if (!IsFreeToGo(*series, cutoff_ms)) return false;
  const std::uint64_t hash = series->labels.Hash();
  Shard& shard = ShardOf(hash);
  {
    const base::MutexLock lock(shard.mutex);
    const std::unique_lock slots_lock(slots_mutex_);
    // Pins are taken under one of these locks, so none comes while both are held.
    if (series->pins.load(std::memory_order_relaxed) != 0) return false;
    const Slot slot = series->slot();
    shard.by_hash.Erase(hash, slot);
    index_.Remove(slot, series->labels);
    slots_[slot] = nullptr;
    ++generations_[slot];
    free_slots_.push_back(slot);
  }
  series_count_.fetch_sub(1, std::memory_order_relaxed);
  MoveToSingles(series);
  return true;
}

void Head::DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all) {
  noted_min_ms_.store(model::kMaxTimestampMs, std::memory_order_relaxed);
  std::int64_t least = model::kMaxTimestampMs;
  for (const GroupPtr& group : AllGroups()) {
    const base::MutexLock lock(group->mutex);
    group->DropBefore(cutoff_ms, visible_to_all);
    if (group->late() != nullptr) least = std::min(least, group->late()->MinFrom(cutoff_ms));
    for (const GroupChunkPtr& chunk : group->chunks()) least = std::min(least, chunk->min_ms());
    for (const RowPtr& row : group->staged()) least = std::min(least, row->timestamp_ms);
  }
  const std::vector<SeriesPtr> all = AllSeries();
  for (std::size_t at = 0; at < all.size(); at += kPiece) {
    const base::MutexLock moves(moves_mutex);
    for (std::size_t i = at; i < std::min(all.size(), at + kPiece); ++i) {
      DropSamplesOf(*all[i], cutoff_ms, visible_to_all);
      if (RemoveIfEmpty(all[i], cutoff_ms)) continue;
      const base::MutexLock lock(StripeMutex(*all[i]));
      if (all[i]->late() != nullptr) least = std::min(least, all[i]->late()->MinFrom(cutoff_ms));
      const Singles* singles = all[i]->singles();
      if (singles == nullptr) continue;
      if (!singles->chunks.empty()) least = std::min(least, singles->chunks.front()->min_ms);
      if (!singles->tail.empty()) least = std::min(least, singles->tail.front().timestamp_ms);
      const auto& sealed = singles->sealed_histograms.chunks();
      if (!sealed.empty()) least = std::min(least, sealed.front()->min_ms);
      if (!singles->histograms.empty()) least = std::min(least, singles->histograms.front().sample.timestamp_ms);
    }
  }
  SetMinTime(least);
  // What came meanwhile may lie before.
  NoteTimes(noted_min_ms_.load(std::memory_order_seq_cst), model::kMinTimestampMs);
}

void Head::TidyGroups(CommitNumber visible_to_all) {
  std::vector<std::pair<GroupRef, GroupPtr>> groups;
  {
    const base::MutexLock lock(groups_mutex_);
    groups.assign(groups_.begin(), groups_.end());
  }
  for (const auto& [ref, group] : groups) {
    const base::MutexLock moves(moves_mutex);
    std::vector<SeriesPtr> absent;
    bool is_mostly_vacant = false;
    {
      const base::MutexLock lock(group->mutex);
      const RowPtr last = group->last_row();
      if (last == nullptr) continue;
      for (std::uint32_t column = 0; column < group->members().size(); ++column) {
        if (group->members()[column] == nullptr || last->Has(column)) continue;
        const std::int64_t seen_ms = group->Last(column).timestamp_ms;
        if (seen_ms < base::SaturatingSub(last->timestamp_ms, kAbsentMaxMs)) absent.push_back(group->members()[column]);
      }
      const std::size_t vacant = group->vacant() + absent.size();
      is_mostly_vacant = vacant > kVacantMin && vacant * 2 > group->members().size();
    }
    for (const SeriesPtr& series : absent) MoveToSingles(series);
    if (!is_mostly_vacant) continue;
    RetireGroup(group);
    const base::MutexLock lock(groups_mutex_);
    const auto found = groups_.find(ref);
    if (found == groups_.end()) continue;
    found->second = MakeCounted<Group>(next_group_++, sink_);
    all_groups_.push_back(found->second);
  }
  ForgetGroups();
  // Groups that get no more rows: what is still staged in them is sealed, however little it is.
  for (const GroupPtr& group : AllGroups()) {
    if (IsAbandoned(*group)) group->Seal(visible_to_all, /*all=*/true);
  }
}

// Whether it was retired, or nobody has taken it over for a while.
bool Head::IsAbandoned(const Group& group) const {
  const base::MutexLock moves(moves_mutex);
  const base::MutexLock lock(group.mutex);
  if (group.staged().empty()) return false;
  const bool is_old = group.staged().back()->timestamp_ms < base::SaturatingSub(max_time_ms(), kAbsentMaxMs);
  return group.vacant() == group.members().size() || (group.is_orphan && is_old);
}

}  // namespace baro::tsdb

// Groups of the run before: put back by the replay of the log, taken over by who appends to their series.
#include <algorithm>

#include "tsdb/head/head.h"

namespace baro::tsdb {

void Head::ReserveGroupIds(std::uint64_t next) {
  const base::MutexLock lock(groups_mutex_);
  next_group_ = std::max(next_group_, next);
}

GroupPtr Head::RestoreGroup(std::uint64_t log_id) {
  const base::MutexLock lock(groups_mutex_);
  GroupPtr group = MakeCounted<Group>(log_id, sink_);
  group->is_orphan = true;
  all_groups_.push_back(group);
  return group;
}

bool Head::RestoreLayout(const GroupPtr& group, std::span<const SeriesPtr> columns) {
  std::vector<std::uint32_t> changed;
  {
    const base::MutexLock lock(group->mutex);
    group->Widen(columns.size());
    for (std::uint32_t column = 0; column < columns.size(); ++column) {
      if (group->members()[column] != columns[column]) changed.push_back(column);
    }
  }
  // All that leave first: a series may have changed its column.
  for (const std::uint32_t column : changed) {
    SeriesPtr member;
    {
      const base::MutexLock lock(group->mutex);
      member = group->members()[column];
    }
    if (member != nullptr) MoveToSingles(member);
    if (columns[column] != nullptr) MoveToSingles(columns[column]);
  }
  const base::MutexLock group_lock(group->mutex);
  for (const std::uint32_t column : changed) {
    const SeriesPtr& series = columns[column];
    if (series == nullptr) continue;
    const base::MutexLock lock(StripeMutex(*series));
    // A label set may have left the head and come back with another number.
    const bool was_here = std::ranges::any_of(series->places(), [&group, column](const Series::Place& place) {
      return place.group == group && place.column == column;
    });
    if (series->home != nullptr || !group->JoinAt(column, series, series->LastSingle(), was_here)) return false;
    series->RemovePlace(*group, column);
    series->home = group;
    series->home_column = column;
  }
  return true;
}

bool Head::RestorePlace(const GroupPtr& group, std::uint32_t column, const SeriesPtr& series, LogSeriesId logged_as) {
  if (series->home == group && series->home_column == column) return true;
  {
    const base::MutexLock lock(group->mutex);
    // A series that left memory and came again has two numbers: the column may know either.
    if (!group->NoteOwner(column, logged_as) && !group->NoteOwner(column, series->log_id)) return false;
  }
  const base::MutexLock lock(StripeMutex(*series));
  series->AddPlace(group, column);
  return true;
}

GroupPtr Head::AdoptOrphan(GroupRef ref, const GroupPtr& fresh, std::span<const SeriesRef> series) {
  {
    const base::MutexLock lock(fresh->mutex);
    if (!fresh->members().empty()) return fresh;
  }
  const SeriesPtr first = Find(series.front());
  const base::MutexLock lock(groups_mutex_);
  const auto owner = groups_.find(ref);
  if (owner == groups_.end()) return fresh;          // dropped meanwhile
  if (owner->second != fresh) return owner->second;  // somebody else was here before
  if (first == nullptr || first->home == nullptr || !first->home->is_orphan) return fresh;
  owner->second = first->home;
  owner->second->is_orphan = false;
  return owner->second;
}

}  // namespace baro::tsdb

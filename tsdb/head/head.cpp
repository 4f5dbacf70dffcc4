#include "tsdb/head/head.h"

#include <algorithm>
#include <mutex>

namespace baro::tsdb {
namespace {

SeriesRef MakeRef(Slot slot, std::uint32_t generation) {
  return static_cast<SeriesRef>(std::uint64_t{generation} << 32 | (std::uint64_t{slot} + 1));
}
std::size_t SlotOf(SeriesRef ref) { return (static_cast<std::uint64_t>(ref) & 0xffffffff) - 1; }

}  // namespace

// Series and groups refer to each other; selections of readers may outlive the head and keep what they hold.
Head::~Head() {
  for (const SeriesPtr& series : AllSeries()) {
    const base::MutexLock moves(moves_mutex);
    MoveToSingles(series);
    const base::MutexLock lock(StripeMutex(*series));
    series->places.clear();
  }
}

base::Result<SeriesPtr> Head::GetOrCreatePinned(const model::Labels& labels, bool* created) {
  if (created != nullptr) *created = false;
  if (labels.empty()) return base::Fail(base::Code::kInvalidArgument, "a series needs at least one label");
  const std::uint64_t hash = labels.Hash();
  Shard& shard = ShardOf(hash);
  const base::MutexLock lock(shard.mutex);
  const auto [first, last] = shard.by_hash.equal_range(hash);
  for (auto found = first; found != last; ++found) {
    if (found->second->labels == labels) {
      SeriesPtr series = Find(found->second->ref);
      series->pins.fetch_add(1, std::memory_order_relaxed);
      return series;
    }
  }
  SeriesPtr series = BARO_TRY(Create(labels));
  shard.by_hash.emplace(hash, series.get());
  series->pins.fetch_add(1, std::memory_order_relaxed);
  if (created != nullptr) *created = true;
  return series;
}

base::Result<SeriesPtr> Head::Create(const model::Labels& labels) {
  SeriesPtr series;
  {
    const std::unique_lock lock(slots_mutex_);
    if (slots_.size() - free_slots_.size() >= series_max_) {
      return base::Fail(base::Code::kLimitExceeded,
                        fmt::format("the head has as many series as allowed: {}", series_max_));
    }
    Slot slot = static_cast<Slot>(slots_.size());
    if (free_slots_.empty()) {
      slots_.emplace_back();
      generations_.push_back(0);
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
    const auto log_id = static_cast<LogSeriesId>(next_log_id_.fetch_add(1, std::memory_order_relaxed));
    series = std::make_shared<Series>(MakeRef(slot, generations_[slot]), slot, labels, log_id);
    slots_[slot] = series;
  }
  series_count_.fetch_add(1, std::memory_order_relaxed);
  index_.Add(series->slot, labels);
  return series;
}

SeriesPtr Head::Find(SeriesRef ref) const {
  const std::size_t slot = SlotOf(ref);
  const std::shared_lock lock(slots_mutex_);
  if (slot >= slots_.size() || slots_[slot] == nullptr || slots_[slot]->ref != ref) return nullptr;
  return slots_[slot];
}

SeriesPtr Head::FindPinned(SeriesRef ref) {
  const std::size_t slot = SlotOf(ref);
  const std::shared_lock lock(slots_mutex_);
  if (slot >= slots_.size() || slots_[slot] == nullptr || slots_[slot]->ref != ref) return nullptr;
  slots_[slot]->pins.fetch_add(1, std::memory_order_relaxed);
  return slots_[slot];
}

std::vector<SeriesPtr> Head::FindSlots(std::span<const Slot> slots) const {
  std::vector<SeriesPtr> series;
  series.reserve(slots.size());
  const std::shared_lock lock(slots_mutex_);
  for (const Slot slot : slots) {
    if (slot < slots_.size() && slots_[slot] != nullptr) series.push_back(slots_[slot]);
  }
  return series;
}

std::vector<SeriesPtr> Head::AllSeries() const {
  std::vector<SeriesPtr> series;
  const std::shared_lock lock(slots_mutex_);
  series.reserve(slots_.size() - free_slots_.size());
  for (const SeriesPtr& entry : slots_) {
    if (entry != nullptr) series.push_back(entry);
  }
  return series;
}

void Head::ReserveLogIds(LogSeriesId next) {
  const auto wanted = static_cast<std::uint64_t>(next);
  std::uint64_t current = next_log_id_.load(std::memory_order_relaxed);
  while (current < wanted && !next_log_id_.compare_exchange_weak(current, wanted, std::memory_order_relaxed)) {
  }
}

GroupRef Head::AddGroup() {
  const base::MutexLock lock(groups_mutex_);
  const auto ref = static_cast<GroupRef>(next_group_);
  auto group = std::make_shared<Group>(next_group_++);
  all_groups_.push_back(group);
  groups_.emplace(ref, std::move(group));
  return ref;
}

GroupPtr Head::FindGroup(GroupRef ref) const {
  const base::MutexLock lock(groups_mutex_);
  const auto found = groups_.find(ref);
  return found == groups_.end() ? nullptr : found->second;
}

std::vector<GroupPtr> Head::AllGroups() const {
  const base::MutexLock lock(groups_mutex_);
  std::vector<GroupPtr> groups;
  for (const std::weak_ptr<Group>& entry : all_groups_) {
    if (GroupPtr group = entry.lock()) groups.push_back(std::move(group));
  }
  return groups;
}

void Head::DropGroup(GroupRef ref) {
  GroupPtr group;
  {
    const base::MutexLock lock(groups_mutex_);
    const auto found = groups_.find(ref);
    if (found == groups_.end()) return;
    group = std::move(found->second);
    groups_.erase(found);
  }
  const base::MutexLock moves(moves_mutex);
  RetireGroup(group);
}

// The group gets no more rows; its series keep it alive as long as it has samples of theirs.
void Head::RetireGroup(const GroupPtr& group) {
  std::vector<SeriesPtr> members;
  {
    const base::MutexLock lock(group->mutex);
    members.assign(group->members().begin(), group->members().end());
  }
  for (const SeriesPtr& series : members) {
    if (series != nullptr) MoveToSingles(series);
  }
}

void Head::MoveToSingles(const SeriesPtr& series) {
  const GroupPtr home = series->home;  // changes under the moves mutex only, which the caller holds
  if (home == nullptr) return;
  LastSample last;
  {
    const base::MutexLock lock(home->mutex);
    last = home->Leave(series->home_column);
  }
  const base::MutexLock lock(StripeMutex(*series));
  series->floor = Later(series->floor, last);
  series->home = nullptr;
}

RowOrderPtr Head::MakeOrder(const GroupPtr& group, std::span<const SeriesRef> refs) {
  auto order = std::make_shared<RowOrder>();
  order->series.assign(refs.begin(), refs.end());
  order->columns.resize(refs.size(), RowOrder::kNoColumn);
  std::unordered_map<SeriesRef, std::size_t> seen;
  seen.reserve(refs.size());
  const auto refuse = [&order](std::size_t index, SampleStatus status) {
    order->refusals.resize(order->series.size(), SampleStatus::kAccepted);
    order->refusals[index] = status;
  };
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (!seen.emplace(refs[i], i).second) {
      refuse(i, SampleStatus::kDuplicate);
      continue;
    }
    const SeriesPtr series = Find(refs[i]);
    if (series == nullptr) {
      refuse(i, SampleStatus::kUnknownSeries);
      continue;
    }
    if (series->home != group) {
      MoveToSingles(series);
      LastSample last;
      {
        const base::MutexLock lock(StripeMutex(*series));
        last = series->LastSingle();
      }
      std::uint32_t column = 0;
      {
        const base::MutexLock lock(group->mutex);
        column = group->Join(series, last);
      }
      const base::MutexLock lock(StripeMutex(*series));
      series->home = group;
      series->home_column = column;
      const auto is_here = [&group](const Series::Place& place) { return place.group == group; };
      if (std::ranges::none_of(series->places, is_here)) series->places.push_back({.group = group, .column = column});
    }
    order->columns[i] = series->home_column;
  }
  order->is_identity = order->refusals.empty();
  for (std::size_t i = 0; i < refs.size() && order->is_identity; ++i) order->is_identity = order->columns[i] == i;
  const base::MutexLock lock(group->mutex);
  order->version = group->leave_version();
  // One with unknown series is not worth keeping: the caller resolves them again.
  if (order->refusals.empty()) group->KeepOrder(order);
  return order;
}

void Head::NoteTimes(std::int64_t min_ms, std::int64_t max_ms) {
  std::int64_t seen = min_time_ms_.load(std::memory_order_relaxed);
  while (min_ms < seen && !min_time_ms_.compare_exchange_weak(seen, min_ms, std::memory_order_relaxed)) {
  }
  seen = max_time_ms_.load(std::memory_order_relaxed);
  while (max_ms > seen && !max_time_ms_.compare_exchange_weak(seen, max_ms, std::memory_order_relaxed)) {
  }
}

CommitNumber Head::AddReader(const LogWriter& log) {
  // Asked under the lock: VisibleToAll() must not overtake it.
  const base::MutexLock lock(readers_mutex_);
  return *readers_.insert(log.written());
}

void Head::RemoveReader(CommitNumber commit) {
  const base::MutexLock lock(readers_mutex_);
  readers_.erase(readers_.find(commit));
}

bool Head::HasReaderUpTo(CommitNumber commit) const {
  const base::MutexLock lock(readers_mutex_);
  return !readers_.empty() && *readers_.begin() <= commit;
}

void Head::RaiseFloor(std::int64_t floor_ms) {
  if (floor_ms <= this->floor_ms()) return;
  floor_ms_.store(floor_ms, std::memory_order_relaxed);
  // Who holds one of these looked at the old floor; when it lets go, its commit is in the log's queue.
  for (const GroupPtr& group : AllGroups()) const base::MutexLock lock(group->mutex);
  for (base::Mutex& stripe : stripes_) const base::MutexLock lock(stripe);
}

CommitNumber Head::VisibleToAll(CommitNumber written) const {
  const base::MutexLock lock(readers_mutex_);
  return readers_.empty() ? written : std::min(written, *readers_.begin());
}

}  // namespace baro::tsdb

#include "tsdb/head/head.h"

#include <algorithm>
#include <mutex>

namespace baro::tsdb {
namespace {

SeriesRef MakeRef(Slot slot, std::uint32_t generation) {
  return static_cast<SeriesRef>(std::uint64_t{generation} << 32 | (std::uint64_t{slot} + 1));
}
std::size_t SlotOf(SeriesRef ref) { return (static_cast<std::uint64_t>(ref) & 0xffffffff) - 1; }

// Which columns of an order are taken already.
class ColumnSet {
 public:
  // False if it is in there.
  bool Add(std::uint32_t column) {
    const std::size_t word = column / 64;
    if (word >= words_.size()) words_.resize(std::max(word + 1, words_.size() * 2));
    const std::uint64_t bit = 1ULL << (column % 64);
    if ((words_[word] & bit) != 0) return false;
    words_[word] |= bit;
    return true;
  }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace

// Series and groups refer to each other; selections of readers may outlive the head and keep what they hold.
Head::~Head() {
  for (const SeriesPtr& series : AllSeries()) {
    const base::MutexLock moves(moves_mutex);
    MoveToSingles(series);
    const base::MutexLock lock(StripeMutex(*series));
    series->DropPlaces([](const Series::Place&) { return true; });
  }
}

base::Result<SeriesPtr> Head::GetOrCreatePinned(const model::Labels& labels, bool* created) {
  if (created != nullptr) *created = false;
  if (labels.empty()) return base::Fail(base::Code::kInvalidArgument, "a series needs at least one label");
  const std::uint64_t hash = labels.Hash();
  Shard& shard = ShardOf(hash);
  const base::MutexLock lock(shard.mutex);
  SeriesPtr known;
  {
    // Nobody of this hash leaves while the shard is held.
    const std::shared_lock slots_lock(slots_mutex_);
    const auto slot = shard.by_hash.Find(hash, [&](Slot each) { return slots_[each]->labels == labels; });
    if (slot) known = slots_[*slot];
  }
  if (known != nullptr) {
    known->pins.fetch_add(1, std::memory_order_relaxed);
    return known;
  }
  SeriesPtr series = BARO_TRY(Create(labels));
  shard.by_hash.Insert(hash, series->slot());
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
    series = MakeCounted<Series>(MakeRef(slot, generations_[slot]), labels, log_id);
    slots_[slot] = series;
  }
  series_count_.fetch_add(1, std::memory_order_relaxed);
  index_.Add(series->slot(), labels);
  return series;
}

// Shape  `slots_mutex_` is held.
const SeriesPtr* Head::FindLocked(SeriesRef ref) const {
  const std::size_t slot = SlotOf(ref);
  if (slot >= slots_.size() || slots_[slot] == nullptr || slots_[slot]->ref != ref) return nullptr;
  return &slots_[slot];
}

SeriesPtr Head::Find(SeriesRef ref) const {
  const std::shared_lock lock(slots_mutex_);
  const SeriesPtr* series = FindLocked(ref);
  return series == nullptr ? nullptr : *series;
}

SeriesPtr Head::FindPinned(SeriesRef ref) {
  const std::shared_lock lock(slots_mutex_);
  const SeriesPtr* series = FindLocked(ref);
  if (series == nullptr) return nullptr;
  (*series)->pins.fetch_add(1, std::memory_order_relaxed);
  return *series;
}

std::vector<SeriesPtr> Head::FindAll(std::span<const SeriesRef> refs) const {
  std::vector<SeriesPtr> all;
  all.reserve(refs.size());
  const std::shared_lock lock(slots_mutex_);
  for (const SeriesRef ref : refs) {
    const SeriesPtr* series = FindLocked(ref);
    all.push_back(series == nullptr ? nullptr : *series);
  }
  return all;
}

std::vector<SeriesPtr> Head::FindSlots(std::span<const Slot> slots) const {
  std::vector<SeriesPtr> series;
  series.reserve(slots.size());
  const std::shared_lock lock(slots_mutex_);
  // In label order series lie all over memory: some are fetched while others are looked at.
  constexpr std::size_t kAhead = 16;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i + kAhead < slots.size() && slots[i + kAhead] < slots_.size()) {
      __builtin_prefetch(slots_[slots[i + kAhead]].get());
    }
    const Slot slot = slots[i];
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
  auto group = MakeCounted<Group>(next_group_++, sink_);
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
  return all_groups_;
}

// Groups that nobody else knows. Under the lock nobody gets to know one.
void Head::ForgetGroups() {
  std::vector<GroupPtr> gone;  // destroyed behind the lock
  const base::MutexLock lock(groups_mutex_);
  std::erase_if(all_groups_, [&gone](GroupPtr& group) {
    if (!group.IsOnly()) return false;
    gone.push_back(std::move(group));
    return true;
  });
}

std::size_t Head::TableBytes() const {
  std::size_t size = sizeof(Head);
  for (const Shard& shard : shards_) {
    const base::MutexLock lock(shard.mutex);
    size += shard.by_hash.SizeBytes();
  }
  const std::shared_lock lock(slots_mutex_);
  return size + slots_.size() * sizeof(SeriesPtr) + generations_.size() * sizeof(std::uint32_t) +
         free_slots_.capacity() * sizeof(Slot);
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
  // Its series stay at home in it: who drops a group often makes another for the same series soon, see AdoptOrphan().
  const base::MutexLock moves(moves_mutex);
  group->is_orphan = true;
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
  series->RaiseFloor(last);
  series->LeaveHome();
}

// Shape  none of the series is at home anywhere.
void Head::JoinGroup(const GroupPtr& group, std::span<const SeriesPtr> series) {
  const base::MutexLock group_lock(group->mutex);
  for (const SeriesPtr& each : series) {
    const base::MutexLock lock(StripeMutex(*each));
    if (each->home != nullptr) continue;  // twice in the list
    each->home_column = group->Join(each, each->LastSingle(), each->TakePlace(*group));
    each->home = group;
  }
}

RowOrderPtr Head::MakeOrder(const GroupPtr& group, std::span<const SeriesRef> refs) {
  auto order = std::make_shared<RowOrder>();
  order->series.assign(refs.begin(), refs.end());
  order->columns.resize(refs.size(), RowOrder::kNoColumn);
  const std::vector<SeriesPtr> all = FindAll(refs);
  std::vector<SeriesPtr> strangers;
  for (const SeriesPtr& series : all) {
    if (series == nullptr || series->home == group) continue;
    MoveToSingles(series);
    strangers.push_back(series);
  }
  if (!strangers.empty()) JoinGroup(group, strangers);

  const auto refuse = [&order](std::size_t index, SampleStatus status) {
    order->refusals.resize(order->series.size(), SampleStatus::kAccepted);
    order->refusals[index] = status;
  };
  ColumnSet taken;
  bool is_identity = true;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (all[i] == nullptr) {
      refuse(i, SampleStatus::kUnknownSeries);
    } else if (!taken.Add(all[i]->home_column)) {
      refuse(i, SampleStatus::kDuplicate);
    } else {
      order->columns[i] = all[i]->home_column;
    }
    is_identity &= order->columns[i] == i;
  }
  if (is_identity) order->columns = {};
  const base::MutexLock lock(group->mutex);
  order->version = group->leave_version();
  // One with unknown series is not worth keeping: the caller resolves them again.
  if (order->refusals.empty()) group->KeepOrder(order);
  return order;
}

void Head::NoteTimes(std::int64_t min_ms, std::int64_t max_ms) {
  std::int64_t seen = 0;
  for (std::atomic<std::int64_t>* least : {&noted_min_ms_, &min_time_ms_}) {
    seen = least->load(std::memory_order_seq_cst);
    while (min_ms < seen && !least->compare_exchange_weak(seen, min_ms, std::memory_order_seq_cst)) {
    }
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

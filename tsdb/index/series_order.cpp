#include "tsdb/index/series_order.h"

#include <algorithm>
#include <bit>

namespace baro::tsdb {
namespace {

// Sorting so many takes less than a millisecond.
constexpr std::size_t kSmall = 512;
// Ranking all new series is worth it for a selection that is not much smaller.
constexpr std::size_t kNewPerSelected = 16;

}  // namespace

void SeriesOrder::Add(Slot slot) {
  const base::MutexLock lock(mutex_);
  if (ranks_.size() <= slot) ranks_.resize(slot + 1, kAbsent);
  ranks_[slot] = kNew;
  new_.push_back(slot);
}

void SeriesOrder::Remove(Slot slot) {
  const base::MutexLock lock(mutex_);
  ranks_[slot] = kAbsent;
  if (new_.size() > 2 * ranks_.size()) {  // series come and go, and nobody asks
    std::ranges::sort(new_);
    const auto repeated = std::ranges::unique(new_);
    new_.erase(repeated.begin(), repeated.end());
    std::erase_if(new_, [this](Slot each) BARO_REQUIRES(mutex_) { return ranks_[each] != kNew; });
  }
}

bool SeriesOrder::IsWorthRanking(std::size_t slots) const {
  return slots > kSmall && new_.size() <= slots * kNewPerSelected;
}

void SeriesOrder::Sort(std::span<Slot> slots, const std::deque<model::Labels>& labels) const {
  {
    const base::MutexLock lock(mutex_);
    if (IsWorthRanking(slots.size())) {
      if (!new_.empty()) RankNew(labels);
      return SortByRank(slots);
    }
  }
  std::ranges::sort(slots, [&labels](Slot a, Slot b) { return labels[a] < labels[b]; });
}

// Each new one is looked up among the old ones; then everything behind the first new one gets another rank.
void SeriesOrder::RankNew(const std::deque<model::Labels>& labels) const {
  std::vector<Slot> added;
  for (const Slot slot : new_) {
    if (ranks_[slot] != kNew) continue;
    ranks_[slot] = kTaken;  // it may stand there again
    added.push_back(slot);
  }
  for (Rank rank = 0; rank < order_.size(); ++rank) {
    // One that has left must not be compared by: its slot has no labels, or others'.
    if (ranks_[order_[rank]] != rank) order_[rank] = kAbsent;
  }
  std::erase(order_, kAbsent);
  const auto is_before = [&labels](Slot a, Slot b) { return labels[a] < labels[b]; };
  std::ranges::sort(added, is_before);
  std::vector<Slot> merged;
  merged.reserve(order_.size() + added.size());
  auto from = order_.begin();
  for (const Slot slot : added) {
    const auto place = std::lower_bound(from, order_.end(), slot, is_before);
    merged.insert(merged.end(), from, place);
    merged.push_back(slot);
    from = place;
  }
  merged.insert(merged.end(), from, order_.end());
  order_.swap(merged);
  for (Rank rank = 0; rank < order_.size(); ++rank) ranks_[order_[rank]] = rank;
  new_.clear();
}

// Marks the ranks, and reads the marks off in order.
void SeriesOrder::SortByRank(std::span<Slot> slots) const {
  std::vector<std::uint64_t> marks((order_.size() + 63) / 64);
  for (const Slot slot : slots) marks[ranks_[slot] / 64] |= std::uint64_t{1} << (ranks_[slot] % 64);
  auto out = slots.begin();
  for (std::size_t word = 0; word < marks.size(); ++word) {
    for (std::uint64_t bits = marks[word]; bits != 0; bits &= bits - 1) {
      *out++ = order_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
    }
  }
}

std::size_t SeriesOrder::SizeBytes() const {
  const base::MutexLock lock(mutex_);
  return order_.capacity() * sizeof(Slot) + ranks_.capacity() * sizeof(Rank) + new_.capacity() * sizeof(Slot);
}

}  // namespace baro::tsdb

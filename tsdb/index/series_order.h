// Where series stand in the order of their labels, kept so that large selections need not be sorted one by one.
//
// New series are put in their places when somebody asks for an order the next time. Small selections are sorted by
// themselves: they must not pay for all that came.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "model/labels.h"
#include "tsdb/index/slot_set.h"

namespace baro::tsdb {

/// Threads  Add() and Remove() exclude everything else; Sort() may be called by many threads at once.
/// Cost     8 bytes a slot, once a large selection was asked for; 4 before.
class SeriesOrder {
 public:
  /// Shape    the slot is not in there.
  void Add(Slot slot);
  void Remove(Slot slot);

  /// Puts slots into the order of their labels. Shape    all are in there; `labels` are those of all slots.
  void Sort(std::span<Slot> slots, const std::deque<model::Labels>& labels) const;

  std::size_t SizeBytes() const;

 private:
  using Rank = std::uint32_t;
  static constexpr Rank kAbsent = ~Rank{0};
  static constexpr Rank kNew = kAbsent - 1;
  static constexpr Rank kTaken = kAbsent - 2;  // while ranking

  bool IsWorthRanking(std::size_t slots) const BARO_REQUIRES(mutex_);
  void RankNew(const std::deque<model::Labels>& labels) const BARO_REQUIRES(mutex_);
  void SortByRank(std::span<Slot> slots) const BARO_REQUIRES(mutex_);

  // A leaf. Add() and Remove() take it as well, though nobody can be in their way.
  mutable base::Mutex mutex_;
  mutable std::vector<Slot> order_ BARO_GUARDED_BY(mutex_);  // by rank; one that has left: its slot has another rank
  mutable std::vector<Rank> ranks_ BARO_GUARDED_BY(mutex_);  // by slot
  mutable std::vector<Slot> new_ BARO_GUARDED_BY(mutex_);    // added since; may have left again, or stand there twice
};

}  // namespace baro::tsdb

// Sets of series slots as compressed bitmaps.
//
// Source   Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software Library", 2018 (CRoaring).
// Threads  Values: const functions from many threads, others from one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

extern "C" {
struct roaring_bitmap_s;
}

namespace baro::tsdb {

/// Where a series stands in the head's table. Reused after the series has left.
using Slot = std::uint32_t;

class SlotSet {
 public:
  SlotSet();
  explicit SlotSet(std::span<const Slot> slots);
  SlotSet(const SlotSet& other);
  SlotSet(SlotSet&& other) noexcept;
  SlotSet& operator=(const SlotSet& other);
  SlotSet& operator=(SlotSet&& other) noexcept;
  ~SlotSet();

  void Add(Slot slot);
  void AddAll(std::span<const Slot> slots);
  void Remove(Slot slot);
  bool Contains(Slot slot) const;
  std::size_t size() const;
  bool empty() const;

  SlotSet& operator|=(const SlotSet& other);
  SlotSet& operator&=(const SlotSet& other);
  SlotSet& operator-=(const SlotSet& other);
  bool Intersects(const SlotSet& other) const;

  /// All slots, ascending.
  std::vector<Slot> ToVector() const;
  std::size_t SizeBytes() const;

 private:
  roaring_bitmap_s* bitmap_;  // never null, but in what was moved from
};

/// The series of one label pair. Most pairs have few series, for which a bitmap would cost more than their labels.
class Postings {
 public:
  /// Shape    it is not in there.
  /// Cost     a push at the end, for slots that come in order; 64 of them at a time go into the bitmap.
  void Add(Slot slot);
  void Remove(Slot slot);
  std::size_t size() const { return few_.size() + (many_ ? many_->size() : 0); }
  bool empty() const { return few_.empty() && (!many_ || many_->empty()); }

  bool Contains(Slot slot) const;
  bool Intersects(const SlotSet& set) const;
  void UniteInto(SlotSet& set) const;
  void SubtractFrom(SlotSet& set) const;
  void IntersectInto(SlotSet& set) const;
  SlotSet ToSet() const;
  std::size_t SizeBytes() const;

 private:
  static constexpr std::size_t kFewMax = 64;

  std::vector<Slot> few_;          // sorted; none of them is in the bitmap
  std::unique_ptr<SlotSet> many_;  // once there were more than kFewMax
};

}  // namespace baro::tsdb

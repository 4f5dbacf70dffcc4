#include "tsdb/index/slot_set.h"

#include <algorithm>
#include <utility>

#include <roaring/roaring.h>

namespace baro::tsdb {

SlotSet::SlotSet() : bitmap_(roaring_bitmap_create()) {}
SlotSet::SlotSet(std::span<const Slot> slots) : bitmap_(roaring_bitmap_of_ptr(slots.size(), slots.data())) {}
SlotSet::SlotSet(const SlotSet& other) : bitmap_(roaring_bitmap_copy(other.bitmap_)) {}
SlotSet::SlotSet(SlotSet&& other) noexcept : bitmap_(std::exchange(other.bitmap_, nullptr)) {}
SlotSet& SlotSet::operator=(const SlotSet& other) {
  SlotSet copy(other);
  std::swap(bitmap_, copy.bitmap_);
  return *this;
}
SlotSet& SlotSet::operator=(SlotSet&& other) noexcept {
  std::swap(bitmap_, other.bitmap_);
  return *this;
}
SlotSet::~SlotSet() {
  if (bitmap_ != nullptr) roaring_bitmap_free(bitmap_);
}

void SlotSet::Add(Slot slot) { roaring_bitmap_add(bitmap_, slot); }
void SlotSet::AddAll(std::span<const Slot> slots) {
  if (slots.empty()) return;
  // Series of one target come one after the other: adding a range costs as much as adding one slot.
  if (slots.back() - slots.front() + std::size_t{1} == slots.size() && std::ranges::is_sorted(slots)) {
    roaring_bitmap_add_range_closed(bitmap_, slots.front(), slots.back());
  } else {
    roaring_bitmap_add_many(bitmap_, slots.size(), slots.data());
  }
}
void SlotSet::Remove(Slot slot) { roaring_bitmap_remove(bitmap_, slot); }
bool SlotSet::Contains(Slot slot) const { return roaring_bitmap_contains(bitmap_, slot); }
std::size_t SlotSet::size() const { return roaring_bitmap_get_cardinality(bitmap_); }
bool SlotSet::empty() const { return roaring_bitmap_is_empty(bitmap_); }

SlotSet& SlotSet::operator|=(const SlotSet& other) {
  roaring_bitmap_or_inplace(bitmap_, other.bitmap_);
  return *this;
}
SlotSet& SlotSet::operator&=(const SlotSet& other) {
  roaring_bitmap_and_inplace(bitmap_, other.bitmap_);
  return *this;
}
SlotSet& SlotSet::operator-=(const SlotSet& other) {
  roaring_bitmap_andnot_inplace(bitmap_, other.bitmap_);
  return *this;
}
bool SlotSet::Intersects(const SlotSet& other) const { return roaring_bitmap_intersect(bitmap_, other.bitmap_); }

std::vector<Slot> SlotSet::ToVector() const {
  std::vector<Slot> slots(size());
  roaring_bitmap_to_uint32_array(bitmap_, slots.data());
  return slots;
}
std::size_t SlotSet::SizeBytes() const { return roaring_bitmap_size_in_bytes(bitmap_); }

void Postings::Add(Slot slot) {
  if (few_.empty() || few_.back() < slot) {
    few_.push_back(slot);
  } else {
    few_.insert(std::ranges::lower_bound(few_, slot), slot);
  }
  if (few_.size() <= kFewMax) return;
  if (many_ == nullptr) many_ = std::make_unique<SlotSet>();
  many_->AddAll(few_);
  few_.clear();
}

void Postings::Remove(Slot slot) {
  const auto place = std::ranges::lower_bound(few_, slot);
  if (place != few_.end() && *place == slot) {
    few_.erase(place);
  } else if (many_) {
    many_->Remove(slot);
    if (many_->empty()) many_.reset();
  }
}

bool Postings::Contains(Slot slot) const {
  return std::ranges::binary_search(few_, slot) || (many_ && many_->Contains(slot));
}

bool Postings::Intersects(const SlotSet& set) const {
  return std::ranges::any_of(few_, [&set](Slot slot) { return set.Contains(slot); }) ||
         (many_ && many_->Intersects(set));
}

void Postings::UniteInto(SlotSet& set) const {
  if (many_) set |= *many_;
  set.AddAll(few_);
}

void Postings::SubtractFrom(SlotSet& set) const {
  if (many_) set -= *many_;
  for (const Slot slot : few_) set.Remove(slot);
}

void Postings::IntersectInto(SlotSet& set) const {
  std::vector<Slot> common;
  for (const Slot slot : few_) {
    if (set.Contains(slot)) common.push_back(slot);
  }
  if (many_) {
    set &= *many_;
    set.AddAll(common);
  } else {
    set = SlotSet(common);
  }
}

SlotSet Postings::ToSet() const {
  if (!many_) return SlotSet(few_);
  SlotSet set = *many_;
  set.AddAll(few_);
  return set;
}

std::size_t Postings::SizeBytes() const {
  return sizeof(Postings) + few_.capacity() * sizeof(Slot) + (many_ ? many_->SizeBytes() : 0);
}

}  // namespace baro::tsdb

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
  if (many_) {
    many_->Add(slot);
    return;
  }
  const auto place = std::ranges::lower_bound(few_, slot);
  if (place != few_.end() && *place == slot) return;
  few_.insert(place, slot);
  if (few_.size() > kFewMax) {
    many_ = std::make_unique<SlotSet>(few_);
    few_ = {};
  }
}

void Postings::Remove(Slot slot) {
  if (many_) {
    many_->Remove(slot);
    return;
  }
  const auto place = std::ranges::lower_bound(few_, slot);
  if (place != few_.end() && *place == slot) few_.erase(place);
}

bool Postings::Contains(Slot slot) const {
  return many_ ? many_->Contains(slot) : std::ranges::binary_search(few_, slot);
}

bool Postings::Intersects(const SlotSet& set) const {
  if (many_) return many_->Intersects(set);
  return std::ranges::any_of(few_, [&set](Slot slot) { return set.Contains(slot); });
}

void Postings::UniteInto(SlotSet& set) const {
  if (many_) {
    set |= *many_;
    return;
  }
  for (const Slot slot : few_) set.Add(slot);
}

void Postings::SubtractFrom(SlotSet& set) const {
  if (many_) {
    set -= *many_;
    return;
  }
  for (const Slot slot : few_) set.Remove(slot);
}

void Postings::IntersectInto(SlotSet& set) const {
  if (many_) {
    set &= *many_;
    return;
  }
  std::vector<Slot> common;
  for (const Slot slot : few_) {
    if (set.Contains(slot)) common.push_back(slot);
  }
  set = SlotSet(common);
}

SlotSet Postings::ToSet() const { return many_ ? *many_ : SlotSet(few_); }

std::size_t Postings::SizeBytes() const {
  return sizeof(Postings) + few_.capacity() * sizeof(Slot) + (many_ ? many_->SizeBytes() : 0);
}

}  // namespace baro::tsdb

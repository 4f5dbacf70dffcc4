// Handles of series by their labels: a hash table without nodes, for targets with a million series.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "scraper/exposition.h"

namespace baro::scraper {

/// Keeps hashes and handles only; whose labels a handle's are, the caller tells.
///
/// Threads  Confined.
class HandleTable {
 public:
  /// The handle under the hash for which `is_it` says so; kDropped: none.
  template <typename IsIt>
  SeriesHandle Find(std::uint64_t hash, const IsIt& is_it) const {
    if (slots_.empty()) return SeriesHandle::kDropped;
    for (std::size_t at = hash & mask(); slots_[at].handle != SeriesHandle::kDropped; at = (at + 1) & mask()) {
      if (slots_[at].hash == TagOf(hash) && is_it(slots_[at].handle)) return slots_[at].handle;
    }
    return SeriesHandle::kDropped;
  }

  /// Shape    the handle is not in it.
  void Insert(std::uint64_t hash, SeriesHandle handle) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    Put({.hash = TagOf(hash), .handle = handle, .home = static_cast<std::uint32_t>(hash)});
    ++size_;
  }

  /// Nothing happens if it is not in it.
  void Erase(std::uint64_t hash, SeriesHandle handle) {
    if (slots_.empty()) return;
    std::size_t at = hash & mask();
    for (; slots_[at].handle != handle; at = (at + 1) & mask()) {
      if (slots_[at].handle == SeriesHandle::kDropped) return;
    }
    --size_;
    // Those behind it move up, as far as their own place lets them.
    for (std::size_t next = (at + 1) & mask(); slots_[next].handle != SeriesHandle::kDropped;
         next = (next + 1) & mask()) {
      const std::size_t home = slots_[next].home & mask();
      if (((next - home) & mask()) < ((next - at) & mask())) continue;
      slots_[at] = slots_[next];
      at = next;
    }
    slots_[at] = {};
  }

  void Clear() {
    slots_.clear();
    size_ = 0;
  }
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;  // its upper half
    SeriesHandle handle = SeriesHandle::kDropped;
    std::uint32_t home = 0;  // its lower half
  };
  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t mask() const { return slots_.size() - 1; }

  void Put(const Slot& slot) {
    std::size_t at = slot.home & mask();
    while (slots_[at].handle != SeriesHandle::kDropped) at = (at + 1) & mask();
    slots_[at] = slot;
  }
  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.handle != SeriesHandle::kDropped) Put(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, at most half are taken
  std::size_t size_ = 0;
};

}  // namespace baro::scraper

// Finds series by the hash of their labels: open addressing, 8 bytes an entry.
//
// Source   Linear probing with backward-shift deletion: Knuth, "The Art of Computer Programming", vol. 3, section 6.4,
//          algorithms L and R.
// Threads  Confined: the head has several, each with its own lock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tsdb/index/slot_set.h"

namespace baro::tsdb {

/// A multimap from hashes to slots. Knows only the upper half of a hash: the lower one says which of the head's tables
/// it is in, and `is_it` tells series of one hash apart.
class SeriesTable {
 public:
  void Insert(std::uint64_t hash, Slot slot);
  /// Shape  it was inserted.
  void Erase(std::uint64_t hash, Slot slot);

  /// The slot of that hash for which `is_it(slot)` holds.
  template <typename IsIt>
  std::optional<Slot> Find(std::uint64_t hash, const IsIt& is_it) const {
    if (entries_.empty()) return std::nullopt;
    const std::uint32_t tag = TagOf(hash);
    for (std::size_t at = tag & Mask();; at = (at + 1) & Mask()) {
      const Entry& entry = entries_[at];
      if (entry.number == 0) return std::nullopt;
      if (entry.tag == tag && is_it(entry.number - 1)) return entry.number - 1;
    }
  }

  std::size_t SizeBytes() const { return sizeof(SeriesTable) + entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t number = 0;  // slot + 1; 0: free
  };

  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t Mask() const { return entries_.size() - 1; }
  void Put(Entry entry);

  std::vector<Entry> entries_;  // a power of two, at most three quarters full
  std::size_t count_ = 0;
};

}  // namespace baro::tsdb

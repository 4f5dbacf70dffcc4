#include "tsdb/head/series_table.h"

#include "base/result.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kEntriesMin = 16;

}  // namespace

void SeriesTable::Put(Entry entry) {
  std::size_t at = entry.tag & Mask();
  while (entries_[at].number != 0) at = (at + 1) & Mask();
  entries_[at] = entry;
}

void SeriesTable::Insert(std::uint64_t hash, Slot slot) {
  if ((count_ + 1) * 4 > entries_.size() * 3) {
    std::vector<Entry> old(entries_.empty() ? kEntriesMin : entries_.size() * 2);
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.number != 0) Put(entry);
    }
  }
  Put({.tag = TagOf(hash), .number = slot + 1});
  ++count_;
}

void SeriesTable::Erase(std::uint64_t hash, Slot slot) {
  std::size_t hole = TagOf(hash) & Mask();
  while (entries_[hole].number != slot + 1) {
    BARO_ASSERT(entries_[hole].number != 0);
    hole = (hole + 1) & Mask();
  }
  // What was pushed past the hole moves back into it, so that no search ends too early.
  for (std::size_t at = (hole + 1) & Mask(); entries_[at].number != 0; at = (at + 1) & Mask()) {
    const std::size_t wanted = entries_[at].tag & Mask();
    if (((at - wanted) & Mask()) < ((at - hole) & Mask())) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
  --count_;
}

}  // namespace baro::tsdb

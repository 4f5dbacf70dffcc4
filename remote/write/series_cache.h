// Known series by the bytes of their labels as they came over the wire, so that a known one costs a hash and a compare.
//
// Two tables take turns: new entries go to the young one; when that is full, it becomes the old one and the old one is
// dropped whole. An entry that is found in the old table moves to the young one. So what is asked for stays, what is
// not leaves, and memory has a bound.
//
// Threads  Safe to share: look-ups run side by side, and take the lock once for a whole request.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "tsdb/appender.h"

namespace baro::remote {

/// A series that was seen before, and the group that its samples are written to as rows; kNone: they go singly.
struct KnownSeries {
  tsdb::SeriesRef ref = tsdb::SeriesRef::kNone;
  tsdb::GroupRef group = tsdb::GroupRef::kNone;
  std::uint32_t group_size = 0;  ///< series that the group was made for

  friend bool operator==(const KnownSeries&, const KnownSeries&) = default;
};

class SeriesCache {
 public:
  struct Key {
    std::string_view labels;
    std::uint64_t hash = 0;
  };
  struct Stats {
    std::size_t entries = 0;
    std::size_t size_bytes = 0;
  };

  /// Keeps at most about `bytes_max`, bytes of labels included.
  explicit SeriesCache(std::size_t bytes_max) : generation_bytes_max_(bytes_max / 2) {}

  /// `series[i]` becomes the series of `keys[i]`, with kNone if it is not known.
  /// Returns  whether an entry was found that will be dropped soon unless it is Insert()ed again: `is_old[i]`.
  bool Find(std::span<const Key> keys, std::span<KnownSeries> series, std::vector<bool>& is_old) const;

  /// Makes `keys` known; what they meant before is forgotten. Returns groups that no known series is of any more.
  std::vector<tsdb::GroupRef> Insert(std::span<const Key> keys, std::span<const KnownSeries> series);

  Stats stats() const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    KnownSeries series;  // kNone: the slot is free
    std::uint32_t size = 0;
    const char* labels = nullptr;
  };
  class Table {
   public:
    const Slot* Find(const Key& key) const;
    void Prefetch(std::uint64_t hash) const;
    void PrefetchLabels(std::uint64_t hash) const;
    void Set(const Key& key, const KnownSeries& series);
    void CollectGroups(std::unordered_set<tsdb::GroupRef>& groups) const;
    std::size_t count() const { return count_; }
    std::size_t size_bytes() const { return slots_.size() * sizeof(Slot) + text_bytes_; }

   private:
    const char* Keep(std::string_view text);
    void Grow();

    std::vector<Slot> slots_;  // a power of two of them, at most three quarters of them taken
    std::size_t count_ = 0;
    std::vector<std::unique_ptr<char[]>> text_;
    std::size_t text_bytes_ = 0;
    char* text_next_ = nullptr;
    std::size_t text_left_ = 0;
  };

  std::vector<tsdb::GroupRef> TakeTurns();

  const std::size_t generation_bytes_max_;
  mutable std::shared_mutex mutex_;  // a leaf; guards both tables
  Table young_;
  Table old_;
};

}  // namespace baro::remote

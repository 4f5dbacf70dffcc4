// Which series have which labels: for each label pair the set of its series, and what matchers choose.
//
// Threads  Safe to share. Lookups run side by side; adding and removing series waits for them. `mutex_` is a leaf.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "tsdb/index/series_order.h"
#include "tsdb/index/slot_set.h"

namespace baro::tsdb {

/// Numbers for status pages.
struct LabelIndexStats {
  struct Pair {
    std::string_view name;  // borrowed for the visit
    std::string_view value;
    std::size_t series = 0;
  };
  struct Name {
    std::string name;
    std::size_t values = 0;
    std::size_t value_bytes = 0;  ///< the values' text, once for each series that has it
  };
  std::vector<Name> names;
  std::size_t pairs = 0;
  std::size_t size_bytes = 0;
};

class LabelIndex {
 public:
  /// Shape  the slot is free; the labels are not empty.
  void Add(Slot slot, const model::Labels& labels);
  /// Shape  the slot was added with these labels.
  void Remove(Slot slot, const model::Labels& labels);

  /// The slots of all series that satisfy all matchers, ascending. No matchers: all series.
  /// Errors   kCancelled.
  base::Result<std::vector<Slot>> Select(std::span<const model::Matcher> matchers,
                                         const base::CancelToken& cancel) const;

  /// The same slots in the order of their labels.
  base::Result<std::vector<Slot>> SelectInOrder(std::span<const model::Matcher> matchers,
                                                const base::CancelToken& cancel) const;

  /// How many series were removed so far. As long as it is the same, slots are still those of the series selected.
  std::uint64_t removals() const { return removals_.load(std::memory_order_acquire); }

  /// Sorted; of the series that satisfy the matchers; `limit` 0 = all.
  base::Result<std::vector<std::string>> Names(std::span<const model::Matcher> matchers, std::size_t limit,
                                               const base::CancelToken& cancel) const;
  base::Result<std::vector<std::string>> Values(std::string_view name, std::span<const model::Matcher> matchers,
                                                std::size_t limit, const base::CancelToken& cancel) const;

  LabelIndexStats Stats() const;

  /// Calls `visit(const LabelIndexStats::Pair&)` for every pair, in order, under the lock: be short.
  template <typename Visit>
  void ForEachPair(const Visit& visit) const {
    const std::shared_lock lock(mutex_);
    for (const auto& [name, entry] : names_) {
      for (const auto& [value, postings] : entry.values) {
        visit(LabelIndexStats::Pair{.name = name, .value = value, .series = postings.size()});
      }
    }
  }

 private:
  using ValueMap = std::map<std::string, Postings, std::less<>>;
  struct NameEntry {
    ValueMap values;
    Postings all;  // the series that have the label
  };
  // Where a label pair stands. The views are of the maps' keys.
  struct KnownPair {
    std::string_view name;
    std::string_view value;
    NameEntry* entry = nullptr;
    Postings* postings = nullptr;
  };
  class Resolver;

  KnownPair& FindOrAddPair(const model::LabelView& label);
  base::Result<SlotSet> Resolve(std::span<const model::Matcher> matchers, const base::CancelToken& cancel) const;

  mutable std::shared_mutex mutex_;  // guards all below
  std::map<std::string, NameEntry, std::less<>> names_;
  Postings all_;
  std::deque<model::Labels> labels_;  // by slot; empty where the slot is free
  SeriesOrder order_;
  std::atomic<std::uint64_t> removals_{0};  // release and acquire: who finds another series in a slot sees the removal
  // Pairs that were added lately, by their hash: the series of a target share most of theirs with other targets'
  // series. Emptied when a pair is forgotten.
  std::vector<KnownPair> known_pairs_;
};

}  // namespace baro::tsdb

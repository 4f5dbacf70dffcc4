// Which series of a block matchers choose.
//
// Threads  Confined. Borrows the index and the token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/matcher.h"
#include "tsdb/block/block_index.h"
#include "tsdb/index/slot_set.h"

namespace baro::tsdb {

class BlockMatcher {
 public:
  BlockMatcher(const BlockIndex& index, const base::CancelToken& cancel)
      : index_(index), cancel_(cancel), texts_(index) {}

  // Errors   of all: kCancelled, kCorruption.

  /// Numbers of the series that satisfy all matchers (none: all series), ascending. Series that damage hides are
  /// missing.
  base::Result<std::vector<std::uint32_t>> Select(std::span<const model::Matcher> matchers);

  /// Sorted; of the series that satisfy the matchers; `limit` 0 = all.
  base::Result<std::vector<std::string>> Names(std::span<const model::Matcher> matchers, std::size_t limit);
  base::Result<std::vector<std::string>> Values(std::string_view name, std::span<const model::Matcher> matchers,
                                                std::size_t limit);

 private:
  // A value of a label name, by its place.
  struct Place {
    std::size_t page = 0;
    std::size_t index = 0;
  };
  using Numbers = std::vector<std::uint32_t>;

  base::Result<SlotSet> Resolve(std::span<const model::Matcher> matchers);
  base::Result<> Narrow(const model::Matcher& matcher);
  base::Result<> NarrowToAbsent(const model::Matcher& matcher, std::uint32_t name);
  base::Result<> NarrowByCandidate(const model::Matcher& matcher, std::uint32_t name);
  bool IsCheaperByCandidate(const model::Matcher& matcher, std::uint32_t name) const;
  std::uint64_t Rank(const model::Matcher& matcher) const;
  void IntersectWith(SlotSet set);
  SlotSet All() const;

  base::Result<std::optional<Place>> Find(std::uint32_t name, std::string_view value) const;
  base::Result<> AddPostings(std::uint32_t name, Place place, Numbers& numbers) const;
  base::Result<SlotSet> Having(std::uint32_t name) const;
  base::Result<SlotSet> Union(const model::Matcher& matcher, std::uint32_t name, bool wanted);
  base::Result<SlotSet> UnionOfListed(std::span<const std::string> values, std::uint32_t name, bool is_in_list);
  base::Result<std::vector<std::string>> AllValues(std::uint32_t name, std::size_t limit);
  base::Result<std::vector<std::string>> ValuesOf(std::uint32_t name, const SlotSet& chosen, std::size_t limit);

  // Calls `visit(number, page, series)` for the series, ascending, page by page.
  template <typename Visit>
  base::Result<> ForEach(std::span<const std::uint32_t> numbers, const Visit& visit);
  // Calls `visit(number, labels)` for all series that damage has left, if they satisfy the matchers.
  template <typename Visit>
  base::Result<> ScanAll(std::span<const model::Matcher> matchers, const Visit& visit);

  const BlockIndex& index_;
  const base::CancelToken& cancel_;
  ValueTexts texts_;
  std::optional<SlotSet> candidates_;  // absent: all series
};

}  // namespace baro::tsdb

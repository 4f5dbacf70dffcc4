#include "tsdb/block/block_matcher.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "tsdb/index/matchers.h"

namespace baro::tsdb {
namespace {

// How often long loops look whether they are still wanted: each step is a page.
constexpr std::size_t kCancelStride = 8;

// Asking a series for its label takes its page; asking a value takes a comparison. So many of the latter cost as much.
constexpr std::size_t kValuesPerCandidate = 40;

base::Error Cancelled() { return {base::Code::kCancelled, "resolving matchers: cancelled"}; }

}  // namespace

SlotSet BlockMatcher::All() const {
  std::vector<std::uint32_t> numbers(index_.root().series_count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  return SlotSet(numbers);
}

void BlockMatcher::IntersectWith(SlotSet set) {
  if (candidates_) {
    *candidates_ &= set;
  } else {
    candidates_ = std::move(set);
  }
}

base::Result<std::optional<BlockMatcher::Place>> BlockMatcher::Find(std::uint32_t name, std::string_view value) const {
  const auto& pages = index_.root().names[name].pages;
  const auto behind = std::ranges::upper_bound(pages, value, {}, &ValuePageEntry::first_value);
  if (behind == pages.begin()) return std::optional<Place>();
  const auto page = static_cast<std::size_t>(behind - pages.begin()) - 1;
  const auto values = BARO_TRY(index_.KeptValues(pages[page]));
  const std::size_t index = values->LowerBound(value);
  if (index == values->size() || (*values)[index] != value) return std::optional<Place>();
  return std::optional(Place{.page = page, .index = index});
}

base::Result<> BlockMatcher::AddPostings(std::uint32_t name, Place place, Numbers& numbers) const {
  const PostingsPage page = BARO_TRY(index_.ReadPostings(index_.root().names[name].pages[place.page]));
  if (place.index >= page.size()) return base::Fail(base::Code::kCorruption, "index: postings of too few values");
  return DecodePostings(page.postings(place.index), index_.root().series_count, numbers);
}

base::Result<SlotSet> BlockMatcher::Having(std::uint32_t name) const {
  Numbers numbers;
  BARO_TRY(DecodePostings(index_.root().names[name].all, index_.root().series_count, numbers));
  return SlotSet(numbers);
}

// Positive conditions first, cheap and small ones before: each is one intersection. Conditions that series without the
// label satisfy are turned around: what violates them is subtracted from what is left.
base::Result<SlotSet> BlockMatcher::Resolve(std::span<const model::Matcher> matchers) {
  std::vector<const model::Matcher*> ordered;
  for (const model::Matcher& matcher : matchers) ordered.push_back(&matcher);
  std::ranges::sort(ordered, {}, [this](const model::Matcher* matcher) { return Rank(*matcher); });
  candidates_.reset();
  for (const model::Matcher* matcher : ordered) {
    if (cancel_.Cancelled()) return Cancelled();
    if (candidates_ && candidates_->empty()) break;
    BARO_TRY(Narrow(*matcher));
  }
  return candidates_ ? std::move(*candidates_) : All();
}

// Equalities by how many series a value has on average, then lists, then prefixes, then whatever must look at all
// values; subtractions last.
std::uint64_t BlockMatcher::Rank(const model::Matcher& matcher) const {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 33;  // more than any number of series
  if (matcher.MatchesEmpty()) return 4 * kStep;
  const auto name = index_.FindName(matcher.name());
  if (!name) return 0;
  if (matcher.type() == model::MatchType::kEqual) {
    return index_.root().series_count / index_.root().names[*name].value_count;
  }
  if (!matcher.is_negated() && !matcher.SetMatches().empty()) return kStep;
  return matcher.RequiredPrefix().empty() ? 3 * kStep : 2 * kStep;
}

base::Result<> BlockMatcher::Narrow(const model::Matcher& matcher) {
  const auto name = index_.FindName(matcher.name());
  if (!name) {
    if (!matcher.MatchesEmpty()) candidates_ = SlotSet();
    return {};
  }
  if (matcher.MatchesEmpty()) return NarrowToAbsent(matcher, *name);
  if (matcher.type() == model::MatchType::kEqual) {
    Numbers numbers;
    const auto place = BARO_TRY(Find(*name, matcher.value()));
    if (place) BARO_TRY(AddPostings(*name, *place, numbers));
    IntersectWith(SlotSet(numbers));
    return {};
  }
  if (IsCheaperByCandidate(matcher, *name)) return NarrowByCandidate(matcher, *name);
  IntersectWith(BARO_TRY(Union(matcher, *name, /*wanted=*/true)));
  return {};
}

base::Result<> BlockMatcher::NarrowToAbsent(const model::Matcher& matcher, std::uint32_t name) {
  if (!candidates_) candidates_ = All();
  if (matcher.type() == model::MatchType::kEqual) {  // name="": the label must be absent
    *candidates_ -= BARO_TRY(Having(name));
    return {};
  }
  if (IsCheaperByCandidate(matcher, name)) return NarrowByCandidate(matcher, name);
  *candidates_ -= BARO_TRY(Union(matcher, name, /*wanted=*/false));
  return {};
}

bool BlockMatcher::IsCheaperByCandidate(const model::Matcher& matcher, std::uint32_t name) const {
  if (!candidates_) return false;
  const std::size_t values =
      matcher.SetMatches().empty() ? index_.root().names[name].value_count : matcher.SetMatches().size();
  return candidates_->size() * kValuesPerCandidate < values;
}

base::Result<> BlockMatcher::NarrowByCandidate(const model::Matcher& matcher, std::uint32_t name) {
  Numbers kept;
  const auto look = [&](std::uint32_t number, const SeriesPage& page,
                        const SeriesPage::Series& series) -> base::Result<> {
    const Shape& shape = index_.root().shapes[series.shape];
    const auto found = std::ranges::lower_bound(shape, name);
    std::string_view value;
    if (found != shape.end() && *found == name) {
      const auto at = series.first_value + static_cast<std::size_t>(found - shape.begin());
      value = BARO_TRY(texts_.Text(name, page.values[at]));
    }
    if (matcher.Matches(value)) kept.push_back(number);
    return {};
  };
  BARO_TRY(ForEach(candidates_->ToVector(), look));
  candidates_ = SlotSet(kept);
  return {};
}

// The series whose value of the label matches (wanted), or does not.
base::Result<SlotSet> BlockMatcher::Union(const model::Matcher& matcher, std::uint32_t name, bool wanted) {
  const auto listed = matcher.SetMatches();
  if (!listed.empty()) return UnionOfListed(listed, name, wanted != matcher.is_negated());
  const auto& pages = index_.root().names[name].pages;
  const std::string_view prefix = matcher.RequiredPrefix();
  const bool is_bounded = !prefix.empty() && wanted != matcher.is_negated();  // only values with the prefix count
  std::size_t first = 0;
  if (is_bounded) {
    const auto behind = std::ranges::upper_bound(pages, prefix, {}, &ValuePageEntry::first_value);
    first = behind == pages.begin() ? 0 : static_cast<std::size_t>(behind - pages.begin()) - 1;
  }
  Numbers numbers;
  std::vector<std::size_t> chosen;
  for (std::size_t at = first; at < pages.size(); ++at) {
    if (at % kCancelStride == 0 && cancel_.Cancelled()) return Cancelled();
    const std::string_view lowest = pages[at].first_value;
    if (is_bounded && lowest > prefix && !lowest.starts_with(prefix)) break;
    const ValuePage values = BARO_TRY(index_.ReadValues(pages[at]));
    chosen.clear();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (matcher.Matches(values[i]) == wanted) chosen.push_back(i);
    }
    if (chosen.empty()) continue;
    const PostingsPage postings = BARO_TRY(index_.ReadPostings(pages[at]));
    for (const std::size_t i : chosen) {
      if (i >= postings.size()) return base::Fail(base::Code::kCorruption, "index: postings of too few values");
      BARO_TRY(DecodePostings(postings.postings(i), index_.root().series_count, numbers));
    }
  }
  std::ranges::sort(numbers);
  return SlotSet(numbers);
}

// Of values known beforehand: the listed ones, or all others.
base::Result<SlotSet> BlockMatcher::UnionOfListed(std::span<const std::string> values, std::uint32_t name,
                                                  bool is_in_list) {
  Numbers numbers;
  for (const std::string& value : values) {
    const auto place = BARO_TRY(Find(name, value));
    if (place) BARO_TRY(AddPostings(name, *place, numbers));
  }
  std::ranges::sort(numbers);
  SlotSet listed(numbers);
  if (is_in_list) return listed;
  SlotSet others = BARO_TRY(Having(name));
  others -= listed;
  return others;
}

template <typename Visit>
base::Result<> BlockMatcher::ForEach(std::span<const std::uint32_t> numbers, const Visit& visit) {
  SeriesPage page;
  std::size_t loaded = index_.root().series_pages.size();
  for (const std::uint32_t number : numbers) {
    const std::size_t wanted = number / kSeriesPerPage;
    if (wanted != loaded) {
      if (cancel_.Cancelled()) return Cancelled();
      BARO_TRY(index_.ReadSeries(wanted, page));
      loaded = wanted;
    }
    BARO_TRY(visit(number, page, page.series[number % kSeriesPerPage]));
  }
  return {};
}

template <typename Visit>
base::Result<> BlockMatcher::ScanAll(std::span<const model::Matcher> matchers, const Visit& visit) {
  SeriesPage page;
  for (std::size_t at = 0; at < index_.root().series_pages.size(); ++at) {
    if (cancel_.Cancelled()) return Cancelled();
    if (!index_.ReadSeries(at, page)) continue;  // named when the block was opened
    for (std::size_t i = 0; i < page.series.size(); ++i) {
      const auto labels = texts_.LabelsOf(page, page.series[i]);
      if (labels && model::MatchesAll(matchers, *labels)) visit(at * kSeriesPerPage + i, *labels);
    }
  }
  return {};
}

base::Result<std::vector<std::uint32_t>> BlockMatcher::Select(std::span<const model::Matcher> matchers) {
  if (index_.is_damaged()) {
    Numbers numbers;
    BARO_TRY(ScanAll(matchers, [&](std::size_t number, const model::Labels&) {
      numbers.push_back(static_cast<std::uint32_t>(number));
    }));
    return numbers;
  }
  const SlotSet set = BARO_TRY(Resolve(matchers));
  return set.ToVector();
}

base::Result<std::vector<std::string>> BlockMatcher::Names(std::span<const model::Matcher> matchers,
                                                           std::size_t limit) {
  if (index_.is_damaged()) {
    std::set<std::string, std::less<>> found;
    BARO_TRY(ScanAll(matchers, [&](std::size_t, const model::Labels& labels) {
      for (const model::LabelView& label : labels) found.emplace(label.name);
    }));
    return FirstOf(found, limit);
  }
  std::optional<SlotSet> chosen;
  if (!matchers.empty()) chosen = BARO_TRY(Resolve(matchers));
  std::vector<std::string> names;
  for (std::uint32_t name = 0; name < index_.root().names.size(); ++name) {
    if (limit != 0 && names.size() == limit) break;
    if (cancel_.Cancelled()) return Cancelled();
    if (!chosen || BARO_TRY(Having(name)).Intersects(*chosen)) names.push_back(index_.root().names[name].text);
  }
  return names;
}

base::Result<std::vector<std::string>> BlockMatcher::Values(std::string_view name,
                                                            std::span<const model::Matcher> matchers,
                                                            std::size_t limit) {
  if (index_.is_damaged()) {
    std::set<std::string, std::less<>> found;
    BARO_TRY(ScanAll(matchers, [&](std::size_t, const model::Labels& labels) {
      if (const std::string_view value = labels.Get(name); !value.empty()) found.emplace(value);
    }));
    return FirstOf(found, limit);
  }
  const auto number = index_.FindName(name);
  if (!number) return std::vector<std::string>();
  if (matchers.empty()) return AllValues(*number, limit);
  return ValuesOf(*number, BARO_TRY(Resolve(matchers)), limit);
}

base::Result<std::vector<std::string>> BlockMatcher::AllValues(std::uint32_t name, std::size_t limit) {
  std::vector<std::string> values;
  for (const ValuePageEntry& entry : index_.root().names[name].pages) {
    if (cancel_.Cancelled()) return Cancelled();
    const ValuePage page = BARO_TRY(index_.ReadValues(entry));
    for (std::size_t i = 0; i < page.size(); ++i) {
      if (limit != 0 && values.size() == limit) return values;
      values.emplace_back(page[i]);
    }
  }
  return values;
}

// The series know the numbers of their values, which are in the order of the texts.
base::Result<std::vector<std::string>> BlockMatcher::ValuesOf(std::uint32_t name, const SlotSet& chosen,
                                                              std::size_t limit) {
  SlotSet having = BARO_TRY(Having(name));
  having &= chosen;
  std::vector<bool> seen(index_.root().names[name].value_count);
  const auto look = [&](std::uint32_t, const SeriesPage& page, const SeriesPage::Series& series) -> base::Result<> {
    const Shape& shape = index_.root().shapes[series.shape];
    const auto found = std::ranges::lower_bound(shape, name);
    if (found != shape.end() && *found == name) {
      seen[page.values[series.first_value + static_cast<std::size_t>(found - shape.begin())]] = true;
    }
    return {};
  };
  BARO_TRY(ForEach(having.ToVector(), look));
  std::vector<std::string> values;
  for (std::uint32_t value = 0; value < seen.size(); ++value) {
    if (!seen[value]) continue;
    if (limit != 0 && values.size() == limit) break;
    values.emplace_back(BARO_TRY(texts_.Text(name, value)));
  }
  return values;
}

}  // namespace baro::tsdb

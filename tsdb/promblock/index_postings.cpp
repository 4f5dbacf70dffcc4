// Which series matchers choose.
#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/index_reader.h"

namespace baro::tsdb {
namespace {

// Between two looks at the cancel token.
constexpr std::uint32_t kValuesPerLook = 1024;

PostingsList Intersect(const PostingsList& a, const PostingsList& b) {
  PostingsList both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  return both;
}

PostingsList Subtract(const PostingsList& a, const PostingsList& b) {
  PostingsList left;
  std::ranges::set_difference(a, b, std::back_inserter(left));
  return left;
}

}  // namespace

const IndexReader::NameEntry* IndexReader::FindName(std::string_view name) const {
  const auto found = std::ranges::lower_bound(names_, name, {}, &NameEntry::name);
  return found != names_.end() && found->name == name ? &*found : nullptr;
}

IndexReader::TableEntry IndexReader::EntryAt(std::uint32_t number) const {
  base::ByteReader reader(table_.subspan(entry_offsets_[number]));
  return TakeEntry(reader);
}

std::uint32_t IndexReader::LowerBound(const NameEntry& name, std::string_view value) const {
  std::uint32_t low = name.first;
  std::uint32_t high = name.first + name.count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (EntryAt(middle).value < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

base::Result<> IndexReader::AppendPostings(const TableEntry& entry, PostingsList& out) const {
  const base::ByteSpan content = BARO_TRY(Section(entry.postings_offset, "postings"));
  base::ByteReader reader(content);
  const auto count = TakeBe<std::uint32_t>(reader);
  if (!reader.ok() || reader.remaining() != std::size_t{count} * 4) {
    return Corruption(entry.postings_offset,
                      fmt::format("postings: {} of them in {} bytes", count, reader.remaining()));
  }
  // Lists of one name have no series in common, and a series takes 16 bytes at least.
  if (out.size() + count > bytes_.size() / 16) {
    return Corruption(entry.postings_offset, "postings: more than there can be series");
  }
  out.reserve(out.size() + count);
  BlockSeriesRef last = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto ref = TakeBe<std::uint32_t>(reader);
    if (i > 0 && ref <= last) return Corruption(entry.postings_offset, "postings: not increasing");
    out.push_back(ref);
    last = ref;
  }
  return {};
}

base::Result<> IndexReader::AppendPostingsOf(const NameEntry& name, std::string_view value, PostingsList& out) const {
  const std::uint32_t at = LowerBound(name, value);
  if (at == name.first + name.count) return {};
  const TableEntry entry = EntryAt(at);
  if (entry.value != value) return {};
  return AppendPostings(entry, out);
}

base::Result<PostingsList> IndexReader::AllSeries() const {
  PostingsList all;
  const NameEntry* const name = FindName("");
  if (name == nullptr || !EntryAt(name->first).value.empty()) {
    return Corruption(0, "table of postings: the list of all series is missing");
  }
  BARO_TRY(AppendPostings(EntryAt(name->first), all));
  return all;
}

base::Result<PostingsList> IndexReader::WithValues(const model::Matcher& matcher, bool is_inverted,
                                                   const base::CancelToken& cancel) const {
  PostingsList found;
  const NameEntry* const name = matcher.name().empty() ? nullptr : FindName(matcher.name());
  if (name == nullptr) return found;
  std::size_t lists = 0;
  // What the positive form of the condition accepts is known for `=` and for expressions like `a|b`.
  if (const auto values = matcher.SetMatches(); !values.empty() && is_inverted == matcher.is_negated()) {
    for (const std::string& value : values) {
      if (value.empty()) continue;
      BARO_TRY(AppendPostingsOf(*name, value, found));
      ++lists;
    }
  } else {
    const std::string_view prefix = is_inverted == matcher.is_negated() ? matcher.RequiredPrefix() : std::string_view();
    for (std::uint32_t i = LowerBound(*name, prefix); i < name->first + name->count; ++i) {
      if (i % kValuesPerLook == 0 && cancel.Cancelled()) {
        return base::Fail(base::Code::kCancelled, "selecting series: cancelled");
      }
      const TableEntry entry = EntryAt(i);
      if (!entry.value.starts_with(prefix)) break;
      if (matcher.Matches(entry.value) == is_inverted) continue;
      BARO_TRY(AppendPostings(entry, found));
      ++lists;
    }
  }
  if (lists > 1) {
    std::ranges::sort(found);
    const auto doubled = std::ranges::unique(found);  // of a damaged index: a series has one value of a name
    found.erase(doubled.begin(), doubled.end());
  }
  return found;
}

base::Result<PostingsList> IndexReader::Choose(std::span<const model::Matcher> matchers,
                                               const base::CancelToken& cancel) const {
  std::optional<PostingsList> chosen;
  // Conditions that need the label intersect what they find; the others take away the series whose value they refuse.
  for (const model::Matcher& matcher : matchers) {
    if (matcher.MatchesEmpty()) continue;
    PostingsList found = BARO_TRY(WithValues(matcher, false, cancel));
    chosen = chosen ? Intersect(*chosen, found) : std::move(found);
    if (chosen->empty()) return PostingsList();
  }
  if (!chosen) chosen = BARO_TRY(AllSeries());
  for (const model::Matcher& matcher : matchers) {
    if (!matcher.MatchesEmpty() || chosen->empty()) continue;
    chosen = Subtract(*chosen, BARO_TRY(WithValues(matcher, true, cancel)));
  }
  return *std::move(chosen);
}

}  // namespace baro::tsdb

#include "tsdb/index/label_index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <mutex>
#include <optional>

namespace baro::tsdb {
namespace {

// How often long loops look whether they are still wanted.
constexpr std::size_t kCancelStride = 1024;
// A target has some hundreds of label pairs, of which hardly any two should meet in one place; 4096 places are 192 KiB.
constexpr std::size_t kKnownPairs = 4096;

base::Error Cancelled() { return {base::Code::kCancelled, "resolving matchers: cancelled"}; }

}  // namespace

// Shape  the label is one of a label set, where name and value stand one behind the other: one look hashes both.
LabelIndex::KnownPair& LabelIndex::FindOrAddPair(const model::LabelView& label) {
  if (known_pairs_.empty()) known_pairs_.resize(kKnownPairs);
  const std::size_t hash =
      XXH3_64bits(label.name.data(), static_cast<std::size_t>(label.value.end() - label.name.begin()));
  KnownPair& known = known_pairs_[hash % kKnownPairs];
  if (known.postings != nullptr && known.value == label.value && known.name == label.name) return known;
  auto name = names_.find(label.name);
  if (name == names_.end()) name = names_.emplace(std::string(label.name), NameEntry{}).first;
  NameEntry& entry = name->second;
  auto value = entry.values.find(label.value);
  if (value == entry.values.end()) value = entry.values.emplace(std::string(label.value), Postings{}).first;
  known = {.name = name->first, .value = value->first, .entry = &entry, .postings = &value->second};
  return known;
}

void LabelIndex::Add(Slot slot, const model::Labels& labels) {
  const std::unique_lock lock(mutex_);
  while (labels_.size() <= slot) labels_.emplace_back();
  labels_[slot] = labels;
  all_.Add(slot);
  order_.Add(slot);
  for (const model::LabelView& label : labels) {
    const KnownPair& pair = FindOrAddPair(label);
    pair.postings->Add(slot);
    pair.entry->all.Add(slot);
  }
}

void LabelIndex::Remove(Slot slot, const model::Labels& labels) {
  const std::unique_lock lock(mutex_);
  BARO_ASSERT(all_.Contains(slot));
  for (const model::LabelView& label : labels) {
    const auto name = names_.find(label.name);
    BARO_ASSERT(name != names_.end());
    NameEntry& entry = name->second;
    const auto value = entry.values.find(label.value);
    BARO_ASSERT(value != entry.values.end());
    value->second.Remove(slot);
    if (value->second.empty()) {
      entry.values.erase(value);
      std::ranges::fill(known_pairs_, KnownPair{});
    }
    entry.all.Remove(slot);
    if (entry.values.empty()) names_.erase(name);
  }
  all_.Remove(slot);
  order_.Remove(slot);
  labels_[slot] = {};
  removals_.fetch_add(1, std::memory_order_release);
}

// Narrows a set of candidates down, matcher by matcher, under the index' lock.
class LabelIndex::Resolver {
 public:
  Resolver(const LabelIndex& index, const base::CancelToken& cancel) : index_(index), cancel_(cancel) {}

  // Positive conditions first, cheap and small ones before: each is one intersection. Conditions that series without
  // the label satisfy are turned around: what violates them is subtracted from what is left.
  base::Result<SlotSet> Run(std::span<const model::Matcher> matchers) {
    std::vector<const model::Matcher*> ordered;
    for (const model::Matcher& matcher : matchers) ordered.push_back(&matcher);
    std::ranges::sort(ordered, {}, [this](const model::Matcher* matcher) { return Rank(*matcher); });
    for (const model::Matcher* matcher : ordered) {
      if (cancel_.Cancelled()) return Cancelled();
      if (candidates_ && candidates_->empty()) break;
      BARO_TRY(Narrow(*matcher));
    }
    if (candidates_) return *std::move(candidates_);
    return index_.all_.ToSet();
  }

 private:
  const NameEntry* Find(const model::Matcher& matcher) const {
    const auto found = index_.names_.find(matcher.name());
    return found == index_.names_.end() ? nullptr : &found->second;
  }

  // Equalities by their size, then lists, then prefixes, then whatever must look at all values; subtractions last.
  std::size_t Rank(const model::Matcher& matcher) const {
    constexpr std::size_t kStep = std::size_t{1} << 33;  // more than any number of series
    if (matcher.MatchesEmpty()) return 4 * kStep;
    if (matcher.type() == model::MatchType::kEqual) {
      const NameEntry* entry = Find(matcher);
      if (entry == nullptr) return 0;
      const auto value = entry->values.find(matcher.value());
      return value == entry->values.end() ? 0 : value->second.size();
    }
    if (!matcher.is_negated() && !matcher.SetMatches().empty()) return kStep;
    return matcher.RequiredPrefix().empty() ? 3 * kStep : 2 * kStep;
  }

  base::Result<> Narrow(const model::Matcher& matcher) {
    const NameEntry* entry = Find(matcher);
    if (entry == nullptr) {
      if (!matcher.MatchesEmpty()) candidates_ = SlotSet();
      return {};
    }
    if (matcher.MatchesEmpty()) return SubtractViolations(matcher, *entry);
    if (matcher.type() == model::MatchType::kEqual) {
      const auto value = entry->values.find(matcher.value());
      if (value == entry->values.end()) {
        candidates_ = SlotSet();
      } else if (candidates_) {
        value->second.IntersectInto(*candidates_);
      } else {
        candidates_ = value->second.ToSet();
      }
      return {};
    }
    if (IsCheaperByCandidate(matcher, *entry)) return FilterCandidates(matcher);
    const SlotSet matching = BARO_TRY(Union(matcher, *entry, /*wanted=*/true));
    if (candidates_) {
      *candidates_ &= matching;
    } else {
      candidates_ = matching;
    }
    return {};
  }

  base::Result<> SubtractViolations(const model::Matcher& matcher, const NameEntry& entry) {
    if (!candidates_) candidates_ = index_.all_.ToSet();
    if (matcher.type() == model::MatchType::kNotEqual) {
      const auto value = entry.values.find(matcher.value());
      if (value != entry.values.end()) value->second.SubtractFrom(*candidates_);
      return {};
    }
    if (matcher.type() == model::MatchType::kEqual) {  // name="": the label must be absent
      entry.all.SubtractFrom(*candidates_);
      return {};
    }
    if (IsCheaperByCandidate(matcher, entry)) return FilterCandidates(matcher);
    *candidates_ -= BARO_TRY(Union(matcher, entry, /*wanted=*/false));
    return {};
  }

  // With few candidates left it is cheaper to ask each than to ask every value of the label.
  bool IsCheaperByCandidate(const model::Matcher& matcher, const NameEntry& entry) const {
    if (!candidates_) return false;
    const std::size_t values = matcher.SetMatches().empty() ? entry.values.size() : matcher.SetMatches().size();
    return candidates_->size() < values;
  }

  base::Result<> FilterCandidates(const model::Matcher& matcher) {
    std::vector<Slot> kept;
    std::size_t steps = 0;
    for (const Slot slot : candidates_->ToVector()) {
      if (++steps % kCancelStride == 0 && cancel_.Cancelled()) return Cancelled();
      if (matcher.MatchesLabels(index_.labels_[slot])) kept.push_back(slot);
    }
    candidates_ = SlotSet(kept);
    return {};
  }

  // The series whose value of the label matches (wanted), or does not.
  base::Result<SlotSet> Union(const model::Matcher& matcher, const NameEntry& entry, bool wanted) const {
    const auto listed = matcher.SetMatches();
    if (!listed.empty()) return UnionOfListed(listed, entry, wanted != matcher.is_negated());
    auto first = entry.values.begin();
    const std::string_view prefix = matcher.RequiredPrefix();
    const bool is_bounded = !prefix.empty() && wanted != matcher.is_negated();  // only values with the prefix count
    if (is_bounded) first = entry.values.lower_bound(prefix);
    std::vector<const Postings*> chosen;
    std::size_t steps = 0;
    for (auto value = first; value != entry.values.end(); ++value) {
      if (++steps % kCancelStride == 0 && cancel_.Cancelled()) return Cancelled();
      if (is_bounded && !std::string_view(value->first).starts_with(prefix)) break;
      if (matcher.Matches(value->first) == wanted) chosen.push_back(&value->second);
    }
    if (chosen.size() == entry.values.size()) return entry.all.ToSet();
    return UnionOf(chosen);
  }

  // Of values known beforehand: the listed ones, or all others.
  static SlotSet UnionOfListed(std::span<const std::string> listed, const NameEntry& entry, bool is_in_list) {
    std::vector<const Postings*> chosen;
    for (const std::string& text : listed) {
      const auto value = entry.values.find(text);
      if (value != entry.values.end()) chosen.push_back(&value->second);
    }
    if (is_in_list) return UnionOf(chosen);
    SlotSet others = entry.all.ToSet();
    for (const Postings* postings : chosen) postings->SubtractFrom(others);
    return others;
  }

  static SlotSet UnionOf(std::span<const Postings* const> chosen) {
    SlotSet set;
    for (const Postings* postings : chosen) postings->UniteInto(set);
    return set;
  }

  const LabelIndex& index_;
  const base::CancelToken& cancel_;
  std::optional<SlotSet> candidates_;  // absent: all series
};

base::Result<SlotSet> LabelIndex::Resolve(std::span<const model::Matcher> matchers,
                                          const base::CancelToken& cancel) const {
  return Resolver(*this, cancel).Run(matchers);
}

base::Result<std::vector<Slot>> LabelIndex::Select(std::span<const model::Matcher> matchers,
                                                   const base::CancelToken& cancel) const {
  const std::shared_lock lock(mutex_);
  const SlotSet set = BARO_TRY(Resolve(matchers, cancel));
  return set.ToVector();
}

base::Result<std::vector<Slot>> LabelIndex::SelectInOrder(std::span<const model::Matcher> matchers,
                                                          const base::CancelToken& cancel) const {
  const std::shared_lock lock(mutex_);
  const SlotSet set = BARO_TRY(Resolve(matchers, cancel));
  std::vector<Slot> slots = set.ToVector();
  order_.Sort(slots, labels_);
  return slots;
}

base::Result<std::vector<std::string>> LabelIndex::Names(std::span<const model::Matcher> matchers, std::size_t limit,
                                                         const base::CancelToken& cancel) const {
  const std::shared_lock lock(mutex_);
  std::optional<SlotSet> chosen;
  if (!matchers.empty()) chosen = BARO_TRY(Resolve(matchers, cancel));
  std::vector<std::string> names;
  for (const auto& [name, entry] : names_) {
    if (limit != 0 && names.size() == limit) break;
    if (cancel.Cancelled()) return Cancelled();
    if (!chosen || entry.all.Intersects(*chosen)) names.push_back(name);
  }
  return names;
}

base::Result<std::vector<std::string>> LabelIndex::Values(std::string_view name,
                                                          std::span<const model::Matcher> matchers, std::size_t limit,
                                                          const base::CancelToken& cancel) const {
  const std::shared_lock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return std::vector<std::string>();
  const NameEntry& entry = found->second;
  std::optional<SlotSet> chosen;
  if (!matchers.empty()) {
    chosen = BARO_TRY(Resolve(matchers, cancel));
    entry.all.IntersectInto(*chosen);
  }
  std::vector<std::string> values;
  if (chosen && chosen->size() < entry.values.size()) {  // ask the series
    for (const Slot slot : chosen->ToVector()) values.emplace_back(labels_[slot].Get(name));
    std::ranges::sort(values);
    const auto repeated = std::ranges::unique(values);
    values.erase(repeated.begin(), repeated.end());
    if (limit != 0 && values.size() > limit) values.resize(limit);
    return values;
  }
  std::size_t steps = 0;
  for (const auto& [value, postings] : entry.values) {
    if (limit != 0 && values.size() == limit) break;
    if (++steps % kCancelStride == 0 && cancel.Cancelled()) return Cancelled();
    if (!chosen || postings.Intersects(*chosen)) values.push_back(value);
  }
  return values;
}

LabelIndexStats LabelIndex::Stats() const {
  const std::shared_lock lock(mutex_);
  // A node of std::map: three pointers, colour and padding beside the pair.
  constexpr std::size_t kNodeBytes = 32;
  LabelIndexStats stats;
  stats.size_bytes = all_.SizeBytes() + order_.SizeBytes() + labels_.size() * sizeof(model::Labels) +
                     known_pairs_.capacity() * sizeof(KnownPair);
  for (const auto& [name, entry] : names_) {
    LabelIndexStats::Name& out = stats.names.emplace_back();
    out.name = name;
    out.values = entry.values.size();
    stats.pairs += entry.values.size();
    stats.size_bytes += kNodeBytes + sizeof(NameEntry) + name.size() + entry.all.SizeBytes();
    for (const auto& [value, postings] : entry.values) {
      out.value_bytes += value.size() * postings.size();
      stats.size_bytes += kNodeBytes + sizeof(std::string) + value.size() + postings.SizeBytes();
    }
  }
  return stats;
}

}  // namespace baro::tsdb

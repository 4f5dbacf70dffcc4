#include "remote/write/series_cache.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace baro::remote {
namespace {

constexpr std::size_t kSlotsMin = 1024;
constexpr std::size_t kTextBlockBytes = 64 * 1024;
// Longer labels, which hardly anybody has, are read anew each time.
constexpr std::size_t kKeyBytesMax = 64 * 1024;
// Look-ups wait for memory: this many are under way at a time.
constexpr std::size_t kBatch = 16;

}  // namespace

const SeriesCache::Slot* SeriesCache::Table::Find(const Key& key) const {
  if (slots_.empty()) return nullptr;
  for (std::size_t at = key.hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.series.ref == tsdb::SeriesRef::kNone) return nullptr;
    if (slot.hash == key.hash && std::string_view(slot.labels, slot.size) == key.labels) return &slot;
  }
}

void SeriesCache::Table::Prefetch(std::uint64_t hash) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

void SeriesCache::Table::PrefetchLabels(std::uint64_t hash) const {
  if (slots_.empty()) return;
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.hash != hash) return;
  __builtin_prefetch(slot.labels);
  __builtin_prefetch(slot.labels + 64);
}

void SeriesCache::Table::Set(const Key& key, const KnownSeries& series) {
  if (Slot* known = const_cast<Slot*>(Find(key))) {
    known->series = series;
    return;
  }
  if ((count_ + 1) * 4 > slots_.size() * 3) Grow();
  std::size_t at = key.hash & (slots_.size() - 1);
  while (slots_[at].series.ref != tsdb::SeriesRef::kNone) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {.hash = key.hash,
                .series = series,
                .size = static_cast<std::uint32_t>(key.labels.size()),
                .labels = Keep(key.labels)};
  ++count_;
}

const char* SeriesCache::Table::Keep(std::string_view text) {
  if (text.size() > text_left_) {
    const std::size_t size = std::max(kTextBlockBytes, text.size());
    text_.push_back(std::make_unique_for_overwrite<char[]>(size));
    text_bytes_ += size;
    text_next_ = text_.back().get();
    text_left_ = size;
  }
  char* const kept = text_next_;
  std::memcpy(kept, text.data(), text.size());
  text_next_ += text.size();
  text_left_ -= text.size();
  return kept;
}

void SeriesCache::Table::Grow() {
  std::vector<Slot> old(std::max(kSlotsMin, slots_.size() * 2));
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.series.ref == tsdb::SeriesRef::kNone) continue;
    std::size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].series.ref != tsdb::SeriesRef::kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

void SeriesCache::Table::CollectGroups(std::unordered_set<tsdb::GroupRef>& groups) const {
  for (const Slot& slot : slots_) {
    if (slot.series.group != tsdb::GroupRef::kNone) groups.insert(slot.series.group);
  }
}

bool SeriesCache::Find(std::span<const Key> keys, std::span<KnownSeries> series, std::vector<bool>& is_old) const {
  is_old.assign(keys.size(), false);
  bool any_old = false;
  const std::shared_lock lock(mutex_);
  for (std::size_t first = 0; first < keys.size(); first += kBatch) {
    const std::size_t end = std::min(keys.size(), first + kBatch);
    for (std::size_t i = first; i < end; ++i) young_.Prefetch(keys[i].hash);
    for (std::size_t i = first; i < end; ++i) young_.PrefetchLabels(keys[i].hash);
    for (std::size_t i = first; i < end; ++i) {
      const Slot* slot = young_.Find(keys[i]);
      if (slot == nullptr) {
        slot = old_.Find(keys[i]);
        is_old[i] = slot != nullptr;
        any_old |= slot != nullptr;
      }
      series[i] = slot == nullptr ? KnownSeries() : slot->series;
    }
  }
  return any_old;
}

std::vector<tsdb::GroupRef> SeriesCache::Insert(std::span<const Key> keys, std::span<const KnownSeries> series) {
  std::vector<tsdb::GroupRef> gone;
  const std::unique_lock lock(mutex_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].labels.size() > kKeyBytesMax) continue;
    if (young_.size_bytes() >= generation_bytes_max_) std::ranges::copy(TakeTurns(), std::back_inserter(gone));
    young_.Set(keys[i], series[i]);
  }
  return gone;
}

// What the young table has lives on, and so do its groups.
std::vector<tsdb::GroupRef> SeriesCache::TakeTurns() {
  std::unordered_set<tsdb::GroupRef> kept;
  std::unordered_set<tsdb::GroupRef> gone;
  young_.CollectGroups(kept);
  old_.CollectGroups(gone);
  std::erase_if(gone, [&kept](tsdb::GroupRef group) { return kept.contains(group); });
  old_ = std::move(young_);
  young_ = Table();
  return {gone.begin(), gone.end()};
}

SeriesCache::Stats SeriesCache::stats() const {
  const std::shared_lock lock(mutex_);
  return {.entries = young_.count() + old_.count(), .size_bytes = young_.size_bytes() + old_.size_bytes()};
}

}  // namespace baro::remote

#include "tsdb/head/metadata_table.h"

#include <algorithm>

#include "model/names.h"

namespace baro::tsdb {
namespace {

// Of an entry beside its texts: the variant, and a node of the map with its key's header.
constexpr std::size_t kEntryBytes = 160;

bool IsGoodText(std::string_view text) { return text.size() <= kMetadataTextBytesMax && model::IsValidUtf8(text); }

}  // namespace

std::size_t MetadataTable::BytesOf(const model::Metadata& metadata) {
  return kEntryBytes + metadata.help.size() + metadata.unit.size();
}

MetadataTable::Outcome MetadataTable::Put(std::string_view family, const model::Metadata& metadata,
                                          std::int64_t seen_ms) {
  if (family.empty() || metadata.empty()) return Outcome::kRefused;
  const base::MutexLock lock(mutex_);
  auto place = families_.find(family);
  if (place != families_.end()) {
    std::vector<Variant>& variants = place->second;
    const auto known = std::ranges::find(variants, metadata, &Variant::metadata);
    if (known != variants.end()) {
      known->seen_ms = std::max(known->seen_ms, seen_ms);
      return Outcome::kKnown;
    }
  }
  if (!IsGoodText(family) || !IsGoodText(metadata.help) || !IsGoodText(metadata.unit)) return Outcome::kRefused;
  if (bytes_ + family.size() + BytesOf(metadata) > kBytesMax) return Outcome::kRefused;
  if (place == families_.end()) {
    place = families_.emplace(std::string(family), std::vector<Variant>()).first;
    bytes_ += family.size();
  }
  std::vector<Variant>& variants = place->second;
  if (variants.size() == kVariantsMax) {
    const auto oldest = std::ranges::min_element(variants, {}, &Variant::seen_ms);
    bytes_ -= BytesOf(oldest->metadata);
    variants.erase(oldest);
  }
  variants.push_back({.metadata = metadata, .seen_ms = seen_ms});
  bytes_ += BytesOf(metadata);
  return Outcome::kNew;
}

void MetadataTable::Remove(std::string_view family, const model::Metadata& metadata) {
  const base::MutexLock lock(mutex_);
  const auto place = families_.find(family);
  if (place == families_.end()) return;
  std::vector<Variant>& variants = place->second;
  const auto known = std::ranges::find(variants, metadata, &Variant::metadata);
  if (known == variants.end()) return;
  bytes_ -= BytesOf(known->metadata);
  variants.erase(known);
  if (!variants.empty()) return;
  bytes_ -= place->first.size();
  families_.erase(place);
}

std::vector<FamilyMetadata> MetadataTable::Select(std::string_view family) const {
  const base::MutexLock lock(mutex_);
  std::vector<FamilyMetadata> all;
  auto place = family.empty() ? families_.begin() : families_.find(family);
  for (; place != families_.end(); ++place) {
    const auto first = static_cast<std::ptrdiff_t>(all.size());
    for (const Variant& variant : place->second) {
      all.push_back({.family = place->first, .metadata = variant.metadata, .seen_ms = variant.seen_ms});
    }
    std::stable_sort(all.begin() + first, all.end(),
                     [](const FamilyMetadata& a, const FamilyMetadata& b) { return a.seen_ms > b.seen_ms; });
    if (!family.empty()) break;
  }
  return all;
}

void MetadataTable::Forget(const std::function<bool(std::string_view)>& is_used, std::int64_t cutoff_ms) {
  const base::MutexLock lock(mutex_);
  for (auto place = families_.begin(); place != families_.end();) {
    std::vector<Variant>& variants = place->second;
    const std::int64_t last_ms = std::ranges::max_element(variants, {}, &Variant::seen_ms)->seen_ms;
    const bool stays = is_used(place->first);
    std::size_t freed_bytes = 0;
    std::erase_if(variants, [&](const Variant& variant) {
      const bool is_old = variant.seen_ms < cutoff_ms && !(stays && variant.seen_ms == last_ms);
      if (is_old) freed_bytes += BytesOf(variant.metadata);
      return is_old;
    });
    bytes_ -= freed_bytes;
    if (!variants.empty()) {
      ++place;
      continue;
    }
    bytes_ -= place->first.size();
    place = families_.erase(place);
  }
}

std::size_t MetadataTable::SizeBytes() const {
  const base::MutexLock lock(mutex_);
  return bytes_;
}

bool MetadataTable::empty() const {
  const base::MutexLock lock(mutex_);
  return families_.empty();
}

}  // namespace baro::tsdb

#include "scraper/expo/metric_template.h"

#include <algorithm>
#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace baro::scraper::expo {
namespace {

constexpr std::size_t kSlotsMin = 16;

}  // namespace

std::uint64_t MetricTemplate::HashOf(const Key& key, std::uint64_t seed) {
  const std::uint64_t family = static_cast<std::uint64_t>(key.family) << 8 | static_cast<std::uint64_t>(key.type);
  return XXH3_64bits_withSeed(key.labels.data(), key.labels.size(), seed ^ (family * 0x9e37'79b9'7f4a'7c15U));
}

std::uint32_t MetricTemplate::Find(const Key& key, std::uint64_t hash) const {
  if (slots_.empty()) return kNone;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask; slots_[slot] != kNone; slot = (slot + 1) & mask) {
    const MetricEntry& entry = entries_[slots_[slot]];
    if (entry.hash == hash && entry.family == key.family && entry.type == key.type && labels(entry) == key.labels) {
      return slots_[slot];
    }
  }
  return kNone;
}

void MetricTemplate::Clear() {
  text_.clear();
  entries_.clear();
  samples_.clear();
  families_.clear();
  shapes_.clear();
  heads_.clear();
  std::fill(slots_.begin(), slots_.end(), kNone);
}

void MetricTemplate::Reserve(std::size_t text_bytes, std::size_t metrics_count) {
  text_.reserve(text_bytes);
  entries_.reserve(metrics_count);
  if (slots_.size() < metrics_count * 2) Rehash(metrics_count);
}

void MetricTemplate::AssignPrefix(const MetricTemplate& other, std::size_t metrics_count, std::size_t families_count) {
  Clear();
  Reserve(other.text_.size(), other.entries_.size());
  const MetricEntry last = metrics_count == 0 ? MetricEntry() : other.entries_[metrics_count - 1];
  text_.append(other.text_, 0, last.text_end);
  const auto first = [](const auto& from, std::size_t count) {
    return std::pair(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
  };
  const auto [samples_begin, samples_end] = first(other.samples_, last.samples_begin + last.samples_count);
  samples_.assign(samples_begin, samples_end);
  const auto [entries_begin, entries_end] = first(other.entries_, metrics_count);
  entries_.assign(entries_begin, entries_end);
  const auto [families_begin, families_end] = first(other.families_, families_count);
  families_.assign(families_begin, families_end);
  const auto [shapes_begin, shapes_end] = first(other.shapes_, families_count);
  shapes_.assign(shapes_begin, shapes_end);
  std::size_t heads_end = 0;  // heads stand in the order of their families
  for (FamilyShape& shape : shapes_) {
    if (shape.first + shape.count > metrics_count) shape = {};  // metrics that it had are not among the first
    if (shape.size_bytes != 0) heads_end = shape.head_begin + shape.head_size_bytes;
  }
  heads_.assign(other.heads_, 0, heads_end);
  for (std::uint32_t i = 0; i < metrics_count; ++i) Insert(i);
}

void MetricTemplate::Push(const Key& key, std::uint64_t hash, std::span<const MetricSample> samples,
                          const PlainMetric& plain) {
  // The labels of a plain metric stand in its field.
  const bool is_plain = plain.value_offset != 0;
  const auto text_begin = static_cast<std::uint32_t>(text_.size());
  text_ += is_plain ? plain.field : key.labels;
  const auto text_end = static_cast<std::uint32_t>(text_.size());
  const auto labels_in_field = is_plain ? static_cast<std::uint32_t>(key.labels.data() - plain.field.data()) : 0;
  entries_.push_back({.hash = hash,
                      .start_ms = plain.start_ms,
                      .text_begin = text_begin,
                      .text_end = text_end,
                      .value_offset = plain.value_offset,
                      .labels_begin = text_begin + labels_in_field,
                      .labels_size_bytes = static_cast<std::uint32_t>(key.labels.size()),
                      .family = key.family,
                      .family_place = static_cast<std::uint32_t>(families_.size() - 1),
                      .samples_begin = static_cast<std::uint32_t>(samples_.size()),
                      .samples_count = static_cast<std::uint32_t>(samples.size()),
                      .type = key.type});
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  if (slots_.size() < entries_.size() * 2) {
    Rehash(entries_.size() * 2);
  } else {
    Insert(static_cast<std::uint32_t>(entries_.size() - 1));
  }
}

void MetricTemplate::CloseFamily(std::string_view head, std::size_t size_bytes, std::size_t first) {
  std::size_t plain_size_bytes = head.size();
  for (std::size_t i = first; i < entries_.size(); ++i) {
    if (entries_[i].value_offset == 0) plain_size_bytes = size_bytes + 1;  // never as large as that
    plain_size_bytes += entries_[i].text_end - entries_[i].text_begin;
  }
  const FamilyShape& before = shapes_.back();  // where it was copied from another template
  if (before.size_bytes != 0) heads_.resize(before.head_begin);
  shapes_.back() = {};
  if (plain_size_bytes != size_bytes) return;
  shapes_.back() = {.size_bytes = size_bytes,
                    .head_begin = static_cast<std::uint32_t>(heads_.size()),
                    .head_size_bytes = static_cast<std::uint32_t>(head.size()),
                    .first = static_cast<std::uint32_t>(first),
                    .count = static_cast<std::uint32_t>(entries_.size() - first)};
  heads_ += head;
}

// A second entry with an equal hash is left out, as in LineTemplate: a metric that stands a million times makes no
// chain.
void MetricTemplate::Insert(std::uint32_t index) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = entries_[index].hash & mask;
  for (; slots_[slot] != kNone; slot = (slot + 1) & mask) {
    if (entries_[slots_[slot]].hash == entries_[index].hash) return;
  }
  slots_[slot] = index;
}

void MetricTemplate::Rehash(std::size_t entries_count) {
  slots_.assign(std::bit_ceil(std::max(entries_count * 2, kSlotsMin)), kNone);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) Insert(i);
}

}  // namespace baro::scraper::expo

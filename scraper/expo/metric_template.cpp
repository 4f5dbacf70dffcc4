#include "scraper/expo/metric_template.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "model/sample.h"

namespace baro::scraper::expo {
namespace {

constexpr std::size_t kSlotsMin = 16;

template <typename T>
bool SameWord(const char* a, const char* b) {
  T left = 0;
  T right = 0;
  std::memcpy(&left, a, sizeof left);
  std::memcpy(&right, b, sizeof right);
  return left == right;
}

// Between two values mostly a dozen bytes stand: a call of memcmp() costs more than that.
inline bool SameBytes(const char* a, const char* b, std::size_t size) {
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return SameWord<std::uint64_t>(a, b) && SameWord<std::uint64_t>(a + size - 8, b + size - 8);
  if (size >= 4) return SameWord<std::uint32_t>(a, b) && SameWord<std::uint32_t>(a + size - 4, b + size - 4);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// A varint as long as the expected one. False: it is not.
inline bool ReadVarint(const char* at, const char* expected, std::uint8_t size_bytes, double& value) {
  constexpr unsigned kContinues = 0x80;
  std::uint64_t bits = 0;
  for (std::uint8_t i = 0; i < size_bytes; ++i) {
    const auto byte = static_cast<unsigned char>(at[i]);
    if (((byte ^ static_cast<unsigned char>(expected[i])) & kContinues) != 0) return false;
    bits |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
  }
  value = static_cast<double>(bits);
  return true;
}

double ReadDouble(const char* at) {
  double value = 0;
  std::memcpy(&value, at, sizeof value);
  return std::isnan(value) ? model::CanonicalNaN() : value;
}

}  // namespace

std::size_t MetricTemplate::ReadValues(const Stretch& stretch, const char* at, std::vector<double>& out) const {
  const std::size_t places_count = stretch.places_end - stretch.places_begin;
  if (out.size() < places_count) out.resize(places_count);
  const char* const expected = text_.data() + stretch.text_begin;
  double* values = out.data();
  const ValuePlace* const places_end = places_.data() + stretch.places_end;
  std::size_t done = 0;  // bytes
  for (const ValuePlace* place = places_.data() + stretch.places_begin; place != places_end; ++place, ++values) {
    if (place->kind == ValuePlace::Kind::kAbsent) {
      *values = 0;
      continue;
    }
    const std::size_t offset = place->offset - stretch.text_begin;
    if (place->kind != ValuePlace::Kind::kVarintAgain) {
      if (!SameBytes(at + done, expected + done, offset - done)) return done;
    }
    if (place->kind == ValuePlace::Kind::kDouble) {
      *values = ReadDouble(at + offset);
    } else if (!ReadVarint(at + offset, expected + offset, place->size_bytes, *values)) {
      return done;
    }
    done = std::max(done, offset + place->size_bytes);
  }
  return SameBytes(at + done, expected + done, stretch.size_bytes() - done) ? stretch.size_bytes() : done;
}

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
  places_.clear();
  families_.clear();
  shapes_.clear();
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
  const std::uint32_t lead_end = families_count == 0 ? 0 : other.shapes_[families_count - 1].lead_end;
  text_.append(other.text_, 0, std::max(last.text_end, lead_end));
  const auto first = [](const auto& from, std::size_t count) {
    return std::pair(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
  };
  const auto [samples_begin, samples_end] = first(other.samples_, last.samples_begin + last.samples_count);
  samples_.assign(samples_begin, samples_end);
  const auto [places_begin, places_end] =
      first(other.places_, last.places_begin + (last.is_plain ? last.samples_count : 0));
  places_.assign(places_begin, places_end);
  const auto [entries_begin, entries_end] = first(other.entries_, metrics_count);
  entries_.assign(entries_begin, entries_end);
  const auto [families_begin, families_end] = first(other.families_, families_count);
  families_.assign(families_begin, families_end);
  const auto [shapes_begin, shapes_end] = first(other.shapes_, families_count);
  shapes_.assign(shapes_begin, shapes_end);
  // Metrics that it had are not among the first.
  if (!shapes_.empty() && shapes_.back().first + shapes_.back().count > metrics_count) shapes_.back().is_plain = false;
  for (std::uint32_t i = 0; i < metrics_count; ++i) Insert(i);
}

void MetricTemplate::Push(const Key& key, std::uint64_t hash, std::span<const MetricSample> samples,
                          const PlainMetric& plain) {
  // The labels of a plain metric stand in its field.
  const bool is_plain = !plain.field.empty();
  const auto text_begin = static_cast<std::uint32_t>(text_.size());
  text_ += is_plain ? plain.field : key.labels;
  const auto text_end = static_cast<std::uint32_t>(text_.size());
  const auto labels_in_field = is_plain ? static_cast<std::uint32_t>(key.labels.data() - plain.field.data()) : 0;
  entries_.push_back({.hash = hash,
                      .start_ms = plain.start_ms,
                      .text_begin = text_begin,
                      .text_end = text_end,
                      .places_begin = static_cast<std::uint32_t>(places_.size()),
                      .labels_begin = text_begin + labels_in_field,
                      .labels_size_bytes = static_cast<std::uint32_t>(key.labels.size()),
                      .family = key.family,
                      .family_place = static_cast<std::uint32_t>(families_.size() - 1),
                      .samples_begin = static_cast<std::uint32_t>(samples_.size()),
                      .samples_count = static_cast<std::uint32_t>(samples.size()),
                      .type = key.type,
                      .is_plain = is_plain});
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  for (ValuePlace place : plain.places) {
    place.offset = place.offset - plain.places_base + text_begin;
    places_.push_back(place);
  }
  if (slots_.size() < entries_.size() * 2) {
    Rehash(entries_.size() * 2);
  } else {
    Insert(static_cast<std::uint32_t>(entries_.size() - 1));
  }
}

void MetricTemplate::PushFamily(std::uint32_t number, std::string_view lead) {
  families_.push_back(number);
  const auto begin = static_cast<std::uint32_t>(text_.size());
  text_ += lead;
  shapes_.push_back({.lead_begin = begin, .lead_end = static_cast<std::uint32_t>(text_.size())});
}

void MetricTemplate::CloseFamily(std::size_t size_bytes, std::size_t first) {
  FamilyShape& shape = shapes_.back();
  shape.first = static_cast<std::uint32_t>(first);
  shape.count = static_cast<std::uint32_t>(entries_.size() - first);
  shape.text_end = static_cast<std::uint32_t>(text_.size());
  shape.is_plain = shape.count > 0 && shape.text_end - shape.lead_begin == size_bytes;
  shape.has_one_start = true;
  for (std::size_t i = first; i < entries_.size(); ++i) {
    shape.is_plain &= entries_[i].is_plain;
    shape.has_one_start &= entries_[i].start_ms == entries_[first].start_ms;
  }
}

void MetricTemplate::FindRuns() {
  for (auto place = static_cast<std::uint32_t>(shapes_.size()); place-- > 0;) {
    const bool goes_on = place + 1 < shapes_.size() && shapes_[place + 1].is_plain;
    shapes_[place].run_end = goes_on ? shapes_[place + 1].run_end : place + 1;
  }
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

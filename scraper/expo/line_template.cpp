#include "scraper/expo/line_template.h"

#include <algorithm>
#include <bit>

// Heads are short; hashing them takes nanoseconds only if it is inlined.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace baro::scraper::expo {
namespace {

// What a type does to the labels of a line: heads of one class mean the same.
int BoundClass(model::MetricType type) {
  return type == model::MetricType::kHistogram ? 1 : type == model::MetricType::kSummary ? 2 : 0;
}

constexpr std::size_t kSlotsMin = 16;

}  // namespace

std::span<const std::uint32_t> LineTemplate::families(std::size_t first, std::size_t last) const {
  const auto begin_of = [this](std::size_t index) -> std::size_t {
    return index < entries_.size() ? entries_[index].families_begin : trailer_families_begin_;
  };
  return all_families().subspan(begin_of(first), begin_of(last) - begin_of(first));
}

std::uint64_t LineTemplate::HashOf(std::string_view head, model::MetricType type, std::uint64_t seed) {
  return XXH3_64bits_withSeed(head.data(), head.size(), seed) + static_cast<std::uint64_t>(BoundClass(type));
}

bool LineTemplate::IsHead(const TemplateEntry& entry, std::string_view head, model::MetricType type,
                          std::uint64_t hash) const {
  return entry.hash == hash && BoundClass(entry.type) == BoundClass(type) &&
         std::string_view(text_).substr(entry.head_begin, entry.segment_end - entry.head_begin) == head;
}

std::uint32_t LineTemplate::Find(std::string_view head, model::MetricType type, std::uint64_t hash) const {
  if (slots_.empty()) return kNone;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask; slots_[slot] != kNone; slot = (slot + 1) & mask) {
    if (IsHead(entries_[slots_[slot]], head, type, hash)) return slots_[slot];
  }
  return kNone;
}

void LineTemplate::Clear() {
  text_.clear();
  entries_.clear();
  families_.clear();
  std::fill(slots_.begin(), slots_.end(), kNone);
  trailer_begin_ = 0;
  trailer_families_begin_ = 0;
}

void LineTemplate::Reserve(std::size_t text_bytes, std::size_t entries_count) {
  text_.reserve(text_bytes);
  entries_.reserve(entries_count);
  if (slots_.size() < entries_count * 2) Rehash(entries_count);
}

void LineTemplate::AssignPrefix(const LineTemplate& other, std::size_t count) {
  Clear();
  Reserve(other.text_.size(), other.entries_.size());
  const std::size_t text_end = count == 0 ? 0 : other.entries_[count - 1].segment_end;
  text_.append(other.text_, 0, text_end);
  entries_.assign(other.entries_.begin(), other.entries_.begin() + static_cast<std::ptrdiff_t>(count));
  const std::span<const std::uint32_t> families = other.families(0, count);
  families_.assign(families.begin(), families.end());
  for (std::uint32_t i = 0; i < count; ++i) Insert(i);
}

void LineTemplate::Push(std::string_view segment, std::size_t head_size_bytes, std::uint64_t hash, SeriesHandle series,
                        model::MetricType type, std::span<const std::uint32_t> families) {
  const char last = segment.back();
  const auto begin = static_cast<std::uint32_t>(text_.size());
  const auto end = static_cast<std::uint32_t>(begin + segment.size());
  entries_.push_back({.hash = hash,
                      .segment_begin = begin,
                      .head_begin = end - static_cast<std::uint32_t>(head_size_bytes),
                      .segment_end = end,
                      .series = series,
                      .families_begin = static_cast<std::uint32_t>(families_.size()),
                      .type = type,
                      .is_predictable = last == ' ' || last == '\t' || last == '}'});
  text_ += segment;
  families_.insert(families_.end(), families.begin(), families.end());
  if (slots_.size() < entries_.size() * 2) {
    Rehash(entries_.size() * 2);
  } else {
    Insert(static_cast<std::uint32_t>(entries_.size() - 1));
  }
}

void LineTemplate::SetTrailer(std::string_view trailer, std::span<const std::uint32_t> families) {
  trailer_begin_ = text_.size();
  trailer_families_begin_ = families_.size();
  text_ += trailer;
  families_.insert(families_.end(), families.begin(), families.end());
}

// A second entry with an equal hash and type is left out: it is the same head again, whose first entry is found, or
// (once in 2^64) another one, which is then asked for again and again but never mistaken. So a body of one line a
// million times makes no chain.
void LineTemplate::Insert(std::uint32_t index) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = entries_[index].hash & mask;
  for (; slots_[slot] != kNone; slot = (slot + 1) & mask) {
    if (entries_[slots_[slot]].hash == entries_[index].hash) return;
  }
  slots_[slot] = index;
}

void LineTemplate::Rehash(std::size_t entries_count) {
  slots_.assign(std::bit_ceil(std::max(entries_count * 2, kSlotsMin)), kNone);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) Insert(i);
}

}  // namespace baro::scraper::expo

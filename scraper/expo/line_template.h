// What an exposition looked like, without its values: the bytes from one value to the next, and what they stood for.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/metadata.h"
#include "scraper/exposition.h"

namespace baro::scraper::expo {

/// One sample line and the comments above it.
struct TemplateEntry {
  std::uint64_t hash = 0;           // of the head, see LineTemplate::HashOf
  std::uint32_t segment_begin = 0;  // in text(): comments and blank lines above, then the head
  std::uint32_t head_begin = 0;
  std::uint32_t segment_end = 0;  // where the value stood
  SeriesHandle series = SeriesHandle::kDropped;
  std::uint32_t families_begin = 0;  // families named in the segment; they end where the next entry's begin
  model::MetricType type = model::MetricType::kUnknown;  // in effect at the sample
  /// The head ends in a blank or a brace, so that no other bytes behind it could make it a longer name.
  bool is_predictable = false;
};

/// The lines of one exposition in order, and where each head stands.
///
/// A head means the same series wherever it stands, except for its type: `le` and `quantile` are rewritten under
/// histograms and summaries. So heads are looked up together with what their type does to them.
class LineTemplate {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  std::size_t size() const { return entries_.size(); }
  const TemplateEntry& entry(std::size_t index) const { return entries_[index]; }
  const std::vector<TemplateEntry>& entries() const { return entries_; }
  const std::string& text() const { return text_; }
  std::string_view segment(const TemplateEntry& entry) const {
    return std::string_view(text_).substr(entry.segment_begin, entry.segment_end - entry.segment_begin);
  }
  /// The bytes behind the last sample, comments and all.
  std::string_view trailer() const { return std::string_view(text_).substr(trailer_begin_); }
  /// Families named in the segments of entries `first` up to `last`.
  std::span<const std::uint32_t> families(std::size_t first, std::size_t last) const;
  std::span<const std::uint32_t> all_families() const { return families_; }

  static std::uint64_t HashOf(std::string_view head, model::MetricType type, std::uint64_t seed);

  /// The first entry with that head, or kNone.
  std::uint32_t Find(std::string_view head, model::MetricType type, std::uint64_t hash) const;

  void Clear();
  void Reserve(std::size_t text_bytes, std::size_t entries_count);
  /// Starts with the first `count` entries of `other`.
  void AssignPrefix(const LineTemplate& other, std::size_t count);
  /// `head_size_bytes`: the part of `segment` at its end that is the head.
  void Push(std::string_view segment, std::size_t head_size_bytes, std::uint64_t hash, SeriesHandle series,
            model::MetricType type, std::span<const std::uint32_t> families);
  void SetTrailer(std::string_view trailer, std::span<const std::uint32_t> families);

 private:
  bool IsHead(const TemplateEntry& entry, std::string_view head, model::MetricType type, std::uint64_t hash) const;
  void Insert(std::uint32_t index);
  void Rehash(std::size_t entries_count);

  std::string text_;
  std::vector<TemplateEntry> entries_;
  std::vector<std::uint32_t> families_;
  std::vector<std::uint32_t> slots_;  // a power of two of entry numbers, kNone where free; at most half are taken
  std::size_t trailer_begin_ = 0;
  std::size_t trailer_families_begin_ = 0;
};

}  // namespace baro::scraper::expo

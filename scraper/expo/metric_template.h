// What a Protobuf exposition looked like, without its values: the labels of its metrics, and which series they stood
// for.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scraper/expo/metric_message.h"
#include "scraper/exposition.h"

namespace baro::scraper::expo {

/// Which of a metric's samples: what stands behind the name, and the bound.
enum class SampleRole : std::uint8_t { kValue, kCount, kSum, kQuantile, kBucket, kNative };

/// A series of a metric.
struct MetricSample {
  SeriesHandle series = SeriesHandle::kDropped;
  SampleRole role = SampleRole::kValue;
  std::uint64_t bound_bits = 0;  ///< of `le` or `quantile`
};

/// Where a sample's value stands.
struct ValuePlace {
  enum class Kind : std::uint8_t {
    kDouble,       ///< 8 bytes
    kVarint,       ///< `size_bytes` of them, as long as their continuation bits stay the same
    kVarintAgain,  ///< the same bytes as an earlier place, which is a kVarint
    kAbsent        ///< nowhere: it is 0
  };
  std::uint32_t offset = 0;
  Kind kind = Kind::kAbsent;
  std::uint8_t size_bytes = 0;
};

/// A metric whose values stand in places that are known, in the order of its samples, and that has nothing that varies
/// beside them: if all other bytes are the same, so is all that they say.
struct PlainMetric {
  std::string_view field;                ///< the metric with its tag and length; empty: it is not of that kind
  std::span<const ValuePlace> places{};  ///< one for each sample; those with bytes of their own ascend
  std::uint32_t places_base = 0;         ///< what their offsets are counted from, less where `field` begins
  std::int64_t start_ms = 0;
};

/// A family of an exposition, by its place among the others.
struct FamilyShape {
  std::uint32_t lead_begin = 0;  ///< in the text: its length, and all in front of its metrics
  std::uint32_t lead_end = 0;
  std::uint32_t text_end = 0;  ///< of a plain one: of its last metric
  std::uint32_t first = 0;     ///< its metrics' entries
  std::uint32_t count = 0;
  bool is_plain = false;       ///< it consists of the lead and of plain metrics
  bool has_one_start = false;  ///< all of them count since the same time
  std::uint32_t run_end = 0;   ///< of a plain one: the place behind those that follow it without a gap
};

/// One metric: its labels as they stood, and its samples.
struct MetricEntry {
  std::uint64_t hash = 0;
  std::int64_t start_ms = 0;     // of a plain metric
  std::uint32_t text_begin = 0;  // the field of a plain metric, the labels of another
  std::uint32_t text_end = 0;
  std::uint32_t places_begin = 0;
  std::uint32_t labels_begin = 0;
  std::uint32_t labels_size_bytes = 0;
  std::uint32_t family = 0;        ///< its number in the FamilyTable
  std::uint32_t family_place = 0;  ///< among the template's families
  std::uint32_t samples_begin = 0;
  std::uint32_t samples_count = 0;
  FamilyType type = FamilyType::kCounter;
  bool is_plain = false;  // then it has as many places as samples
};

/// The metrics of one exposition in order.
class MetricTemplate {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  std::size_t size() const { return entries_.size(); }
  const MetricEntry& entry(std::size_t index) const { return entries_[index]; }
  std::string_view labels(const MetricEntry& entry) const {
    return std::string_view(text_).substr(entry.labels_begin, entry.labels_size_bytes);
  }
  /// Shape    a plain one.
  PlainMetric plain(const MetricEntry& entry) const {
    return {.field = std::string_view(text_).substr(entry.text_begin, entry.text_end - entry.text_begin),
            .places = std::span(places_).subspan(entry.places_begin, entry.samples_count),
            .places_base = entry.text_begin,
            .start_ms = entry.start_ms};
  }
  /// Bytes of the text and the places of values in them.
  struct Stretch {
    std::uint32_t text_begin = 0;
    std::uint32_t text_end = 0;
    std::uint32_t places_begin = 0;
    std::uint32_t places_end = 0;

    std::size_t size_bytes() const { return text_end - text_begin; }
  };
  /// Shape    a plain metric; families from `first` to before `end` of one run.
  Stretch StretchOf(const MetricEntry& entry) const {
    return {entry.text_begin, entry.text_end, entry.places_begin, entry.places_begin + entry.samples_count};
  }
  Stretch StretchOf(std::uint32_t first, std::uint32_t end) const {
    const FamilyShape& last = shapes_[end - 1];
    const MetricEntry& entry = entries_[last.first + last.count - 1];
    return {shapes_[first].lead_begin, last.text_end, entries_[shapes_[first].first].places_begin,
            entry.places_begin + entry.samples_count};
  }
  /// Reads the values of a stretch that stands at `at` to the front of `values`, which grows as it needs. Returns how
  /// many bytes are as expected, up to a value or to the end: all of them, or values from there on are not read.
  /// Shape    as many bytes are there as the stretch has.
  std::size_t ReadValues(const Stretch& stretch, const char* at, std::vector<double>& values) const;
  std::span<const MetricSample> samples(const MetricEntry& entry) const {
    return std::span(samples_).subspan(entry.samples_begin, entry.samples_count);
  }
  /// Of `count` neighbouring metrics, at least one, from `first` on.
  std::span<const MetricSample> samples(std::uint32_t first, std::uint32_t count) const {
    const MetricEntry& last = entries_[first + count - 1];
    const std::uint32_t begin = entries_[first].samples_begin;
    return {samples_.data() + begin, last.samples_begin + last.samples_count - begin};
  }
  const std::vector<MetricSample>& all_samples() const { return samples_; }
  /// Numbers of the families, in their order.
  const std::vector<std::uint32_t>& families() const { return families_; }

  /// Bytes of all texts.
  std::size_t text_bytes() const { return text_.size(); }

  /// What a metric is found by.
  struct Key {
    std::string_view labels;
    std::uint32_t family = 0;
    FamilyType type = FamilyType::kCounter;
  };
  static std::uint64_t HashOf(const Key& key, std::uint64_t seed);

  /// The first entry with that key, or kNone.
  std::uint32_t Find(const Key& key, std::uint64_t hash) const;

  void Clear();
  void Reserve(std::size_t text_bytes, std::size_t metrics_count);
  /// Starts with the first metrics and families of `other`.
  void AssignPrefix(const MetricTemplate& other, std::size_t metrics_count, std::size_t families_count);
  void Push(const Key& key, std::uint64_t hash, std::span<const MetricSample> samples, const PlainMetric& plain);
  /// `lead`: its bytes from its length up to the first metric.
  void PushFamily(std::uint32_t number, std::string_view lead);
  /// The last family pushed is whole: its size, with its length, and its first entry.
  void CloseFamily(std::size_t size_bytes, std::size_t first);
  /// All families are there: finds those that follow each other without a gap.
  void FindRuns();

  const FamilyShape& shape(std::uint32_t place) const { return shapes_[place]; }
  std::string_view lead(std::uint32_t place) const {
    return std::string_view(text_).substr(shapes_[place].lead_begin,
                                          shapes_[place].lead_end - shapes_[place].lead_begin);
  }

 private:
  void Insert(std::uint32_t index);
  void Rehash(std::size_t entries_count);

  std::string text_;  // leads of families and what entries have, in their order
  std::vector<MetricEntry> entries_;
  std::vector<MetricSample> samples_;
  std::vector<ValuePlace> places_;  // offsets are into text_
  std::vector<std::uint32_t> families_;
  std::vector<FamilyShape> shapes_;   // of families_
  std::vector<std::uint32_t> slots_;  // a power of two of entry numbers, kNone where free; at most half are taken
};

}  // namespace baro::scraper::expo

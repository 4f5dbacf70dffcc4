// Classic histograms of a target as native ones with custom buckets: which lines belong together, and what they make.
//
// Source   Prometheus' configuration, `convert_classic_histograms_to_nhcb`.
// Threads  Confined.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/histogram.h"
#include "model/labels.h"
#include "scraper/exposition.h"

namespace baro::scraper {

/// What a line says of its histogram.
struct HistogramPart {
  enum class Kind : std::uint8_t { kBucket, kCount, kSum };
  Kind kind = Kind::kBucket;
  double bound = 0;       ///< of a bucket
  std::string_view base;  ///< the histogram's name, a view into the line's
};

/// The part that a sample of a family of histograms is by its name and `le`.
std::optional<HistogramPart> HistogramPartOf(const SampleLine& line);

/// The histograms of one target. Numbers name them.
class ConvertedHistograms {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  struct Histogram {
    model::Labels labels;                          ///< as the target wrote them, without `le`
    SeriesHandle series = SeriesHandle::kDropped;  ///< where it is stored
    bool is_gauge = false;
    std::uint64_t start_key = 0;               ///< of the line that tells its start
    bool had_timestamp = false;                ///< the last one had a time of its own
    model::FloatHistogram value;               ///< of this scrape
    std::optional<std::int64_t> timestamp_ms;  ///< of this scrape
    std::int64_t start_ms = 0;                 ///< of this scrape, if the samples tell it
    bool is_present = false;                   ///< in this scrape, whole and without contradiction

    bool is_native = false;  ///< not converted in this scrape, for it is native already

   private:
    friend class ConvertedHistograms;
    struct Part {
      HistogramPart::Kind kind;
      double bound;
      SeriesHandle line;
    };
    std::vector<Part> parts;            // sorted: buckets first, by bound
    std::vector<SeriesHandle> removed;  // lines whose parts wait for EraseRemoved()
    bool is_sorted = true;
  };

  bool Has(const model::Labels& labels) const { return numbers_.contains(labels); }
  /// The histogram with those labels, made if it is new.
  std::uint32_t Find(const model::Labels& labels);
  Histogram& at(std::uint32_t number) { return histograms_[number]; }
  void AddPart(std::uint32_t number, const HistogramPart& part, SeriesHandle line);
  /// The line is gone. It counts from EraseRemoved() on, before which its handle must not be given again.
  void RemovePart(std::uint32_t number, SeriesHandle line);
  /// The histograms that lost their last line, which have to be let go of with Remove().
  std::vector<std::uint32_t> EraseRemoved();
  void Remove(std::uint32_t number);

  bool empty() const { return numbers_.empty(); }

  /// Fills in what the lines of an exposition make. `seen` is of handles that parts were added with, and of others.
  void Read(const ParsedExposition& seen);

  template <typename Visit>
  void ForEach(const Visit& visit) {
    for (const auto& [labels, number] : numbers_) visit(histograms_[number]);
  }
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [labels, number] : numbers_) visit(histograms_[number]);
  }

 private:
  struct LabelsHash {
    std::size_t operator()(const model::Labels& labels) const { return labels.Hash(); }
  };
  struct LineValue {
    std::uint64_t scrape = 0;  // in which it was seen last
    double value = 0;
    std::int64_t start_ms = 0;
    std::optional<std::int64_t> timestamp_ms;
  };
  void Note(SeriesHandle line, LineValue value);
  void Make(Histogram& histogram) const;
  const LineValue* ValueOf(SeriesHandle line) const;

  std::uint64_t scrape_ = 0;
  std::unordered_map<model::Labels, std::uint32_t, LabelsHash> numbers_;
  std::deque<Histogram> histograms_;  // by number
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> with_removed_;
  std::vector<LineValue> values_;  // by handle
};

}  // namespace baro::scraper

// Expositions in the Protobuf format: read from the bytes straight into series, with the memory of the one before.
//
// A counter or gauge is recognised by its bytes around the value, which are compared with those that stood in its place
// last time: it then costs a comparison and 8 bytes, and a family of such only one more comparison. Other metrics, and
// those that did not agree, are read; they are recognised by the bytes of their labels, their samples by role and
// bound.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scraper/expo/family_table.h"
#include "scraper/expo/metric_message.h"
#include "scraper/expo/metric_template.h"
#include "scraper/expo/sample_sink.h"
#include "scraper/exposition.h"

namespace baro::scraper::expo {

class ProtobufCache {
 public:
  /// An empty metric has two bytes and becomes a sample, and so has an exemplar: what a body makes of itself in memory
  /// is limited by the number of both together.
  static constexpr std::size_t kItemsMax = 16'000'000;
  explicit ProtobufCache(std::uint64_t hash_seed, std::size_t items_max = kItemsMax)
      : hash_seed_(hash_seed), items_max_(items_max) {}

  /// Whom one call of Parse() works with.
  struct Seams {
    SeriesResolver& resolver;
    SampleSink& sink;
    FamilyTable& families;
  };
  /// Reads a body. What it learnt counts when Commit() is called.
  /// Errors   as ExpositionCache::Parse().
  base::Result<> Parse(std::string_view body, const ExpositionCache::Options& options, const Seams& seams);

  /// Whether the last Parse() saw other metrics, or in another order, than the last good one.
  bool is_changed() const { return is_changed_; }
  void Commit();
  void Clear();

  /// Numbers of the families in the last good exposition.
  std::span<const std::uint32_t> families() const { return last_.families(); }
  template <typename Visit>
  void ForEachSeries(const Visit& visit) const {
    for (const MetricSample& sample : last_.all_samples()) visit(sample.series);
  }

 private:
  struct Run {
    const ExpositionCache::Options& options;
    const Seams& seams;
    FamilyMessage family;
    std::uint32_t family_number = 0;
    std::string_view lead;        // the family's bytes in front of its metrics, its length included
    std::size_t first = 0;        // the family's first entry in the template that it is compared with, or made for
    bool is_in_family = false;    // whose number and place are those that were expected
    std::string_view field;       // the metric under way, with its tag and length
    std::size_t next = 0;         // metric of last_ to be expected
    std::size_t next_family = 0;  // of last_
  };
  // The samples that the metric under way is expected to have.
  struct Expected {
    std::span<const MetricSample> samples;
    std::size_t matched_count = 0;
    bool agrees = false;  // so far
  };

  base::Result<> TakeFamily(Run& run, std::string_view message);
  base::Result<> TakeMetrics(Run& run, std::string_view fields);
  void NoteFamily(Run& run);
  bool TakeRun(Run& run, base::WireReader& reader);
  bool TakePlainFamily(Run& run, std::string_view whole);
  bool TakePlain(Run& run, base::WireReader& reader);
  const double* EmitPlain(Run& run, const double* values);
  const double* EmitPlainFamily(Run& run, const FamilyShape& shape, const double* values);
  base::Result<> TakeMetric(Run& run, std::string_view metric);
  PlainMetric PlainOf(const Run& run);
  bool FindPlaces(const Run& run);
  void AddHistogramPlaces(const Run& run);
  bool HasMore(FamilyType type) const;
  void AddPlace(const Run& run, const NumberPlace& place, ValuePlace::Kind kind);
  std::string_view LabelsOf(const Run& run, std::string_view metric) const;
  void Expect(const Run& run, std::string_view labels);
  void FinishMetric(Run& run, std::string_view labels);
  void Diverge(Run& run);

  base::Result<> TakeValue(Run& run);
  base::Result<> TakeSummary(Run& run);
  base::Result<> TakeHistogram(Run& run);
  base::Result<> TakeClassic(Run& run);
  base::Result<> TakeNative(Run& run);
  base::Result<> TakeNativeExemplars(Run& run, SeriesHandle series);
  base::Result<> TakeExemplar(Run& run, SeriesHandle series, std::optional<std::string_view> message);
  base::Result<SeriesHandle> TakeSample(Run& run, SampleRole role, double bound, double value);
  base::Result<SeriesHandle> SeriesOf(Run& run, SampleRole role, double bound);
  base::Result<SeriesHandle> Resolve(Run& run, SampleRole role, double bound);
  base::Result<> CountItem();
  std::optional<std::int64_t> timestamp_ms() const {
    return message_.timestamp_ms == 0 ? std::nullopt : std::optional(message_.timestamp_ms);
  }

  std::uint64_t hash_seed_;
  std::size_t items_max_;
  bool has_last_ = false;  // the last good exposition was in this format
  bool is_changed_ = false;
  MetricTemplate last_;
  MetricTemplate new_;  // of the exposition under way, once it is another

  MetricMessage message_;
  Expected expected_;
  std::uint32_t known_ = MetricTemplate::kNone;  // the entry of last_ that the metric under way is
  std::uint64_t hash_ = 0;                       // of its key
  std::vector<MetricSample> samples_;            // its samples, where they are not the expected ones
  std::vector<ValuePlace> places_;               // of its values in its field, if they are all that varies
  std::vector<double> values_;                   // of plain metrics
  std::string_view labels_text_;                 // its label fields
  std::string joined_labels_;
  std::vector<ExpositionLabel> labels_;  // decoded, when a series has to be asked for
  bool has_labels_ = false;
  std::string name_;   // with suffix
  std::string bound_;  // as text
  std::vector<ExpositionLabel> exemplar_labels_;
  std::size_t items_count_ = 0;  // samples and exemplars of the exposition under way
};

}  // namespace baro::scraper::expo

// The hot path of scraping: an exposition becomes a row of values, most lines by one memory comparison.
//
// A target says nearly the same thing every time: the same lines in the same order with other values. An
// ExpositionCache remembers, for one target, the bytes between one value and the next (comments, name, labels), and
// which series they stood for. Parsing compares these bytes, parses the number, and is done. Only what was not expected
// is tokenised and, if it is a line that the last exposition did not have, shown to the caller, who relabels it and
// finds its series: once per series, not once per sample.
//
// A scrape loop, whole:
//
//   class Target : SeriesResolver {
//     base::Result<SeriesHandle> Resolve(const SampleLine& line) override {
//       // honour labels, relabel, check limits; dropped by relabelling: return SeriesHandle::kDropped
//       // find or make an element of rows_ for the resulting labels; its index is the handle. Two lines that
//       relabelling
//       // makes the same series get the same handle.
//     }
//     void Scrape(std::string_view body, ExpositionFormat format) {
//       const auto parsed = cache_.Parse(body, {.format = format, .honor_timestamps = true}, *this);
//       const ParsedExposition& seen = cache_.parsed();
//       if (!parsed) { stale markers for every row that is live; FreeRows(seen.released()); return; }
//       if (seen.row_revision() != refs_revision_) refs_ = the SeriesRefs of seen.handles(), in that order;
//       appender->AppendRow(group_, now_ms, refs_, seen.values(), statuses);
//       for (const TimestampedSample& sample : seen.timestamped()) appender->Append(...);
//       for (const ReleasedSeries& gone : seen.released()) { stale marker if gone.was_present && ...; free the row; }
//     }
//     ExpositionCache cache_;
//   };
//
// What is the same as parsing from scratch: everything. Prediction is only ever a guess that is checked byte for byte;
// tests/fuzz/predicting_parser_fuzz.cpp compares every result with ExpositionReader's.
//
// Cost     On one core of an AMD EPYC (bench/expo_bench.cpp): about 6 GB/s for a repeated node_exporter body, 0.5 GB/s
// at
//          first sight. Memory: about one body's heads and 80 bytes for each line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/metadata.h"
#include "scraper/exposition_format.h"
#include "scraper/exposition_reader.h"

namespace baro::scraper {

namespace expo {
class SampleSink;
}  // namespace expo

/// The caller's name for a series of one target: a small index into its own table of rows, given by Resolve(). Numbers
/// should be dense, the cache keeps 16 bytes for each up to the largest.
enum class SeriesHandle : std::uint32_t {
  kMax = (1U << 28) - 1,    ///< the largest number that a caller may give
  kDropped = 0xffff'ffffU,  ///< relabelling dropped the series: its samples are counted and forgotten
};

/// What the scrape loop does with lines that the last exposition did not have.
class SeriesResolver {
 public:
  virtual ~SeriesResolver() = default;

  /// The handle of the series that `line` stands for. Called once for each new line (byte for byte, in the type that
  /// its TYPE line says), in their order, from within ExpositionCache::Parse(), with which it must not meddle. Views in
  /// `line` are loans for the call. A handle stays the caller's until ParsedExposition::released() names it.
  /// Errors   any: Parse() stops and returns it with the line's number in front.
  virtual base::Result<SeriesHandle> Resolve(const SampleLine& line) = 0;
};

/// A sample with its own timestamp.
struct TimestampedSample {
  SeriesHandle series;
  double value;
  std::int64_t timestamp_ms;
};

/// A further sample without timestamp of a series that has one in the row already. Prometheus counts it as a duplicate,
/// unless the value is the same.
struct RepeatedSample {
  SeriesHandle series;
  double value;
  double first_value;  ///< what stands in the row

  /// Whether both have the same bits.
  bool is_same() const;
};

/// A native histogram.
struct HistogramSample {
  SeriesHandle series;
  const model::FloatHistogram* histogram;    ///< until the next Parse(); not validated
  std::optional<std::int64_t> timestamp_ms;  ///< as written, if timestamps are honoured
  std::int64_t start_ms;                     ///< since when it counts; 0: not told
};

/// An exemplar of the exposition. Views are into the cache: until its next Parse().
struct SeriesExemplar {
  SeriesHandle series;
  std::span<const ExpositionLabel> labels;
  double value;
  std::optional<std::int64_t> timestamp_ms;         ///< as written
  std::optional<std::int64_t> sample_timestamp_ms;  ///< of the sample that carries it, as written
};

/// A series that no line stands for any longer: the cache has forgotten the handle, the caller may use the number
/// again.
struct ReleasedSeries {
  SeriesHandle series;
  /// The last successful Parse() had a sample of it: a stale marker is due. False for series that were only resolved by
  /// a Parse() that failed.
  bool was_present;
  /// Its last sample had an explicit timestamp that was honoured: exempt from stale markers unless
  /// `track_timestamps_staleness`.
  bool had_timestamp;
};

/// Exemplars that are kept of one exposition. Somewhat more than the ring for all targets has by default: a target that
/// tells more has made itself useless already, and must not cost gigabytes.
inline constexpr std::size_t kExemplarsMax = 131'072;

/// What the last Parse() saw. Spans are views into the cache: valid until its next Parse().
/// After an error only row_revision(), released(), samples_count() and dropped_count() mean something.
class ParsedExposition {
 public:
  /// The samples without timestamp (or all, if timestamps are not honoured): one for each series, in the order of their
  /// first lines. Dropped series are not in it.
  std::span<const SeriesHandle> handles() const { return {row_handles_.data(), row_size_}; }
  /// values()[i] belongs to handles()[i]. Every NaN has the same bits, none is a stale marker.
  std::span<const double> values() const { return {row_values_.data(), row_size_}; }
  /// Changes whenever handles() does. Equal to that of an earlier Parse(): the same handles in the same order, so what
  /// was computed for them (an array of SeriesRefs) still holds.
  std::uint64_t row_revision() const { return row_revision_; }

  /// Since when the samples of the row count, each 0 where the target does not say. Empty for text formats, in which
  /// lines of their own tell it.
  std::span<const std::int64_t> row_starts_ms() const { return row_starts_ms_; }
  /// In the order in which they came; a series may stand here several times.
  std::span<const HistogramSample> histograms() const { return histograms_; }

  /// In the order of the lines. The same series may stand here several times, and in the row as well.
  std::span<const TimestampedSample> timestamped() const { return timestamped_; }
  std::span<const RepeatedSample> repeated() const { return repeated_; }
  /// The first kExemplarsMax of them.
  std::span<const SeriesExemplar> exemplars() const { return exemplars_; }
  std::size_t exemplars_left_out_count() const { return exemplars_left_out_count_; }
  std::span<const ReleasedSeries> released() const { return released_; }

  /// All sample lines, up to the one with the fault if there is one: `scrape_samples_scraped`.
  std::size_t samples_count() const { return samples_count_; }
  /// Those of them whose series is kDropped, or was refused by the resolver.
  std::size_t dropped_count() const { return dropped_count_; }
  /// Lines whose series had to be asked for: `scrape_series_added` counts those that survive relabelling.
  std::size_t resolved_count() const { return resolved_count_; }
  /// Samples that were found by prediction alone, for the curious.
  std::size_t predicted_count() const { return predicted_count_; }

 private:
  friend class expo::SampleSink;
  std::vector<SeriesHandle> row_handles_;  // longer than row_size_: room for what may come
  std::vector<double> row_values_;
  std::size_t row_size_ = 0;
  std::uint64_t row_revision_ = 0;
  std::vector<std::int64_t> row_starts_ms_;
  std::vector<HistogramSample> histograms_;
  std::vector<TimestampedSample> timestamped_;
  std::vector<RepeatedSample> repeated_;
  std::vector<SeriesExemplar> exemplars_;
  std::vector<ReleasedSeries> released_;
  std::size_t samples_count_ = 0;
  std::size_t dropped_count_ = 0;
  std::size_t resolved_count_ = 0;
  std::size_t predicted_count_ = 0;
  std::size_t exemplars_left_out_count_ = 0;
};

/// What HELP, TYPE and UNIT lines said of a metric family.
struct FamilyMetadata {
  std::string family;
  model::Metadata metadata;
  bool is_present = false;  ///< in the last exposition; if not, it was in one of the ten before it
};

class ExpositionCacheImpl;

/// The memory of one target's expositions.
///
/// Threads  Confined: one call at a time.
class ExpositionCache {
 public:
  struct Options {
    ExpositionFormat format = ExpositionFormat::kText;
    /// False: timestamps are read, checked and ignored, all samples are in the row.
    bool honor_timestamps = true;
    /// Protobuf: what a histogram has of native buckets is read. False: it is a classic one.
    bool native_histograms = false;
    /// Protobuf: classic buckets of histograms that have native ones are read too.
    bool classic_besides_native = false;
  };

  /// `hash_seed`: a random number of the process, so that no target can choose lines that collide.
  explicit ExpositionCache(std::uint64_t hash_seed = 0);
  ~ExpositionCache();
  ExpositionCache(ExpositionCache&&) noexcept;
  ExpositionCache& operator=(ExpositionCache&&) noexcept;

  /// Parses a whole body, as Prometheus does: an error anywhere means that none of its samples count. The cache then
  /// keeps predicting what the last good body said, and the series resolved on the way are released. `format` may
  /// change from call to call (targets change their Content-Type); handles survive that.
  ///
  /// Errors   kInvalidArgument: malformed, with line and column. kLimitExceeded: more than a gibibyte. Whatever
  ///          `resolver` returned.
  base::Result<> Parse(std::string_view body, const Options& options, SeriesResolver& resolver);

  /// What the last Parse() saw.
  const ParsedExposition& parsed() const;

  /// Metadata by family, in no particular order. Families stay for ten successful expositions after their last.
  std::span<const FamilyMetadata> metadata() const;
  /// What was said of a family, also during a Parse(), of the lines up to then; null: nothing. A loan until the next
  /// line.
  const model::Metadata* MetadataOf(std::string_view family) const;
  /// Changes whenever an entry of metadata() does, also when one comes or goes.
  std::uint64_t metadata_revision() const;

  /// The series that had a sample in the last successful exposition, each once, in no particular order. For a target
  /// that goes away: these want stale markers. `had_timestamp` as in ReleasedSeries.
  std::vector<ReleasedSeries> PresentSeries() const;

  /// Forgets lines and handles as if nothing had been parsed (the caller's rules for relabelling changed); none is
  /// reported as released.
  void Clear();

 private:
  std::uint64_t hash_seed_;
  std::unique_ptr<ExpositionCacheImpl> impl_;
};

}  // namespace baro::scraper

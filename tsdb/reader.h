// How storage is read: a consistent view, series chosen by matchers, samples as columns.
//
// The query engine knows storage only through this file, so that the same engine runs over the head, blocks, a remote
// store and a test's literal data. `tsdb/memory_reader.h` is the smallest implementation and the model in tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace baro::tsdb {

/// A native histogram sample. A stale marker is a histogram whose sum is the stale NaN.
struct HistogramSample {
  std::int64_t timestamp_ms = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;  ///< shared, immutable, never null
  std::int64_t start_timestamp_ms = 0;                     ///< since when it counts; 0: not known
};

/// A column of times that several series share. Equal pointers, while pinned, mean equal columns.
struct SharedTimes {
  std::span<const std::int64_t> timestamps_ms;
  std::shared_ptr<const void> pin;
};

/// The samples of one series in a time range, as columns. A buffer: reuse it from series to series.
///
/// Shape    `timestamps_ms` and `values` have equal length; timestamps strictly increase, also over both kinds.
///          `start_timestamps_ms` has that length too, or is empty: no sample has a start.
/// Owns     nothing or its own buffers: the spans are valid until the next Read() into this object or its end. Storage
///          may point them at shared columns that `pin_` keeps alive: equal pointers mean equal columns.
/// Threads  Confined to one thread.
class SampleColumns {
 public:
  std::span<const std::int64_t> timestamps_ms() const { return timestamps_; }
  std::span<const double> values() const { return values_; }
  std::span<const HistogramSample> histograms() const { return histograms_; }
  /// Since when each of the values counts; 0: not known.
  std::span<const std::int64_t> start_timestamps_ms() const { return starts_; }
  bool empty() const { return values_.empty() && histograms_.empty(); }
  /// What keeps the column of timestamps alive, if it is one that series share; else null.
  const std::shared_ptr<const void>& pin() const { return pin_; }

  /// Empties all columns and lets go of what was pinned; capacity is kept.
  void Clear() {
    timestamps_ = {};
    values_ = {};
    starts_ = {};
    timestamp_buffer_.clear();
    value_buffer_.clear();
    start_buffer_.clear();
    histograms_.clear();
    pin_.reset();
  }

  // For implementations of SeriesSelection.

  std::vector<std::int64_t>& timestamp_buffer() { return timestamp_buffer_; }
  std::vector<double>& value_buffer() { return value_buffer_; }
  std::vector<HistogramSample>& histogram_buffer() { return histograms_; }

  /// Publishes what stands in the buffers, without starts. They are shared with nobody.
  void UseBuffers() {
    timestamps_ = timestamp_buffer_;
    values_ = value_buffer_;
    starts_ = {};
    pin_.reset();
  }
  /// For the starts of the values that are published; UseStarts() publishes them.
  std::vector<std::int64_t>& start_buffer() { return start_buffer_; }
  /// Shape    the buffer is as long as the values.
  void UseStarts() { starts_ = start_buffer_; }
  /// Publishes a column of timestamps that lives elsewhere, kept alive by its pin, beside own values.
  void UseSharedTimestamps(SharedTimes times) {
    timestamps_ = times.timestamps_ms;
    values_ = value_buffer_;
    starts_ = {};
    pin_ = std::move(times.pin);
  }

 private:
  std::span<const std::int64_t> timestamps_;
  std::span<const double> values_;
  std::span<const std::int64_t> starts_;
  std::vector<std::int64_t> timestamp_buffer_;
  std::vector<double> value_buffer_;
  std::vector<std::int64_t> start_buffer_;
  std::vector<HistogramSample> histograms_;
  std::shared_ptr<const void> pin_;
};

/// The series that a selection found, in label order, with random access to their samples.
///
/// Threads  Immutable after it was made: labels() and Read() may be called from many threads at once, each with a
///          SampleColumns of its own. That is how a query reads in parallel.
class SeriesSelection {
 public:
  virtual ~SeriesSelection() = default;

  virtual std::size_t size() const = 0;

  /// Labels of series `index`, valid as long as the selection.
  virtual const model::Labels& labels(std::size_t index) const = 0;

  /// Fills `columns` with the samples of series `index` in `range` (both ends included), stale markers too.
  /// Errors   kCorruption: damaged data in the range; the caller may go on with other series and must say so.
  virtual base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const = 0;

  /// What Read() would give, if that is plain: floats only, without starts, at all times of a column that series share.
  /// The values are appended to `values`, one for each of those times. Nothing, and `values` as they were: it is not
  /// plain, or damaged, and Read() has to be asked. So that whoever joins sources decodes into place.
  virtual std::optional<SharedTimes> AppendPlain(std::size_t /*index*/, model::TimeRange /*range*/,
                                                 std::vector<double>& /*values*/) const {
    return std::nullopt;
  }

  /// The longest windows of aggregates among what was selected; 0: all are samples as they came.
  virtual std::int64_t resolution_ms() const { return 0; }

  /// What the reader wants the user to know about this selection, e.g. a damaged range. Empty when all is well.
  virtual std::span<const std::string> warnings() const { return {}; }
};

/// What is wanted of the stretches of a series that were downsampled: for windows of minutes, storage has aggregates
/// there instead of samples. Stretches that were not downsampled are read as they are, but for kCount.
/// Format   docs/formats/downsampling.md, section 5.
enum class DownsampledView : std::uint8_t {
  kLevel = 0,  ///< for looking at single times: the average of the window (the last sample, if the name is a
               ///< counter's) from its begin to its last sample, once in each `level_step_ms`; then its stale marker
  kLevelMin,   ///< the same with the least sample
  kLevelMax,   ///< the same with the greatest sample
  kSum,        ///< the sum of each window, at the time of its last sample
  kCount,      ///< how many samples each window has, there; 1 for each sample that was not downsampled
  kMin,        ///< the least sample of each window, there
  kMax,        ///< the greatest sample of each window, there
  kLast,       ///< the last sample of each window
  kCounter,    ///< samples that make the same increase: the last of each window, and those around resets
};

/// Which series, and which time range may be asked of them.
struct SelectRequest {
  std::span<const model::Matcher> matchers;  ///< all must hold; one at least does not match the empty string
  model::TimeRange range;                    ///< series without a sample near it may be left out
  std::size_t limit = 0;                     ///< most series wanted; 0 = no limit
  bool labels_only = false;                  ///< only labels will be looked at: Read() may then give nothing

  /// What the selection holds is charged there; null: nobody counts. Borrowed, outlives the selection.
  base::MemoryBudget* memory = nullptr;
  /// A selection that probably has the same series: label sets that are equal are shared with it, instead of made
  /// anew. Null: there is none. Borrowed for the call.
  const SeriesSelection* alike = nullptr;

  DownsampledView view = DownsampledView::kLevel;
  std::int64_t level_step_ms = 300'000;  ///< of the levels; greater than 0
};

/// Exemplars of a series.
struct SeriesExemplars {
  model::Labels labels;
  std::vector<model::Exemplar> exemplars;  ///< by time; each has one
};

/// What somebody said of a metric family.
struct FamilyMetadata {
  std::string family;
  model::Metadata metadata;
  std::int64_t seen_ms = 0;  ///< when it was last said, about: storage does not write down every time

  friend bool operator==(const FamilyMetadata&, const FamilyMetadata&) = default;
};

/// Which metadata, see Reader::Metadata().
struct MetadataRequest {
  std::string_view family;  ///< empty: all
  model::TimeRange range;   ///< blocks outside of it are not asked; what memory has is always told
};

/// A consistent view of storage: it sees all of a committed append or none of it, and does not change.
///
/// Threads  Safe to share.
class Reader {
 public:
  virtual ~Reader() = default;

  /// Errors   kInvalidArgument: no matcher refuses the empty string. kCancelled, kCorruption, kLimitExceeded.
  virtual base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                                const base::CancelToken& cancel) const = 0;

  /// Names of labels of series that `matchers` choose (none: all series), sorted. `limit` 0 = all.
  virtual base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                                            model::TimeRange range, std::size_t limit,
                                                            const base::CancelToken& cancel) const = 0;

  /// Values of label `name` among the series that `matchers` choose, sorted. `limit` 0 = all.
  virtual base::Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                             std::span<const model::Matcher> matchers,
                                                             model::TimeRange range, std::size_t limit,
                                                             const base::CancelToken& cancel) const = 0;

  /// What is known of metric families, by name; where several things were said of one, the last first. Not part of the
  /// consistent view: metadata is told when it is known.
  /// Errors   kCancelled, kCorruption.
  virtual base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& /*request*/,
                                                             const base::CancelToken& /*cancel*/) const {
    return std::vector<FamilyMetadata>();
  }
};

/// Gives readers. Implemented by Storage, by tests, and by whatever else holds series.
///
/// Threads  Safe to share.
class ReaderSource {
 public:
  virtual ~ReaderSource() = default;
  virtual std::unique_ptr<Reader> OpenReader() const = 0;
};

}  // namespace baro::tsdb

// How samples get in: whole scrapes as rows, single samples, commit and durability.
//
// Scrape loops, rule groups and receivers know storage only through this file.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace baro::tsdb {

/// A series of the head. Never reused within a run. 0 is no series.
enum class SeriesRef : std::uint64_t { kNone = 0 };

/// Series that are usually written together with one timestamp: a target's, or one rule group's. 0 is no group.
enum class GroupRef : std::uint64_t { kNone = 0 };

/// What became of a sample. All but kAccepted and kRepeated mean that it was dropped and counted.
enum class SampleStatus : std::uint8_t {
  kAccepted,
  kRepeated,      ///< same timestamp and same bits as the newest sample: silently fine, as in Prometheus
  kOutOfOrder,    ///< older than the newest sample of the series, and there is no out-of-order window
  kDuplicate,     ///< same timestamp as the newest sample, other value
  kOutOfBounds,   ///< before the head's lower bound, or more than the allowed time in the future
  kTooOld,        ///< older than the out-of-order window
  kUnknownSeries  ///< the reference is of a series that left the head: resolve its labels again
};

/// A sample and the series that it is of.
struct SeriesSample {
  SeriesRef series = SeriesRef::kNone;
  model::Sample sample;
};

/// A sample that was dropped, and why.
struct RefusedSample {
  SeriesRef series = SeriesRef::kNone;
  std::int64_t timestamp_ms = 0;
  SampleStatus status = SampleStatus::kAccepted;
};

/// What became of an exemplar.
enum class ExemplarStatus : std::uint8_t {
  kAccepted,
  kRepeated,       ///< equal to the series' newest one: silently fine, as in Prometheus
  kOutOfOrder,     ///< older than the series' newest one
  kTooLong,        ///< its labels have more than model::kExemplarLabelRunesMax code points
  kNotStored,      ///< the store keeps none, or it has no time
  kUnknownSeries,  ///< as SampleStatus::kUnknownSeries
};

/// What a commit did. Rows and samples that were refused do not fail it.
struct CommitStats {
  std::size_t accepted = 0;
  std::size_t late = 0;  ///< of those accepted: older than their series' newest sample
  std::size_t out_of_order = 0;
  std::size_t duplicate = 0;
  std::size_t out_of_bounds = 0;
  std::size_t too_old = 0;
  std::size_t unknown = 0;  ///< their series left the head meanwhile, and there is no room for it any more
  std::optional<RefusedSample> first_refused;  ///< one of those that came singly, if there are any
};

/// When Commit() returns. Samples are visible to queries at its return in either case.
enum class Durability {
  kInterval,  ///< handed to the log; on disk within the log's sync interval (scrapes, rules)
  kSynced,    ///< on disk (what somebody was promised: remote write, pushes)
};

/// One transaction: what it appends becomes visible and durable as a whole, or not at all.
///
/// Threads  Confined: used by one thread at a time. Many appenders work at the same time.
class Appender {
 public:
  virtual ~Appender() = default;  // without Commit(): as Rollback()

  /// The series with these labels, made when it is new (`created` is then true).
  /// Errors   kInvalidArgument: no labels. kLimitExceeded: the head's limit of series.
  virtual base::Result<SeriesRef> Resolve(const model::Labels& labels, bool* created = nullptr) = 0;

  /// A row: one value for each series at one timestamp. `statuses` has the length of `series`, or is empty when the
  /// caller does not care. The fast path: series in the order of the group's last row cost a compare and a store.
  virtual void AppendRow(GroupRef group, std::int64_t timestamp_ms, std::span<const SeriesRef> series,
                         std::span<const double> values, std::span<SampleStatus> statuses) = 0;

  /// One sample with its own timestamp. A stale marker behind a histogram becomes the stale histogram that it stands
  /// for.
  virtual SampleStatus Append(SeriesRef series, model::Sample sample) = 0;

  /// Many samples, each with its own timestamp. A status says kAccepted, kOutOfBounds or kUnknownSeries; whether
  /// samples are in order may be judged as late as at Commit(), whose numbers are right in any case. Shape    as many
  /// statuses as samples. Samples of one series one behind the other cost the least.
  virtual void AppendSamples(std::span<const SeriesSample> samples, std::span<SampleStatus> statuses) {
    for (std::size_t i = 0; i < samples.size(); ++i) statuses[i] = Append(samples[i].series, samples[i].sample);
  }

  /// One native histogram sample; a stale marker has the stale NaN as sum.
  /// Errors   kInvalidArgument: the histogram contradicts itself (spans, counts, bounds).
  virtual base::Result<SampleStatus> AppendHistogram(SeriesRef series, std::int64_t timestamp_ms,
                                                     const model::FloatHistogram& histogram) = 0;

  /// An exemplar of a series, with its time. It is in no way an error of the commit if it is refused.
  virtual ExemplarStatus AppendExemplar(SeriesRef series, const model::Exemplar& exemplar) = 0;

  /// The samples of the series from `timestamp_ms` on count from `start_ms` (when the process began to count), until
  /// another start is told; 0: that is not known any more. Nothing need be told of series that never had a start, and
  /// nothing again while it stays the same. Of a time before the series' newest sample it holds for that time alone.
  /// An implementation may keep none.
  virtual void AppendStart(SeriesRef /*series*/, std::int64_t /*timestamp_ms*/, std::int64_t /*start_ms*/) {}

  /// What somebody says of the metric family of that name. Cheap if it is known: say it whenever it may have changed,
  /// and at least once in kMetadataRefresh, for what nobody says any more is forgotten. An implementation may keep
  /// none.
  virtual void AppendMetadata(std::string_view /*family*/, const model::Metadata& /*metadata*/) {}

  /// Makes all of it visible at once.
  /// Errors   kNoSpace, kIo, kUnavailable: nothing was promised. Nothing became visible either, except when a kSynced
  ///          commit was written but could be synced neither in place nor anew: the message then says so, and appending
  ///          the same samples again is harmless.
  virtual base::Result<CommitStats> Commit(Durability durability) = 0;

  /// Forgets all of it.
  virtual void Rollback() = 0;
};

/// Who says metadata says it again after this time.
inline constexpr std::chrono::hours kMetadataRefresh{1};

/// Takes samples. Implemented by Storage and by tests' recorders.
///
/// Threads  Safe to share.
class AppenderSource {
 public:
  virtual ~AppenderSource() = default;
  virtual std::unique_ptr<Appender> NewAppender() = 0;

  /// A new group of series that are written as rows. Let go of it with DropGroup when its target is gone.
  virtual GroupRef NewGroup() = 0;
  virtual void DropGroup(GroupRef group) = 0;
};

}  // namespace baro::tsdb

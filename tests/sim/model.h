// The oracle: a database of the plainest kind, which remembers for each sample what was promised about it.
//
// What was acknowledged must be there, with the same bits; what is there must have been written; what was deleted never
// comes back; only what is past retention may go. How strict "acknowledged" is depends on what happened in between, see
// Must.
//
// Threads  Confined; Check() may be called for copies of the store at the same moment.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "tsdb/memory_reader.h"
#include "tsdb/storage.h"

namespace baro::sim {

/// What was promised about a sample.
enum class Fate : std::uint8_t {
  kUncertain,  ///< its commit or its delete failed, or the store was stopped in the middle of it
  kWritten,    ///< acknowledged: queries see it, and the end of the process does not take it
  kDurable,    ///< the end of power does not take it either
};

/// The bits of a sample: a float's, or the histogram.
struct Value {
  std::uint64_t bits = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;

  static Value Of(double value) { return {.bits = std::bit_cast<std::uint64_t>(value)}; }
  friend bool operator==(const Value& a, const Value& b);
};

/// One sample as it was handed to the store.
struct Written {
  model::Labels labels;
  std::int64_t timestamp_ms = 0;
  Value value;
};

/// What one look at the store found.
struct Seen {
  std::vector<tsdb::LiteralSeries> series;
  std::vector<std::string> warnings;  ///< of the selection, and errors that said which data is damaged
};

/// Which part of the store was looked at: the model leaves out the rest too.
struct Look {
  model::TimeRange range;
  std::string name;  ///< metric name; empty: all series
};

/// What must be there.
struct Must {
  Fate fate = Fate::kWritten;  ///< samples of this fate, and of better ones
  bool may_miss = false;       ///< nothing must: the disk is damaged, and that is told
};

class Model {
 public:
  explicit Model(tsdb::RetentionLimits limits) : limits_(std::move(limits)) {}

  void Write(const Written& sample, Fate fate, base::MonotonicTime now);
  /// Whether this series was ever given a sample at that time.
  bool Has(const model::Labels& labels, std::int64_t timestamp_ms) const;

  /// What was written by then, or at any time, is durable.
  void MakeDurable(std::optional<base::MonotonicTime> until = std::nullopt);

  /// A delete that was acknowledged, or of which a part may have been done.
  void Delete(const std::string& name, model::TimeRange range, bool is_acknowledged);

  void SetRetention(const tsdb::RetentionLimits& limits);
  const tsdb::RetentionLimits& limits() const { return limits_; }
  /// Blocks went for their size: nothing before this time must be there.
  void AllowLossBefore(std::int64_t time_ms) { size_floor_ms_ = std::max(size_floor_ms_, time_ms); }

  /// Errors   kCorruption: `seen` is no possible answer; the message says why.
  base::Result<> Check(const Seen& seen, const Look& look, const Must& must);

  /// From now on the store is what `seen` says: what a crash took is not expected again.
  void Settle(const Seen& seen);

  std::int64_t newest_ms() const { return newest_ms_; }
  /// The newest sample before `time_ms` that must be there.
  std::optional<std::int64_t> NewestBefore(std::int64_t time_ms) const;

 private:
  struct Point {
    Value value;
    Fate fate = Fate::kUncertain;
    base::MonotonicTime written_at;
  };
  struct Series {
    model::Labels labels;
    std::map<std::int64_t, Point> points;
    std::map<std::int64_t, Value> deleted;
    std::int64_t kept_from_ms = model::kMinTimestampMs;  // only rises: what was past retention may be gone
    std::int64_t thinned_until_ms = model::kMinTimestampMs;
    std::int64_t window_ms = 0;
  };

  void Age(Series& series) const;
  base::Result<> CheckSeries(const Series& series, const tsdb::LiteralSeries* seen, const Look& look,
                             const Must& must) const;
  base::Result<> CheckWritten(const Series& series, std::int64_t time_ms, const Value& value, const Must& must) const;
  static bool MayBeThinned(const Series& series, std::int64_t time_ms);

  tsdb::RetentionLimits limits_;
  std::map<std::string, Series, std::less<>> series_;  // by packed labels
  std::int64_t newest_ms_ = model::kMinTimestampMs;
  std::int64_t size_floor_ms_ = model::kMinTimestampMs;
};

}  // namespace baro::sim

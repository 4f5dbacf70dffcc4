// Puts what the log says back into the head.
//
// Threads  Confined; nobody else uses the head meanwhile.
#pragma once

#include <unordered_map>
#include <vector>

#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/log_reader.h"

namespace baro::tsdb {

class Replayer : public ReplayVisitor {
 public:
  Replayer(Head& head, ExemplarStore& exemplars) : head_(head), exemplars_(exemplars) {}

  void OnSeries(LogSeriesId id, model::Labels labels) override;
  void OnLayout(std::uint64_t group, std::span<const LogSeriesId> columns) override;
  void OnRow(const LoggedRow& row) override;
  void OnSample(LogSeriesId id, model::Sample sample) override;
  void OnHistogram(LogSeriesId id, std::int64_t timestamp_ms,
                   std::shared_ptr<const model::FloatHistogram> histogram) override;
  void OnExemplar(LogSeriesId id, std::int64_t timestamp_ms, model::Exemplar exemplar) override;
  void OnNextSeries(LogSeriesId next) override { head_.ReserveLogIds(next); }
  std::int64_t TakeTimeMax() override;

  /// Closes all groups of the run before: this run makes its own.
  void Finish();

  std::uint64_t samples() const { return samples_; }
  /// Samples whose series the log does not name any more: they are past retention, or damage took the name.
  std::uint64_t samples_without_series() const { return samples_without_series_; }

 private:
  struct LoggedGroup {
    GroupRef ref = GroupRef::kNone;
    std::vector<LogSeriesId> columns;
    RowOrderPtr order;
    std::vector<std::uint32_t> targets;  // by logged column, RowOrder::kNoColumn: series unknown
  };

  SeriesPtr Find(LogSeriesId id) const;
  void Settle(LoggedGroup& logged);
  void Note(std::int64_t timestamp_ms);
  // The series as one that is written singly; null if it is unknown.
  SeriesPtr FindSingle(LogSeriesId id);

  Head& head_;
  ExemplarStore& exemplars_;
  std::unordered_map<LogSeriesId, SeriesPtr> series_;
  std::unordered_map<std::uint64_t, LoggedGroup> groups_;
  std::int64_t time_max_ms_ = model::kMinTimestampMs;
  std::uint64_t samples_ = 0;
  std::uint64_t samples_without_series_ = 0;
};

}  // namespace baro::tsdb

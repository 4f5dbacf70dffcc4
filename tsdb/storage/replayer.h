// Puts what the log says back into the head, and what files of sealed chunks hold.
//
// Rows that an intact chunk has are passed over without decoding them; who has a row is told by its group and its
// number.
//
// Threads  Confined; nobody else uses the head meanwhile.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head.h"
#include "tsdb/head_files/head_files.h"
#include "tsdb/storage/data_loss.h"
#include "tsdb/storage/series_by_log_id.h"
#include "tsdb/wal/log_reader.h"

namespace baro::tsdb {

class Replayer : public ReplayVisitor {
 public:
  /// Borrows all, for as long as it lives. `loaded`: what `head_files` found.
  /// `late_from_segment`: late samples of segments before this one, of times before the head's floor, are in blocks.
  Replayer(Head& head, ExemplarStore& exemplars, HeadFiles& head_files, HeadFiles::Loaded loaded,
           std::uint64_t late_from_segment, base::Logger log);

  void OnSeries(LogSeriesId id, model::Labels labels) override;
  void OnLayout(std::uint64_t group, std::span<const LogSeriesId> columns) override;
  bool PassOver(const LoggedRow& row) override;
  void OnRow(const LoggedRow& row) override;
  void OnSample(LogSeriesId series, model::Sample sample) override;
  void OnHistogram(LogSeriesId series, std::int64_t timestamp_ms,
                   std::shared_ptr<const model::FloatHistogram> histogram) override;
  void OnLateSample(LogSeriesId series, model::Sample sample) override;
  void OnLateHistogram(LogSeriesId series, std::int64_t timestamp_ms,
                       std::shared_ptr<const model::FloatHistogram> histogram) override;
  void OnTombstones(model::TimeRange range, std::span<const LoggedTombstone> tombstones) override;
  void OnSegment(std::uint64_t segment) override { segment_ = segment; }
  void OnExemplar(LogSeriesId series, std::int64_t timestamp_ms, model::Exemplar exemplar) override;
  void OnMetadata(std::int64_t seen_ms, std::string_view family, model::Metadata metadata) override;
  void OnStart(LogSeriesId id, std::int64_t from_ms, std::int64_t start_ms) override;
  void OnNextSeries(LogSeriesId next) override { head_.ReserveLogIds(next); }
  std::int64_t TakeTimeMax() override;
  void OnDamage(const std::string& what) override;

  /// Puts the chunks of files where they belong. Groups stay as they are, for who appends to their series next.
  /// `next_segment`: of the log; makes numbers of new groups differ from all that were.
  void Finish(std::uint64_t next_segment);

  /// Samples that were read from the log one by one.
  std::uint64_t samples() const { return samples_; }
  /// Samples whose series the log does not name any more: they are past retention, or damage took the name.
  std::uint64_t samples_without_series() const { return samples_without_series_; }
  std::uint64_t chunks() const { return loaded_.chunks.size(); }

  /// What damage took, as far as can be told from the samples around it. `is_damaged`: something is; otherwise samples
  /// without series are past retention. Shape    behind Finish().
  std::vector<DataLoss> TakeLosses(bool is_damaged);

 private:
  struct LoggedGroup {
    GroupPtr group;  // null: the log has not said its layout
    std::vector<LogSeriesId> columns;
    bool is_settled = false;          // the head's group has these columns
    std::uint64_t leave_version = 0;  // of the group, when it was settled
    bool has_strangers = false;       // columns whose series nobody knows
    std::uint64_t last_row = 0;       // of those that the log has
    std::size_t first_chunk = 0;      // in loaded_
    std::size_t chunks = 0;
  };

  bool IsKnown(const LoggedRow& row, const LoggedGroup& logged) const;
  void Note(std::int64_t timestamp_ms);
  void NoteLate(std::int64_t timestamp_ms);
  void OnLateRow(const LoggedRow& row, const LoggedGroup& logged);
  // The series that a late sample belongs to; null if there is nothing to be done.
  SeriesPtr FindLate(LogSeriesId id, std::int64_t timestamp_ms);
  // Whether a late sample of the segment in hand is in a block.
  bool IsInBlock(std::int64_t timestamp_ms) const {
    return segment_ < late_from_segment_ && timestamp_ms < head_.floor_ms();
  }
  void NoteStranger(std::int64_t timestamp_ms);
  // The series as one that is written singly; null if it is unknown.
  SeriesPtr FindSingle(LogSeriesId id);
  std::size_t CountStrangers(const LoggedRow& row, const LoggedGroup& logged) const;
  void RestoreChunks(std::uint64_t id, LoggedGroup& logged);
  bool RestoreColumns(const HeadFileChunk& chunk, const LoggedGroup& logged, std::vector<std::uint32_t>& elsewhere);
  void RaiseFloors(const LoggedGroup& logged, std::span<const std::uint32_t> columns,
                   std::span<const GroupChunkPtr> chunks);

  Head& head_;
  ExemplarStore& exemplars_;
  HeadFiles& head_files_;
  HeadFiles::Loaded loaded_;
  const std::uint64_t late_from_segment_;
  std::uint64_t segment_ = 0;
  const base::Logger log_;
  SeriesByLogId series_;
  std::unordered_map<std::uint64_t, LoggedGroup> groups_;
  std::int64_t time_max_ms_ = model::kMinTimestampMs;
  std::uint64_t samples_ = 0;
  std::uint64_t samples_without_series_ = 0;

  // Losses begin with the oldest sample of their segment and the one before, and end with the newest of the next one.
  std::vector<DataLoss> losses_;
  std::size_t losses_before_ = 0;  // of them, those of segments before this one
  std::size_t losses_ended_ = 0;
  std::int64_t segment_min_ms_ = model::kMaxTimestampMs;
  std::int64_t before_min_ms_ = model::kMaxTimestampMs;
  model::TimeRange strangers_{.min_ms = model::kMaxTimestampMs, .max_ms = model::kMinTimestampMs};
};

}  // namespace baro::tsdb

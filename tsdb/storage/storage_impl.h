// The store behind its interface.
//
// Threads  Safe to share. `maintenance_mutex_` lets one maintenance run at a time; it is taken before all others.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/cancel.h"
#include "base/mutex.h"
#include "tsdb/compact/retention_rules.h"
#include "tsdb/downsample/downsampler.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head.h"
#include "tsdb/head/head_appender.h"
#include "tsdb/head_files/head_files.h"
#include "tsdb/storage.h"
#include "tsdb/storage/block_set.h"
#include "tsdb/storage/data_loss.h"
#include "tsdb/storage/prometheus_history.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// The store's own metrics. References live as long as the registry.
struct StorageMetrics {
  explicit StorageMetrics(base::Registry& registry);

  base::Counter& float_samples;
  base::Counter& histogram_samples;
  base::Counter& out_of_order;
  base::Counter& out_of_bounds;
  base::Counter& too_old;
  base::Counter& late_appended;
  base::Counter& truncations;
  base::Counter& checkpoints;
  base::Counter& checkpoint_failures;
  base::Counter& syncs_failed;
  base::Counter& compactions;
  base::Counter& compactions_failed;
  base::Counter& head_cuts;
  base::Counter& head_cuts_failed;
  base::Counter& time_retentions;
  base::Counter& size_retentions;
};

class Storage::Impl {
 public:
  Impl(StorageOptions options, StorageDependencies dependencies);
  ~Impl();

  base::Result<> Open();
  base::Result<> Close();
  base::Result<> Sync() { return log_->Sync(); }
  base::Result<> Maintain();
  std::vector<BlockStatus> Blocks() const;
  std::vector<std::string> Damage() const;
  void SetOutOfOrderWindow(std::chrono::milliseconds window);
  void SetRetention(const RetentionLimits& limits);
  RetentionLimits retention() const;
  base::Result<std::size_t> Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                   const base::CancelToken& cancel);
  base::Result<> CheckAllIsRead(model::TimeRange range) const;
  base::Result<> CleanTombstones();
  base::Result<std::string> Snapshot(bool with_head);
  base::Result<std::vector<std::string>> Scrub();

  std::unique_ptr<Reader> OpenReader() const;
  std::unique_ptr<Appender> NewAppender() { return std::make_unique<HeadAppender>(*writer_); }
  GroupRef NewGroup() { return head_->AddGroup(); }
  void DropGroup(GroupRef group);
  HeadStatus Status(std::size_t limit) const;
  LogStatus log_status() const;
  StorageSummary Summary() const;
  base::Result<std::vector<SeriesExemplars>> SelectExemplars(std::span<const std::vector<model::Matcher>> matcher_lists,
                                                             model::TimeRange range,
                                                             const base::CancelToken& cancel) const;
  void SetExemplarsMax(std::size_t count) { exemplars_.Resize(count); }

 private:
  struct Ticker;

  base::Result<> TakeLock();
  base::Result<> Replay();
  void KeepUnread(struct ReplayedLog& replayed);
  base::Result<> SettleLastSegment(const struct ReplayedLog& replayed);
  void Tick();
  void MaintenanceTick();
  void ScrubTick();

  // beside_prometheus.cpp
  base::Result<> RefuseIfPrometheusRuns();
  void ImportPrometheusLog();
  void FindNewBlocks() BARO_REQUIRES(maintenance_mutex_);

  // admin.cpp
  std::string SnapshotName();
  void RemoveUnfinishedSnapshots();
  base::Result<> FillSnapshot(const std::string& directory, bool with_head) BARO_REQUIRES(maintenance_mutex_);

  // maintenance.cpp
  base::Result<> CutHead(bool& has_cut) BARO_REQUIRES(maintenance_mutex_);
  base::Result<> DropCovered(bool& is_done) BARO_REQUIRES(maintenance_mutex_);
  // late_cut.cpp
  std::uint64_t ReadLateMark() const;
  base::Result<> CutLate() BARO_REQUIRES(maintenance_mutex_);
  void DropLateCut() BARO_REQUIRES(maintenance_mutex_);

  base::Result<> CutWhatIsComplete() BARO_REQUIRES(maintenance_mutex_);
  base::Result<> JoinWhatIsDue() BARO_REQUIRES(maintenance_mutex_);
  base::Result<> ApplyRetention() BARO_REQUIRES(maintenance_mutex_);
  base::Result<> Join(std::vector<BlockPtr> parents) BARO_REQUIRES(maintenance_mutex_);
  void RemoveBlocks(std::span<const BlockPtr> blocks, std::string_view reason) BARO_REQUIRES(maintenance_mutex_);
  void DropExpired(std::int64_t cutoff_ms) BARO_REQUIRES(maintenance_mutex_);
  std::uint64_t BytesMax(const RetentionLimits& limits) const;

  std::vector<std::int64_t> RangesFor(std::chrono::milliseconds time) const;
  std::vector<BlockPtr> NextToJoin(const RetentionCutoffs& cutoffs) const BARO_REQUIRES(maintenance_mutex_);
  base::Result<> CheckSpaceFor(std::uint64_t bytes, std::size_t blocks) const;

  // rules.cpp
  std::int64_t NewestMs() const;
  RetentionCutoffs Cutoffs() const;
  base::Result<> ApplyRetentionRules(const RetentionCutoffs& cutoffs) BARO_REQUIRES(maintenance_mutex_);
  base::Result<> DownsampleWhatIsDue() BARO_REQUIRES(maintenance_mutex_);
  base::Result<> DownsampleIfNeeded(const BlockPtr& block, const ResolutionPlan& plan)
      BARO_REQUIRES(maintenance_mutex_);
  base::Result<> Downsample(const BlockPtr& block, const ResolutionPlan& plan) BARO_REQUIRES(maintenance_mutex_);
  base::Result<> TruncateLog(std::int64_t cutoff_ms) BARO_REQUIRES(maintenance_mutex_);
  void ForgetMetadata() BARO_REQUIRES(maintenance_mutex_);
  void WriteExtras(class RecordWriter& records, const std::function<void()>& flush) const;
  void TurnSegment() BARO_REQUIRES(maintenance_mutex_);
  Ulid NewUlid() BARO_REQUIRES(maintenance_mutex_);
  void CollectMetrics(std::vector<base::MetricFamily>& families) const;

  const StorageOptions options_;
  const StorageDependencies deps_;
  const std::string log_directory_;
  StorageMetrics metrics_;
  std::unique_ptr<base::FileLock> lock_;
  BlockSet blocks_;
  PrometheusHistory prometheus_;
  std::vector<std::string> prometheus_log_damage_;  // set while opening
  HeadFiles head_files_;                            // outlives the head's groups
  std::shared_ptr<Head> head_;
  ExemplarStore exemplars_;
  std::unique_ptr<LogWriter> log_;
  std::unique_ptr<HeadWriter> writer_;
  std::vector<DataLoss> log_losses_;           // by Open() only
  std::string unread_log_;                     // by Open() only; see ReplayedLog::unread
  std::atomic<std::uint64_t> corruptions_{0};  // relaxed: a number for people, which orders nothing
  base::Registry::CollectorId collector_ = 0;
  bool has_collector_ = false;

  base::CancelToken closing_;
  std::uint64_t failures_counted_ = 0;  // by Tick() only
  base::MonotonicTime next_scrub_{};    // by ScrubTick() only

  mutable base::Mutex retention_mutex_;  // a leaf
  RetentionLimits retention_ BARO_GUARDED_BY(retention_mutex_);

  base::Mutex maintenance_mutex_;
  base::MonotonicTime next_retention_ BARO_GUARDED_BY(maintenance_mutex_){};
  // What blocks have of the head and the head still has: it goes when no reader is left that was opened before.
  struct Covered {
    std::int64_t until_ms = 0;
    CommitNumber commit = 0;
  };
  std::optional<Covered> covered_ BARO_GUARDED_BY(maintenance_mutex_);
  // The same for what is past retention.
  std::optional<Covered> expired_ BARO_GUARDED_BY(maintenance_mutex_);
  // Samples of the head before it are not shown. Sequentially consistent: it is ordered against the list of readers.
  std::atomic<std::int64_t> expired_until_ms_{model::kMinTimestampMs};
  // The same for late samples, with what was cut.
  struct LateCovered {
    LateCut cut;
    CommitNumber commit = 0;
  };
  std::optional<LateCovered> late_covered_ BARO_GUARDED_BY(maintenance_mutex_);
  // Segments from this one on may have late samples that are in no block.
  std::uint64_t late_from_segment_ BARO_GUARDED_BY(maintenance_mutex_) = 0;
  std::int64_t cut_until_ms_ BARO_GUARDED_BY(maintenance_mutex_) = model::kMinTimestampMs;
  base::MonotonicTime next_forgetting_ BARO_GUARDED_BY(maintenance_mutex_){};
  base::MonotonicTime next_cut_ BARO_GUARDED_BY(maintenance_mutex_){};
  std::int64_t segment_begin_ms_ BARO_GUARDED_BY(maintenance_mutex_) = model::kMinTimestampMs;
  // Blocks that could not be joined for damage: not tried again in this run.
  std::set<Ulid> not_joined_ BARO_GUARDED_BY(maintenance_mutex_);
  // Blocks that were looked through for series that are too old, with the number of cutoffs that they had passed, by
  // these rules.
  std::map<Ulid, std::size_t> looked_through_ BARO_GUARDED_BY(maintenance_mutex_);
  std::shared_ptr<const StorageRules> looked_through_by_ BARO_GUARDED_BY(maintenance_mutex_);
  // Blocks that are as the rules of downsampling want them, with the number of rules that were in force.
  std::map<Ulid, std::size_t> settled_ BARO_GUARDED_BY(maintenance_mutex_);
  std::shared_ptr<const StorageRules> settled_by_ BARO_GUARDED_BY(maintenance_mutex_);
  std::vector<std::shared_ptr<Ticker>> tickers_;
};

}  // namespace baro::tsdb

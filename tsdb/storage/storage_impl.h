// The store behind its interface.
//
// Threads  Safe to share. `maintenance_mutex_` lets one retention run at a time; it is taken before all others.
#pragma once

#include <atomic>
#include <memory>

#include "base/mutex.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head.h"
#include "tsdb/head/head_appender.h"
#include "tsdb/storage.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// The store's own metrics. References live as long as the registry.
struct StorageMetrics {
  explicit StorageMetrics(base::Registry& registry);

  base::Counter& float_samples;
  base::Counter& histogram_samples;
  base::Counter& out_of_order;
  base::Counter& out_of_bounds;
  base::Counter& truncations;
  base::Counter& checkpoints;
  base::Counter& checkpoint_failures;
  base::Counter& syncs_failed;
};

class Storage::Impl {
 public:
  Impl(StorageOptions options, StorageDependencies dependencies);
  ~Impl();

  base::Result<> Open();
  base::Result<> Close();
  base::Result<> Sync() { return log_->Sync(); }
  base::Result<> ApplyRetention();

  std::unique_ptr<Reader> OpenReader() const;
  std::unique_ptr<Appender> NewAppender() { return std::make_unique<HeadAppender>(*writer_); }
  GroupRef NewGroup() { return head_->AddGroup(); }
  void DropGroup(GroupRef group);
  HeadStatus Status(std::size_t limit) const;
  LogStatus log_status() const;
  const ExemplarStore& exemplars() const { return exemplars_; }

 private:
  struct Ticker;

  base::Result<> TakeLock();
  base::Result<> Replay();
  base::Result<> SettleLastSegment(const struct ReplayedLog& replayed);
  base::Result<> TruncateLog(std::int64_t cutoff_ms);
  void Tick();
  void CollectMetrics(std::vector<base::MetricFamily>& families) const;

  const StorageOptions options_;
  const StorageDependencies deps_;
  const std::string log_directory_;
  StorageMetrics metrics_;
  std::unique_ptr<base::FileLock> lock_;
  std::shared_ptr<Head> head_;
  ExemplarStore exemplars_;
  std::unique_ptr<LogWriter> log_;
  std::unique_ptr<HeadWriter> writer_;
  std::atomic<std::uint64_t> corruptions_{0};  // relaxed: a number for people, which orders nothing
  base::Registry::CollectorId collector_ = 0;
  bool has_collector_ = false;

  base::Mutex maintenance_mutex_;
  base::MonotonicTime next_retention_ BARO_GUARDED_BY(maintenance_mutex_){};
  std::uint64_t failures_counted_ BARO_GUARDED_BY(maintenance_mutex_) = 0;
  std::shared_ptr<Ticker> ticker_;
};

}  // namespace baro::tsdb

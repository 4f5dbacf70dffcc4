#include "tsdb/storage.h"

#include <algorithm>

#include "tsdb/head/head_reader.h"
#include "tsdb/storage/replayer.h"
#include "tsdb/storage/storage_impl.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/log_reader.h"

namespace baro::tsdb {

// The periodic task. It may still wait in the executor when the store is gone: then it finds null and ends.
struct Storage::Impl::Ticker {
  base::Mutex mutex;
  Impl* storage BARO_GUARDED_BY(mutex) = nullptr;
  base::Executor* executor = nullptr;
  std::chrono::nanoseconds interval{};

  static void Schedule(const std::shared_ptr<Ticker>& self) {
    self->executor->PostAfter(self->interval, [self] {
      {
        const base::MutexLock lock(self->mutex);
        if (self->storage == nullptr) return;
        self->storage->Tick();
      }
      Schedule(self);
    });
  }
};

StorageMetrics::StorageMetrics(base::Registry& registry)
    : float_samples(registry.MakeCounter("prometheus_tsdb_head_samples_appended_total",
                                         "Float samples that were accepted by the head.")),
      histogram_samples(registry.MakeCounter("prometheus_tsdb_head_histogram_samples_appended_total",
                                             "Native histogram samples that were accepted by the head.")),
      out_of_order(registry.MakeCounter("prometheus_tsdb_out_of_order_samples_total",
                                        "Samples that were refused because they are older than the series' newest.")),
      out_of_bounds(registry.MakeCounter("prometheus_tsdb_out_of_bound_samples_total",
                                         "Samples that were refused because of their time alone.")),
      truncations(
          registry.MakeCounter("prometheus_tsdb_wal_truncations_total", "Times that old log segments were removed.")),
      checkpoints(registry.MakeCounter("prometheus_tsdb_checkpoint_creations_total", "Log checkpoints begun.")),
      checkpoint_failures(
          registry.MakeCounter("prometheus_tsdb_checkpoint_creations_failed_total", "Log checkpoints that failed.")),
      syncs_failed(registry.MakeCounter("prometheus_tsdb_wal_writes_failed_total",
                                        "Times that the log could not be written or synced.")) {}

Storage::Impl::Impl(StorageOptions options, StorageDependencies dependencies)
    : options_(std::move(options)),
      deps_(std::move(dependencies)),
      log_directory_(options_.directory + "/wal"),
      metrics_(deps_.metrics),
      head_(std::make_shared<Head>(options_.series_max)),
      exemplars_(options_.exemplars_max) {}

Storage::Impl::~Impl() {
  if (auto closed = Close(); !closed) deps_.log.Error("closing storage failed", {{"err", closed.error().message()}});
}

base::Result<> Storage::Impl::TakeLock() {
  if (auto made = deps_.files.CreateDirectories(log_directory_); !made) {
    // On a full disk an existing directory will do; whether there is one shows below.
    if (made.error().code() != base::Code::kNoSpace) return made.error().WithContext("opening storage");
  }
  auto lock = deps_.files.Lock(options_.directory + "/lock");
  if (lock) {
    lock_ = *std::move(lock);
  } else if (lock.error().code() == base::Code::kNoSpace) {
    deps_.log.Error("the disk is too full for a lock file; going on without", {{"err", lock.error().message()}});
  } else {
    return lock.error().WithContext("opening storage");
  }
  return {};
}

base::Result<> Storage::Impl::Replay() {
  Replayer replayer(*head_, exemplars_);
  const base::MonotonicTime begin = deps_.clock.Monotonic();
  ReplayedLog replayed =
      BARO_TRY(ReplayLog(deps_.files, log_directory_, deps_.log, options_.replay_progress.get(), replayer));
  replayer.Finish();
  corruptions_.store(replayed.corruptions, std::memory_order_relaxed);
  if (replayer.samples_without_series() > 0) {
    deps_.log.Warn("samples in the log whose series it does not name were left out",
                   {{"samples", replayer.samples_without_series()}});
  }
  deps_.log.Info("log replayed", {{"segments", replayed.segments.size()},
                                  {"series", head_->series_count()},
                                  {"samples", replayer.samples()},
                                  {"seconds", std::chrono::duration<double>(deps_.clock.Monotonic() - begin).count()}});
  if (auto settled = SettleLastSegment(replayed); !settled) {
    deps_.log.Warn("the end of the log may not be on disk yet", {{"err", settled.error().message()}});
  }
  log_ = std::make_unique<LogWriter>(deps_.files, deps_.clock, deps_.log,
                                     LogWriter::Options{.directory = log_directory_,
                                                        .segment_bytes = options_.segment_bytes,
                                                        .next_segment = replayed.next_segment,
                                                        .previous = replayed.previous,
                                                        .previous_end = replayed.previous_end,
                                                        .segments = std::move(replayed.segments)});
  return {};
}

// Makes the last segment durable as it was read: the run before may have died between a write and its sync, and queries
// see from now on what it wrote. A torn tail goes.
base::Result<> Storage::Impl::SettleLastSegment(const ReplayedLog& replayed) {
  if (replayed.previous == 0 || replayed.previous_end == 0) return {};
  const std::string path = log_directory_ + "/" + SegmentName(replayed.previous);
  const std::unique_ptr<base::WritableFile> file =
      BARO_TRY(deps_.files.OpenWritable(path, base::FileSystem::OpenMode::kAppend));
  if (file->size() > replayed.previous_end) BARO_TRY(file->Truncate(replayed.previous_end));
  BARO_TRY(file->Sync());
  return file->Close();
}

base::Result<> Storage::Impl::Open() {
  BARO_TRY(TakeLock());
  BARO_TRY(Replay());
  writer_ = std::make_unique<HeadWriter>(HeadWriter{.head = *head_,
                                                    .log = *log_,
                                                    .exemplars = exemplars_,
                                                    .clock = deps_.clock,
                                                    .options = options_,
                                                    .samples_appended = metrics_.float_samples,
                                                    .histograms_appended = metrics_.histogram_samples,
                                                    .out_of_order = metrics_.out_of_order,
                                                    .out_of_bounds = metrics_.out_of_bounds});
  if (auto applied = ApplyRetention(); !applied) {
    deps_.log.Warn("retention could not be applied", {{"err", applied.error().message()}});
  }
  collector_ = deps_.metrics.AddCollector([this](auto& families) { CollectMetrics(families); });
  has_collector_ = true;
  ticker_ = std::make_shared<Ticker>();
  ticker_->executor = &deps_.background;
  ticker_->interval = options_.sync_interval;
  {
    const base::MutexLock lock(ticker_->mutex);
    ticker_->storage = this;
  }
  Ticker::Schedule(ticker_);
  return {};
}

base::Result<> Storage::Impl::Close() {
  if (ticker_ != nullptr) {
    const base::MutexLock lock(ticker_->mutex);
    ticker_->storage = nullptr;
  }
  if (std::exchange(has_collector_, false)) deps_.metrics.RemoveCollector(collector_);
  if (log_ == nullptr) return {};
  auto closed = log_->Close();
  lock_.reset();
  return closed;
}

// Every sync interval: the disk, and now and then what is too old.
void Storage::Impl::Tick() {
  log_->TryToRecover();
  if (auto synced = log_->Sync(); !synced && !log_->failure()) {
    deps_.log.Warn("the log could not be synced", {{"err", synced.error().message()}});
  }
  {
    const base::MutexLock lock(maintenance_mutex_);
    const std::uint64_t failures = log_->failures();
    metrics_.syncs_failed.Add(static_cast<double>(failures - failures_counted_));
    failures_counted_ = failures;
    if (deps_.clock.Monotonic() < next_retention_) return;
  }
  if (auto applied = ApplyRetention(); !applied) {
    deps_.log.Warn("retention could not be applied", {{"err", applied.error().message()}});
  }
}

base::Result<> Storage::Impl::ApplyRetention() {
  const base::MutexLock lock(maintenance_mutex_);
  next_retention_ = deps_.clock.Monotonic() + options_.retention_interval;
  const CommitNumber visible_to_all = head_->VisibleToAll(log_->written());
  head_->TidyGroups(visible_to_all);
  if (options_.retention.count() <= 0 || !head_->has_samples()) return {};
  std::int64_t cutoff_ms = 0;
  if (__builtin_sub_overflow(head_->max_time_ms(), options_.retention.count(), &cutoff_ms)) return {};
  if (head_->min_time_ms() < cutoff_ms) {
    head_->DropBefore(cutoff_ms, visible_to_all);
    exemplars_.DropBefore(cutoff_ms);
  }
  return TruncateLog(cutoff_ms);
}

// Old segments go when what goes is worth writing all series down once more.
base::Result<> Storage::Impl::TruncateLog(std::int64_t cutoff_ms) {
  constexpr std::uint64_t kSeriesBytes = 128;  // of a series in a checkpoint, about
  const std::vector<SegmentInfo> segments = log_->segments();
  std::uint64_t old_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t first_kept = 0;
  bool is_prefix = true;
  std::uint64_t removable_bytes = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    total_bytes += segments[i].size_bytes;
    if (!is_prefix) continue;
    // What continues a segment is not readable without it.
    if (i > 0 && !segments[i].continues) {
      first_kept = segments[i].segment;
      removable_bytes = old_bytes;
    }
    is_prefix = segments[i].time_max_ms < cutoff_ms;
    old_bytes += segments[i].size_bytes;
  }
  if (removable_bytes == 0 || removable_bytes < head_->series_count() * kSeriesBytes) {
    // Small stores turn over too: at a third of the whole it is worth it whatever a checkpoint costs.
    if (removable_bytes == 0 || removable_bytes * 3 < total_bytes) return {};
  }
  metrics_.checkpoints.Add();
  const LogSeriesId next = head_->next_log_id();
  auto written = WriteCheckpoint(deps_.files, log_directory_, first_kept, next, [this](const auto& put) {
    for (const SeriesPtr& series : head_->AllSeries()) put(series->log_id, series->labels);
  });
  if (!written) {
    metrics_.checkpoint_failures.Add();
    if (written.error().code() == base::Code::kCorruption) corruptions_.fetch_add(1, std::memory_order_relaxed);
    return written.error().WithContext("removing old log segments");
  }
  log_->ForgetSegmentsBefore(first_kept);
  metrics_.truncations.Add();
  deps_.log.Info("old log segments removed", {{"before", first_kept}, {"bytes", removable_bytes}});
  return {};
}

std::unique_ptr<Reader> Storage::Impl::OpenReader() const { return std::make_unique<HeadReader>(head_, *log_); }

void Storage::Impl::DropGroup(GroupRef ref) {
  const GroupPtr group = head_->FindGroup(ref);
  head_->DropGroup(ref);
  if (group != nullptr) group->Seal(head_->VisibleToAll(log_->written()), /*all=*/true);
}

Storage::Storage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Storage::~Storage() = default;

base::Result<std::unique_ptr<Storage>> Storage::Open(StorageOptions options, StorageDependencies dependencies) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(dependencies));
  BARO_TRY(impl->Open());
  return std::unique_ptr<Storage>(new Storage(std::move(impl)));
}

base::Result<> Storage::Close() { return impl_->Close(); }
std::unique_ptr<Reader> Storage::OpenReader() const { return impl_->OpenReader(); }
std::unique_ptr<Appender> Storage::NewAppender() { return impl_->NewAppender(); }
GroupRef Storage::NewGroup() { return impl_->NewGroup(); }
void Storage::DropGroup(GroupRef group) { impl_->DropGroup(group); }
HeadStatus Storage::Status(std::size_t limit) const { return impl_->Status(limit); }
LogStatus Storage::log_status() const { return impl_->log_status(); }
base::Result<> Storage::Sync() { return impl_->Sync(); }
base::Result<> Storage::ApplyRetention() { return impl_->ApplyRetention(); }

std::vector<SeriesExemplars> Storage::SelectExemplars(std::span<const std::vector<model::Matcher>> matcher_lists,
                                                      model::TimeRange range) const {
  return impl_->exemplars().Select(matcher_lists, range);
}

}  // namespace baro::tsdb

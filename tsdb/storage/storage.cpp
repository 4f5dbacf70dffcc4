#include "tsdb/storage.h"

#include <algorithm>

#include "tsdb/compact/compactor.h"
#include "tsdb/downsample/downsampled_reader.h"
#include "tsdb/head/head_reader.h"
#include "tsdb/merge_reader.h"
#include "tsdb/storage/replayer.h"
#include "tsdb/storage/storage_impl.h"
#include "tsdb/wal/log_reader.h"

namespace baro::tsdb {

// A periodic task. It may still wait in the executor when the store is gone: then it finds null and ends.
struct Storage::Impl::Ticker {
  base::Mutex mutex;
  Impl* storage BARO_GUARDED_BY(mutex) = nullptr;
  void (Impl::*tick)() = nullptr;
  base::Executor* executor = nullptr;
  std::chrono::nanoseconds interval{};

  static void Schedule(const std::shared_ptr<Ticker>& self) {
    self->executor->PostAfter(self->interval, [self] {
      {
        const base::MutexLock lock(self->mutex);
        if (self->storage == nullptr) return;
        (self->storage->*self->tick)();
      }
      Schedule(self);
    });
  }

  static std::shared_ptr<Ticker> Start(Impl* storage, void (Impl::*tick)(), base::Executor& executor,
                                       std::chrono::nanoseconds interval) {
    auto ticker = std::make_shared<Ticker>();
    ticker->tick = tick;
    ticker->executor = &executor;
    ticker->interval = interval;
    {
      const base::MutexLock lock(ticker->mutex);
      ticker->storage = storage;
    }
    Schedule(ticker);
    return ticker;
  }

  // Waits for a tick that runs.
  void Stop() {
    const base::MutexLock lock(mutex);
    storage = nullptr;
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
      too_old(registry.MakeCounter("prometheus_tsdb_too_old_samples_total",
                                   "Samples that were refused because they are older than the out-of-order window.")),
      late_appended(registry.MakeCounter("prometheus_tsdb_head_out_of_order_samples_appended_total",
                                         "Samples that were accepted though they came out of order.")),
      truncations(
          registry.MakeCounter("prometheus_tsdb_wal_truncations_total", "Times that old log segments were removed.")),
      checkpoints(registry.MakeCounter("prometheus_tsdb_checkpoint_creations_total", "Log checkpoints begun.")),
      checkpoint_failures(
          registry.MakeCounter("prometheus_tsdb_checkpoint_creations_failed_total", "Log checkpoints that failed.")),
      syncs_failed(registry.MakeCounter("prometheus_tsdb_wal_writes_failed_total",
                                        "Times that the log could not be written or synced.")),
      compactions(registry.MakeCounter("prometheus_tsdb_compactions_total", "Blocks that were joined of others.")),
      compactions_failed(
          registry.MakeCounter("prometheus_tsdb_compactions_failed_total", "Blocks that could not be joined.")),
      head_cuts(registry.MakeCounter("prometheus_tsdb_head_truncations_total", "Blocks that were cut from the head.")),
      head_cuts_failed(registry.MakeCounter("prometheus_tsdb_head_truncations_failed_total",
                                            "Blocks that could not be cut from the head.")),
      time_retentions(registry.MakeCounter("prometheus_tsdb_time_retentions_total",
                                           "Times that blocks were removed because of their age.")),
      size_retentions(registry.MakeCounter("prometheus_tsdb_size_retentions_total",
                                           "Times that blocks were removed because of the size of all.")) {}

Storage::Impl::Impl(StorageOptions options, StorageDependencies dependencies)
    : options_(std::move(options)),
      deps_(std::move(dependencies)),
      log_directory_(options_.directory + "/log"),
      metrics_(deps_.metrics),
      blocks_(deps_.files, options_.directory + "/blocks", options_.directory + "/quarantine", deps_.log),
      prometheus_(deps_.files, options_.directory, deps_.log),
      head_files_(deps_.files, options_.directory + "/head_chunks", options_.head_file_bytes, deps_.log),
      head_(std::make_shared<Head>(options_.series_max, &head_files_)),
      exemplars_(options_.exemplars_max),
      retention_(options_.retention) {
  head_->SetBlockRange(options_.block_range.count());
}

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
  } else if (lock.error().code() == base::Code::kUnavailable) {
    return base::Fail(
        base::Code::kUnavailable,
        fmt::format("another process, Barograph or Prometheus, has the data directory {}: end it first, or "
                    "choose another directory ({})",
                    options_.directory, lock.error().message()));
  } else {
    return lock.error().WithContext("opening storage");
  }
  return RefuseIfPrometheusRuns();
}

base::Result<> Storage::Impl::Replay() {
  const base::MonotonicTime begin = deps_.clock.Monotonic();
  const std::uint64_t late_from_segment = ReadLateMark();
  {
    const base::MutexLock lock(maintenance_mutex_);
    late_from_segment_ = late_from_segment;
  }
  Replayer replayer(*head_, exemplars_, head_files_, head_files_.Load(head_->floor_ms()), late_from_segment, deps_.log);
  ReplayedLog replayed =
      BARO_TRY(ReplayLog(deps_.files, log_directory_, deps_.log, options_.replay_progress.get(), replayer));
  replayer.Finish(replayed.next_segment);
  corruptions_.store(replayed.corruptions, std::memory_order_relaxed);
  log_losses_ = replayer.TakeLosses(replayed.corruptions > 0);
  if (replayer.samples_without_series() > 0) {
    deps_.log.Warn("samples in the log whose series it does not name were left out",
                   {{"samples", replayer.samples_without_series()}});
  }
  deps_.log.Info("log replayed", {{"segments", replayed.segments.size()},
                                  {"series", head_->series_count()},
                                  {"samples", replayer.samples()},
                                  {"chunks", replayer.chunks()},
                                  {"seconds", std::chrono::duration<double>(deps_.clock.Monotonic() - begin).count()}});
  unread_log_ = replayed.unread;
  if (!unread_log_.empty()) KeepUnread(replayed);
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

// What could not be read now may be at the next start, and has to find what it needs then: the log stays until blocks
// have the time up to now, and no series to come gets a number that a series there may have.
void Storage::Impl::KeepUnread(ReplayedLog& replayed) {
  deps_.log.Error(
      "some of the log could not be read; mend that and restart within 12 block ranges, until then no block "
      "is cut from memory and deletes are refused",
      {{"err", unread_log_}});
  constexpr std::uint64_t kNumbersPerLog = std::uint64_t{1} << 32;
  head_->ReserveLogIds(static_cast<LogSeriesId>(static_cast<std::uint64_t>(head_->next_log_id()) + kNumbersPerLog));
  if (replayed.segments.empty()) return;
  replayed.segments.front().time_max_ms = std::max(head_->max_time_ms(), base::ToMs(deps_.clock.Now()));
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
  RemoveUnfinishedSnapshots();
  ImportPrometheusLog();
  BARO_TRY(blocks_.Load());
  {
    const base::MutexLock lock(maintenance_mutex_);
    FindNewBlocks();
    blocks_.NoteCovered(head_files_.ReadFloor());
    cut_until_ms_ = blocks_.View().covered_until_ms;
    head_->RaiseFloor(cut_until_ms_);
    head_->SetCovered(cut_until_ms_);
  }
  BARO_TRY(Replay());
  writer_.reset(new HeadWriter{.head = *head_,
                               .log = *log_,
                               .exemplars = exemplars_,
                               .clock = deps_.clock,
                               .options = options_,
                               .samples_appended = metrics_.float_samples,
                               .histograms_appended = metrics_.histogram_samples,
                               .out_of_order = metrics_.out_of_order,
                               .out_of_bounds = metrics_.out_of_bounds,
                               .too_old = metrics_.too_old,
                               .late_appended = metrics_.late_appended,
                               .out_of_order_window_ms = options_.out_of_order_window.count()});
  collector_ = deps_.metrics.AddCollector([this](auto& families) { CollectMetrics(families); });
  has_collector_ = true;
  base::Executor& maintenance = deps_.maintenance != nullptr ? *deps_.maintenance : deps_.background;
  tickers_ = {Ticker::Start(this, &Impl::Tick, deps_.background, options_.sync_interval),
              Ticker::Start(this, &Impl::MaintenanceTick, maintenance, std::chrono::seconds(1)),
              Ticker::Start(this, &Impl::ScrubTick, maintenance, std::chrono::minutes(1))};
  return {};
}

base::Result<> Storage::Impl::Close() {
  closing_.Cancel();
  for (const auto& ticker : tickers_) ticker->Stop();
  tickers_.clear();
  if (std::exchange(has_collector_, false)) deps_.metrics.RemoveCollector(collector_);
  if (log_ == nullptr) return {};
  auto closed = log_->Close();
  head_files_.Flush();
  lock_.reset();
  return closed;
}

// Every sync interval.
void Storage::Impl::Tick() {
  log_->TryToRecover();
  if (options_.log_sync != LogSync::kOs) {
    if (auto synced = log_->Sync(); !synced && !log_->failure()) {
      deps_.log.Warn("the log could not be synced", {{"err", synced.error().message()}});
    }
  }
  const std::uint64_t failures = log_->failures();
  metrics_.syncs_failed.Add(static_cast<double>(failures - failures_counted_));
  failures_counted_ = failures;
}

// Where two sources have a sample of one time the first counts, and joining blocks keeps to that: what came in order,
// then late samples in memory, then blocks of late samples and of other origin, newest first. Those in order stand
// newest first too: what is asked most is found first, and merging appends.
std::unique_ptr<Reader> Storage::Impl::OpenReader() const {
  // In this order: what is dropped from the head between the two steps is in the blocks.
  auto head = std::make_unique<HeadReader>(head_, *log_);
  const bool has_late = head_->late_samples() > 0;
  const auto [blocks, covered_until_ms] = blocks_.View();
  // The head drops whole chunks only, and does not know of deletes in blocks. In this order as well: see DropExpired().
  head->HideBefore(std::max(covered_until_ms, expired_until_ms_.load(std::memory_order_seq_cst)));
  const auto theirs = prometheus_.blocks();
  std::vector<DataLoss> losses = blocks_.Losses();
  losses.insert(losses.end(), log_losses_.begin(), log_losses_.end());
  if (blocks->empty() && theirs->empty() && !has_late) return TellLosses(std::move(head), std::move(losses));
  std::vector<std::unique_ptr<Reader>> sources;
  sources.reserve(blocks->size() + theirs->size() + 2);
  const CommitNumber visible = head->visible();
  sources.push_back(std::move(head));
  std::vector<BlockPtr> others;
  for (const BlockPtr& block : *blocks) {
    if (std::ranges::count(block->meta().hints, kFromHead) > 0) {
      sources.push_back(OpenBlockReader(*block));
    } else {
      others.push_back(block);
    }
  }
  if (has_late && covered_until_ms != model::kMinTimestampMs) {
    sources.push_back(std::make_unique<LateReader>(head_, visible, covered_until_ms));
  }
  std::ranges::sort(others, std::ranges::greater(), [](const BlockPtr& block) { return block->meta().ulid; });
  for (const BlockPtr& block : others) sources.push_back(OpenBlockReader(*block));
  for (const auto& block : *theirs) sources.push_back(block->OpenReader());
  return TellLosses(std::make_unique<MergeReader>(std::move(sources)), std::move(losses));
}

void Storage::Impl::SetOutOfOrderWindow(std::chrono::milliseconds window) {
  writer_->out_of_order_window_ms.store(window.count(), std::memory_order_relaxed);
}

void Storage::Impl::DropGroup(GroupRef ref) { head_->DropGroup(ref); }

std::optional<LogSync> ParseLogSync(std::string_view text) {
  if (text == "always") return LogSync::kAlways;
  if (text == "interval") return LogSync::kInterval;
  if (text == "os") return LogSync::kOs;
  return std::nullopt;
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
StorageSummary Storage::Summary() const { return impl_->Summary(); }
base::Result<> Storage::Sync() { return impl_->Sync(); }
base::Result<> Storage::Maintain() { return impl_->Maintain(); }
std::vector<BlockStatus> Storage::Blocks() const { return impl_->Blocks(); }
std::vector<std::string> Storage::Damage() const { return impl_->Damage(); }
void Storage::SetOutOfOrderWindow(std::chrono::milliseconds window) { impl_->SetOutOfOrderWindow(window); }
void Storage::SetRetention(const RetentionLimits& limits) { impl_->SetRetention(limits); }
RetentionLimits Storage::retention() const { return impl_->retention(); }
base::Result<> Storage::CleanTombstones() { return impl_->CleanTombstones(); }
base::Result<std::string> Storage::Snapshot(bool with_head) { return impl_->Snapshot(with_head); }
base::Result<std::vector<std::string>> Storage::Scrub() { return impl_->Scrub(); }

base::Result<std::size_t> Storage::Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                          const base::CancelToken& cancel) {
  return impl_->Delete(matchers, range, cancel);
}

base::Result<std::vector<SeriesExemplars>> Storage::SelectExemplars(
    std::span<const std::vector<model::Matcher>> matcher_lists, model::TimeRange range,
    const base::CancelToken& cancel) const {
  return impl_->SelectExemplars(matcher_lists, range, cancel);
}
void Storage::SetExemplarsMax(std::size_t count) { impl_->SetExemplarsMax(count); }

}  // namespace baro::tsdb

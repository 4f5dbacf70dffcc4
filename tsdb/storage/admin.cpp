// What people ask of a store: deletes, writing blocks anew after them, snapshots, other limits, a search for damage.
#include <ctime>

#include <fmt/chrono.h>

#include "base/pacer.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/head/head_delete.h"
#include "tsdb/storage/head_cut.h"
#include "tsdb/storage/late_cut.h"
#include "tsdb/storage/storage_impl.h"

namespace baro::tsdb {
namespace {

// A server that has just started has better things to do.
constexpr std::chrono::minutes kFirstScrubAfter{30};

// Another name for all files of the directory `from`. Shape  it has no directories.
base::Result<> LinkDirectory(base::FileSystem& files, const std::string& from, const std::string& to) {
  BARO_TRY(files.CreateDirectories(to));
  for (const std::string& name : BARO_TRY(files.ListDirectory(from))) {
    BARO_TRY(files.Link(from + "/" + name, to + "/" + name));
  }
  return files.SyncDirectory(to);
}

}  // namespace

void Storage::Impl::SetRetention(const RetentionLimits& limits) {
  const base::MutexLock lock(retention_mutex_);
  retention_ = limits;
}

RetentionLimits Storage::Impl::retention() const {
  const base::MutexLock lock(retention_mutex_);
  return retention_;
}

// Under the mutex: nothing may move from the head to a block, or from block to block, in the middle of it.
base::Result<std::size_t> Storage::Impl::Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                const base::CancelToken& cancel) {
  const base::MutexLock lock(maintenance_mutex_);
  BARO_TRY(CheckAllIsRead(range));
  BARO_TRY(prometheus_.CheckNoneChosen(matchers, range, cancel));
  std::size_t touched = BARO_TRY(DeleteFromHead(*head_, *log_, matchers, range, cancel));
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) {
    const model::TimeRange covered = block->meta().range();
    if (covered.max_ms < range.min_ms || covered.min_ms > range.max_ms) continue;
    touched += BARO_TRY(block->Delete(matchers, range, cancel));
  }
  exemplars_.Delete(matchers, range);
  return touched;
}

// What cannot be read now may come back at a later start, with what was to be deleted.
base::Result<> Storage::Impl::CheckAllIsRead(model::TimeRange range) const {
  const std::string unread = unread_log_.empty() ? blocks_.UnreadIn(range) : unread_log_;
  if (unread.empty()) return {};
  return base::Fail(base::Code::kUnavailable,
                    fmt::format("some of the data could not be read when the server started, and nothing would be "
                                "deleted there: {}; mend that, restart, and delete again",
                                unread));
}

base::Result<> Storage::Impl::CleanTombstones() {
  const base::MutexLock lock(maintenance_mutex_);
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) {
    if (block->DeletedSeries() > 0) BARO_TRY(Join({block}));
  }
  return {};
}

// As Prometheus names them: the time, and 64 random bits.
std::string Storage::Impl::SnapshotName() {
  base::Random& random = deps_.random != nullptr ? *deps_.random : base::RealRandom();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(deps_.clock.Now());
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{:016x}", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     random.NextU64());
}

base::Result<std::string> Storage::Impl::Snapshot(bool with_head) {
  const base::MutexLock lock(maintenance_mutex_);
  const std::string parent = options_.directory + "/snapshots";
  const std::string name = SnapshotName();
  const std::string unfinished = parent + "/tmp-" + name;
  auto filled = FillSnapshot(unfinished, with_head);
  if (filled) filled = deps_.files.Rename(unfinished, parent + "/" + name);
  if (filled) filled = deps_.files.SyncDirectory(parent);
  if (!filled) {
    if (auto removed = deps_.files.RemoveAll(unfinished); !removed) {
      deps_.log.Warn("an unfinished snapshot could not be removed", {{"err", removed.error().message()}});
    }
    return filled.error().WithContext("making a snapshot");
  }
  deps_.log.Info("snapshot made", {{"path", parent + "/" + name}});
  return name;
}

// What a run left that ended while it made one. They have links to blocks, whose space they would keep.
void Storage::Impl::RemoveUnfinishedSnapshots() {
  const std::string parent = options_.directory + "/snapshots";
  const auto names = deps_.files.ListDirectory(parent);
  if (!names) return;  // there never was one
  for (const std::string& name : *names) {
    if (!name.starts_with("tmp-")) continue;
    deps_.log.Info("removing what an earlier run left", {{"path", parent + "/" + name}});
    if (auto removed = deps_.files.RemoveAll(parent + "/" + name); !removed) {
      deps_.log.Warn("could not remove it", {{"err", removed.error().message()}});
    }
  }
}

base::Result<> Storage::Impl::FillSnapshot(const std::string& directory, bool with_head) {
  const std::string blocks_directory = directory + "/blocks";
  BARO_TRY(deps_.files.CreateDirectories(blocks_directory));
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) {
    BARO_TRY(LinkDirectory(deps_.files, block->directory(), blocks_directory + "/" + block->meta().ulid.ToString()));
  }
  if (with_head && head_->has_samples()) {
    BlockWriterOptions options{.ulid = NewUlid(),
                               .form = BlockForm::kHot,
                               .min_time_ms = std::max(head_->min_time_ms(), cut_until_ms_),
                               .max_time_ms = head_->max_time_ms() + 1,
                               .hints = {std::string(kFromHead)}};
    if (*options.min_time_ms < *options.max_time_ms) {
      BARO_TRY(WriteHeadBlock(deps_.files, blocks_directory, head_, *log_, std::move(options), exemplars_, closing_));
    }
  }
  if (with_head && options_.block_range.count() > 0) {
    BARO_TRY(WriteLateBlocks(
        deps_.files, blocks_directory, head_, *log_, cut_until_ms_, options_.block_range.count(),
        [this]() BARO_REQUIRES(maintenance_mutex_) { return NewUlid(); }, closing_));
  }
  BARO_TRY(deps_.files.SyncDirectory(blocks_directory));
  BARO_TRY(prometheus_.Link(directory));
  return deps_.files.SyncDirectory(directory);
}

base::Result<std::vector<std::string>> Storage::Impl::Scrub() {
  base::Pacer pacer(deps_.clock, options_.background_bytes_per_second);
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) {
    const std::size_t known = block->Damage().size();
    const auto damage = block->Verify([&](std::uint64_t bytes) { pacer.Spend(bytes, closing_); }, closing_);
    if (!damage) return damage.error();
    for (std::size_t i = known; i < damage->size(); ++i) {
      deps_.log.Error("a block is damaged; queries that need the damaged part say that it is missing",
                      {{"block", block->meta().ulid.ToString()}, {"damage", (*damage)[i]}});
    }
  }
  BARO_TRY(prometheus_.Scrub([&](std::uint64_t bytes) { pacer.Spend(bytes, closing_); }, closing_));
  return Damage();
}

void Storage::Impl::ScrubTick() {
  if (options_.scrub_interval.count() <= 0) return;
  const base::MonotonicTime now = deps_.clock.Monotonic();
  if (next_scrub_ == base::MonotonicTime{}) next_scrub_ = now + kFirstScrubAfter;
  if (now < next_scrub_) return;
  next_scrub_ = now + options_.scrub_interval;
  (void)Scrub().has_value();  // it fails when the store closes, and tells what it finds in the log
}

}  // namespace baro::tsdb

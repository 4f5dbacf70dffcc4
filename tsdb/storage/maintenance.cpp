// What a store does in the background: the head's old samples become blocks, blocks are joined, what is too old goes.
#include <algorithm>

#include "base/pacer.h"
#include "base/planted_fault.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/compact/planner.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/storage/head_cut.h"
#include "tsdb/storage/storage_impl.h"
#include "tsdb/wal/checkpoint.h"

namespace baro::tsdb {
namespace {

constexpr std::chrono::seconds kCutRetryAfter{10};
// More late samples than this do not wait in memory for the head's next cut.
constexpr std::size_t kLateSamplesMax = 8'000'000;
// So long the head is not cut after a start that could not read some of the log: a day, usually. Most of the head lies
// in mapped files.
constexpr std::int64_t kRangesHeldForUnread = 12;
// From this many times the shortest range on, blocks are cold: they are read rarely, and there are many of them.
constexpr std::int64_t kColdRanges = 9;

// `time_ms` plus `by_ms`; nothing if there is no such time.
std::optional<std::int64_t> Plus(std::int64_t time_ms, std::int64_t by_ms) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(time_ms, by_ms, &sum)) return std::nullopt;
  return sum;
}

std::optional<std::int64_t> AlignDown(std::int64_t time_ms, std::int64_t range_ms) {
  const std::int64_t rest = time_ms % range_ms;
  return Plus(time_ms, -(rest < 0 ? rest + range_ms : rest));
}

// The first error counts.
class FirstError {
 public:
  void Note(base::Result<> step) {
    if (!step && outcome_) outcome_ = std::move(step);
  }
  base::Result<> Take() { return std::move(outcome_); }

 private:
  base::Result<> outcome_;
};

}  // namespace

base::Result<> Storage::Impl::Maintain() {
  const base::MutexLock lock(maintenance_mutex_);
  FindNewBlocks();
  FirstError outcome;
  outcome.Note(CutWhatIsComplete());
  outcome.Note(JoinWhatIsDue());
  outcome.Note(ApplyRetention());
  outcome.Note(DownsampleWhatIsDue());
  return outcome.Take();
}

void Storage::Impl::MaintenanceTick() {
  const base::MutexLock lock(maintenance_mutex_);
  const base::MonotonicTime now = deps_.clock.Monotonic();
  if (now >= next_cut_) {
    if (auto cut = CutWhatIsComplete(); !cut) {
      next_cut_ = now + kCutRetryAfter;
      deps_.log.Warn("the head could not be cut into a block; it grows until that works",
                     {{"err", cut.error().message()}});
    }
  }
  if (now < next_retention_) return;
  next_retention_ = now + options_.retention_interval;
  FindNewBlocks();
  FirstError outcome;
  outcome.Note(JoinWhatIsDue());
  outcome.Note(ApplyRetention());
  outcome.Note(DownsampleWhatIsDue());
  if (auto result = outcome.Take(); !result && result.error().code() != base::Code::kCancelled) {
    deps_.log.Warn("maintenance of storage failed; it is tried again", {{"err", result.error().message()}});
  }
}

Ulid Storage::Impl::NewUlid() {
  base::Random& random = deps_.random != nullptr ? *deps_.random : base::RealRandom();
  return Ulid::Make(std::max<std::int64_t>(0, base::ToMs(deps_.clock.Now())), random);
}

base::Result<> Storage::Impl::CutWhatIsComplete() {
  TurnSegment();
  for (;;) {
    bool is_dropped = false;
    BARO_TRY(DropCovered(is_dropped));
    if (!is_dropped) return {};  // a reader needs it still
    if (head_->late_samples() >= kLateSamplesMax && cut_until_ms_ != model::kMinTimestampMs &&
        options_.block_range.count() > 0) {
      BARO_TRY(CutLate());
      BARO_TRY(DropCovered(is_dropped));
      if (!is_dropped) return {};
    }
    bool has_cut = false;
    BARO_TRY(CutHead(has_cut));
    if (!has_cut) return {};
  }
}

// Segments must end now and then: a segment goes only when all its samples are in blocks.
void Storage::Impl::TurnSegment() {
  if (!head_->has_samples()) return;
  const std::int64_t newest_ms = head_->max_time_ms();
  if (segment_begin_ms_ != model::kMinTimestampMs) {
    const auto due_ms = Plus(segment_begin_ms_, options_.block_range.count() / 4);
    if (!due_ms || newest_ms < *due_ms) return;
    log_->StartNewSegment();
  }
  segment_begin_ms_ = newest_ms;
}

// Cuts the oldest range if nothing more may come into it: samples that late are refused.
base::Result<> Storage::Impl::CutHead(bool& has_cut) {
  has_cut = false;
  const std::int64_t range_ms = options_.block_range.count();
  if (range_ms <= 0 || !head_->has_samples()) return {};
  const auto begin_ms = AlignDown(std::max(head_->min_time_ms(), cut_until_ms_), range_ms);
  const auto until_ms = begin_ms ? Plus(*begin_ms, range_ms) : std::nullopt;
  if (!until_ms) return {};
  std::int64_t late_ms = options_.lateness_max.count() > 0 ? options_.lateness_max.count() : range_ms / 2;
  // Samples of an unread piece of the log would come too late for the block: it waits for a restart.
  if (!unread_log_.empty()) late_ms = std::max(late_ms, kRangesHeldForUnread * range_ms);
  const auto due_ms = Plus(*until_ms, late_ms);
  if (!due_ms || head_->max_time_ms() < *due_ms) return {};

  BARO_TRY(CutLate());
  head_->RaiseFloor(*until_ms);
  log_->WriteQueue();  // what was let in below the new floor is visible then
  // It may lie before all that was there.
  const std::int64_t first_ms = std::max(std::min(*begin_ms, head_->min_time_ms()), cut_until_ms_);
  BlockWriterOptions options{.ulid = NewUlid(),
                             .form = BlockForm::kHot,
                             .min_time_ms = first_ms,
                             .max_time_ms = until_ms,
                             .hints = {std::string(kFromHead)}};
  if (BARO_PLANTED(kPointerBeforeData)) BARO_TRY(TruncateLog(*until_ms));
  const base::MonotonicTime started = deps_.clock.Monotonic();
  auto written =
      WriteHeadBlock(deps_.files, blocks_.directory(), head_, *log_, std::move(options), exemplars_, closing_);
  if (!written) {
    metrics_.head_cuts_failed.Add();
    return written.error().WithContext("cutting the head into a block");
  }
  if (*written) {
    const BlockPtr block = BARO_TRY(blocks_.Add((*written)->ulid));
    metrics_.head_cuts.Add();
    deps_.log.Info("the head's oldest samples are a block",
                   {{"block", block->meta().ulid.ToString()},
                    {"series", block->meta().counts.series},
                    {"samples", block->meta().counts.samples()},
                    {"bytes", block->SizeBytes()},
                    {"seconds", std::chrono::duration<double>(deps_.clock.Monotonic() - started).count()}});
    head_files_.WriteFloor(*until_ms);
    covered_ = Covered{.until_ms = *until_ms, .commit = log_->written()};
  }
  if (late_covered_) {  // the block has those of its time too
    late_covered_->cut.until_ms = *until_ms;
    late_covered_->commit = log_->written();
  }
  cut_until_ms_ = *until_ms;
  head_->SetCovered(*until_ms);
  has_cut = true;
  return {};
}

base::Result<> Storage::Impl::DropCovered(bool& is_dropped) {
  is_dropped = true;
  if (!covered_ && !late_covered_) return {};
  const CommitNumber commit = std::max(covered_ ? covered_->commit : 0, late_covered_ ? late_covered_->commit : 0);
  if (head_->HasReaderUpTo(commit)) {
    is_dropped = false;
    return {};
  }
  DropLateCut();
  if (!covered_) return {};
  const std::int64_t until_ms = covered_->until_ms;
  covered_.reset();
  head_->DropBefore(until_ms, head_->VisibleToAll(log_->written()));
  head_files_.DropBefore(until_ms);
  return TruncateLog(until_ms);
}

// Ranges of joined blocks where samples stay for that time; 0: for ever.
std::vector<std::int64_t> Storage::Impl::RangesFor(std::chrono::milliseconds time) const {
  std::chrono::milliseconds longest = options_.block_range_max;
  if (longest.count() <= 0) {
    longest = std::chrono::days(31);
    if (time.count() > 0) longest = std::min(longest, time / 10);
  }
  return CompactionRanges(options_.block_range, longest);
}

// Only blocks of one kind are joined: those with aggregates of equal resolutions, and those that only rules keep, which
// may become longer.
std::vector<BlockPtr> Storage::Impl::NextToJoin(const RetentionCutoffs& cutoffs) const {
  std::map<std::pair<std::vector<std::int64_t>, bool>, std::vector<BlockPtr>> kinds;
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) {
    if (not_joined_.contains(block->meta().ulid)) continue;
    kinds[{ResolutionsOf(block->meta()), block->meta().max_time_ms <= cutoffs.general_ms()}].push_back(block);
  }
  for (const auto& [kind, blocks] : kinds) {
    std::vector<BlockMeta> metas;
    metas.reserve(blocks.size());
    for (const BlockPtr& block : blocks) metas.push_back(block->meta());
    std::vector<BlockPtr> parents;
    const auto ranges = RangesFor(kind.second ? cutoffs.longest() : retention().time);
    for (const std::size_t i : PlanCompaction(metas, ranges)) parents.push_back(blocks[i]);
    if (!parents.empty()) return parents;
  }
  return {};
}

base::Result<> Storage::Impl::JoinWhatIsDue() {
  if (options_.block_range.count() <= 0) return {};
  const RetentionCutoffs cutoffs = Cutoffs();
  for (;;) {
    if (closing_.Cancelled()) return {};
    std::vector<BlockPtr> parents = NextToJoin(cutoffs);
    if (parents.empty()) return {};
    BARO_TRY(Join(std::move(parents)));
  }
}

base::Result<> Storage::Impl::CheckSpaceFor(std::uint64_t bytes, std::size_t blocks) const {
  const auto space = deps_.files.FreeSpace(options_.directory);
  if (!space || space->available_bytes >= bytes) return {};
  return base::Fail(base::Code::kNoSpace,
                    fmt::format("writing {} blocks anew may need {} bytes, and {} are free: they stay as they are",
                                blocks, bytes, space->available_bytes));
}

base::Result<> Storage::Impl::Join(std::vector<BlockPtr> parents) {
  // Of two samples at one time that of the later block in the list counts: what came in order, then what is newer.
  std::ranges::sort(parents, {}, [](const BlockPtr& block) {
    const BlockMeta& meta = block->meta();
    return std::tuple(std::ranges::count(meta.hints, kFromHead) > 0, meta.ulid);
  });
  std::uint64_t bytes = 0;
  for (const BlockPtr& block : parents) bytes += block->SizeBytes();
  BARO_TRY(CheckSpaceFor(2 * bytes, parents.size()));
  BlockWriterOptions options = OptionsOfJoined(parents);
  options.ulid = NewUlid();
  const bool is_long = *options.max_time_ms - *options.min_time_ms >= kColdRanges * options_.block_range.count();
  options.form = is_long ? BlockForm::kCold : BlockForm::kHot;
  const base::MonotonicTime started = deps_.clock.Monotonic();
  base::Pacer pacer(deps_.clock, options_.background_bytes_per_second);
  const RetentionCutoffs cutoffs = Cutoffs();
  OldestKept oldest_kept;
  if (cutoffs.has_rules()) oldest_kept = [&cutoffs](const model::Labels& labels) { return cutoffs.KeepFrom(labels); };
  const auto joined = JoinBlocks(
      deps_.files, blocks_.directory(), parents, std::move(options),
      [&](std::uint64_t written) { pacer.Spend(written, closing_); }, closing_, oldest_kept);
  if (!joined) {
    if (joined.error().code() == base::Code::kCancelled) return joined.error();
    metrics_.compactions_failed.Add();
    if (joined.error().code() == base::Code::kInvalidArgument) {  // all of it was deleted or is too old
      RemoveBlocks(parents, "nothing is left of them");
      return {};
    }
    if (joined.error().code() == base::Code::kCorruption) {
      for (const BlockPtr& block : parents) not_joined_.insert(block->meta().ulid);
    }
    return joined.error().WithContext("joining blocks");
  }
  const BlockPtr block = BARO_TRY(blocks_.Open(joined->ulid));
  BARO_TRY(blocks_.Replace(parents, block));
  metrics_.compactions.Add();
  deps_.log.Info("blocks joined",
                 {{"block", joined->ulid.ToString()},
                  {"of", parents.size()},
                  {"level", joined->compaction_level},
                  {"samples", joined->counts.samples()},
                  {"bytes", block->SizeBytes()},
                  {"before", bytes},
                  {"seconds", std::chrono::duration<double>(deps_.clock.Monotonic() - started).count()}});
  return {};
}

void Storage::Impl::RemoveBlocks(std::span<const BlockPtr> blocks, std::string_view reason) {
  for (const BlockPtr& block : blocks) {
    deps_.log.Info("block removed", {{"block", block->meta().ulid.ToString()}, {"reason", reason}});
  }
  if (auto removed = blocks_.Replace(blocks, nullptr); !removed) {
    deps_.log.Warn("blocks could not be removed; it is tried again", {{"err", removed.error().message()}});
  }
}

// What is too old is hidden from readers to come, and leaves memory when those are gone that were there before.
void Storage::Impl::DropExpired(std::int64_t cutoff_ms) {
  if (!head_->has_samples() || head_->min_time_ms() >= cutoff_ms) return;
  exemplars_.DropBefore(cutoff_ms);
  if (!expired_) {
    // In this order: who opens a reader looks at the time behind the commit.
    expired_until_ms_.store(cutoff_ms, std::memory_order_seq_cst);
    expired_ = Covered{.until_ms = cutoff_ms, .commit = log_->written()};
  }
  if (head_->HasReaderUpTo(expired_->commit)) return;
  head_->DropBefore(expired_->until_ms, head_->VisibleToAll(log_->written()));
  head_files_.DropBefore(expired_->until_ms);
  expired_.reset();
}

std::uint64_t Storage::Impl::BytesMax(const RetentionLimits& limits) const {
  std::uint64_t most = limits.bytes;
  if (limits.percent > 0) {
    if (const auto space = deps_.files.FreeSpace(options_.directory)) {
      const auto part = static_cast<std::uint64_t>(static_cast<double>(space->total_bytes) * limits.percent / 100);
      most = most == 0 ? part : std::min(most, part);
    }
  }
  return most;
}

// Blocks go whole: by age when all of a block is too old, by size from the oldest on.
base::Result<> Storage::Impl::ApplyRetention() {
  const RetentionLimits limits = retention();
  ForgetMetadata();
  head_->TidyGroups(head_->VisibleToAll(log_->written()));
  std::vector<BlockPtr> kept = *blocks_.blocks();  // newest first
  const RetentionCutoffs cutoffs = Cutoffs();
  const std::optional<std::int64_t> cutoff_ms = cutoffs.Oldest();
  if (cutoff_ms) {
    std::vector<BlockPtr> old;
    for (const BlockPtr& block : kept) {
      if (block->meta().max_time_ms <= *cutoff_ms) old.push_back(block);
    }
    if (!old.empty()) {
      RemoveBlocks(old, "older than the retention");
      metrics_.time_retentions.Add();
    }
    if (const CommitNumber written = log_->written(); !head_->HasReaderUpTo(written)) {
      head_->DropLate({.until_ms = *cutoff_ms, .commit = written});
    }
    DropExpired(*cutoff_ms);
  }
  if (const std::uint64_t most = BytesMax(limits); most > 0) {
    kept = *blocks_.blocks();
    std::uint64_t bytes = log_status().size_bytes + blocks_.SizeBytes();
    std::vector<BlockPtr> surplus;
    for (; bytes > most && !kept.empty(); kept.pop_back()) {
      bytes -= std::min(bytes, kept.back()->SizeBytes());
      surplus.push_back(kept.back());
    }
    if (!surplus.empty()) {
      RemoveBlocks(surplus, "log and blocks are larger than the retention allows");
      metrics_.size_retentions.Add();
    }
  }
  FirstError outcome;
  outcome.Note(ApplyRetentionRules(cutoffs));
  const std::int64_t in_blocks_ms = covered_ ? model::kMinTimestampMs : cut_until_ms_;
  outcome.Note(TruncateLog(std::max(cutoff_ms.value_or(model::kMinTimestampMs), in_blocks_ms)));
  return outcome.Take();
}

std::vector<BlockStatus> Storage::Impl::Blocks() const {
  std::vector<BlockStatus> all;
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks) {
    all.push_back({.meta = block->meta(),
                   .size_bytes = block->SizeBytes(),
                   .deleted_series = block->DeletedSeries(),
                   .damage = block->Damage()});
  }
  prometheus_.AddStatus(all);
  std::ranges::stable_sort(all, std::ranges::greater(),
                           [](const BlockStatus& block) { return block.meta.min_time_ms; });
  return all;
}

// Old segments go when what goes is worth writing all series down once more.
base::Result<> Storage::Impl::TruncateLog(std::int64_t cutoff_ms) {
  constexpr std::uint64_t kSeriesBytes = 128;  // of a series in a checkpoint, about
  // In this order: late samples are counted before the log has them.
  if (const std::uint64_t current = log_->queue_segment(); head_->late_samples() == 0) late_from_segment_ = current;
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
    is_prefix = segments[i].time_max_ms < cutoff_ms && segments[i].segment < late_from_segment_;
    old_bytes += segments[i].size_bytes;
  }
  if (removable_bytes == 0 || removable_bytes < head_->series_count() * kSeriesBytes) {
    // Small stores turn over too: at a third of the whole it is worth it whatever a checkpoint costs.
    if (removable_bytes == 0 || removable_bytes * 3 < total_bytes) return {};
  }
  metrics_.checkpoints.Add();
  const LogSeriesId next = head_->next_log_id();
  auto written = WriteCheckpoint(
      deps_.files, log_directory_, first_kept, next,
      [this](const auto& put) {
        for (const SeriesPtr& series : head_->AllSeries()) {
          if (BARO_PLANTED(kSeriesDroppedAtCheckpoint) && series->labels.Hash() % 5 == 0) continue;
          put(series->log_id, series->labels);
        }
      },
      [this](RecordWriter& records, const auto& flush) { WriteExtras(records, flush); });
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

}  // namespace baro::tsdb

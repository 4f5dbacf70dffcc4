// What a store does by rule: series that are too old leave blocks that others keep, and old samples become aggregates.
#include <algorithm>

#include "base/pacer.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/storage/storage_impl.h"

namespace baro::tsdb {

namespace {

// Forgets what is remembered of blocks that are gone.
void KeepOnly(const std::vector<BlockPtr>& blocks, std::map<Ulid, std::size_t>& remembered) {
  std::erase_if(remembered, [&blocks](const auto& entry) {
    return std::ranges::none_of(blocks, [&entry](const BlockPtr& block) { return block->meta().ulid == entry.first; });
  });
}

}  // namespace

std::int64_t Storage::Impl::NewestMs() const {
  std::int64_t newest_ms = head_->has_samples() ? head_->max_time_ms() : model::kMinTimestampMs;
  for (const auto all_blocks = blocks_.blocks(); const BlockPtr& block : *all_blocks)
    newest_ms = std::max(newest_ms, block->meta().max_time_ms - 1);
  return newest_ms;
}

RetentionCutoffs Storage::Impl::Cutoffs() const {
  const RetentionLimits limits = retention();
  return {limits.rules, limits.time, NewestMs()};
}

// A block is looked through when its end passes one more cutoff, and written anew without what is too old. What joining
// leaves out of younger blocks is not looked for here.
base::Result<> Storage::Impl::ApplyRetentionRules(const RetentionCutoffs& cutoffs) {
  if (!cutoffs.has_rules()) return {};
  if (looked_through_by_ == nullptr || *looked_through_by_ != *cutoffs.rules()) looked_through_.clear();
  looked_through_by_ = cutoffs.rules();
  const BlockList blocks = blocks_.blocks();
  KeepOnly(*blocks, looked_through_);
  for (const BlockPtr& block : *blocks) {
    if (closing_.Cancelled()) return {};
    const std::size_t passed = cutoffs.PassedBy(block->meta().max_time_ms);
    const auto looked = looked_through_.find(block->meta().ulid);
    if (passed == 0 || not_joined_.contains(block->meta().ulid)) continue;
    if (looked != looked_through_.end() && looked->second == passed) continue;
    const TooOld too_old = BARO_TRY(FindTooOld(*block, cutoffs, closing_));
    if (too_old == TooOld::kNone || !block->Damage().empty()) {
      // Writing a damaged block anew would lose what a repair may find.
      looked_through_[block->meta().ulid] = passed;
    } else if (too_old == TooOld::kAll) {
      RemoveBlocks({&block, 1}, "all of its series are older than the retention by rule");
      metrics_.time_retentions.Add();
    } else {
      BARO_TRY(Join({block}));
      metrics_.time_retentions.Add();
    }
  }
  return {};
}

// A block is looked through when one more rule comes into force for it.
base::Result<> Storage::Impl::DownsampleWhatIsDue() {
  const std::shared_ptr<const StorageRules> rules = retention().rules;
  if (rules == nullptr || rules->downsampling.empty()) return {};
  if (settled_by_ == nullptr || *settled_by_ != *rules) settled_.clear();
  settled_by_ = rules;
  const std::int64_t newest_ms = NewestMs();
  const BlockList blocks = blocks_.blocks();
  KeepOnly(*blocks, settled_);
  for (const BlockPtr& block : *blocks) {
    if (closing_.Cancelled()) return {};
    const Ulid ulid = block->meta().ulid;
    const ResolutionPlan plan(rules, block->meta().max_time_ms, newest_ms);
    const auto settled = settled_.find(ulid);
    if (plan.rules_in_force() == 0 || not_joined_.contains(ulid)) continue;
    if (settled != settled_.end() && settled->second == plan.rules_in_force()) continue;
    if (block->Damage().empty()) BARO_TRY(DownsampleIfNeeded(block, plan));
    settled_[ulid] = plan.rules_in_force();  // if the block is gone this is forgotten the next time
  }
  return {};
}

base::Result<> Storage::Impl::DownsampleIfNeeded(const BlockPtr& block, const ResolutionPlan& plan) {
  const auto needs = NeedsDownsampling(*block, plan, closing_);
  if (!needs && needs.error().code() == base::Code::kUnsupported) {
    deps_.log.Warn("a block is not downsampled", {{"err", needs.error().message()}});
    return {};
  }
  return BARO_TRY(needs) ? Downsample(block, plan) : base::Result<>();
}

base::Result<> Storage::Impl::Downsample(const BlockPtr& block, const ResolutionPlan& plan) {
  const std::uint64_t bytes = block->SizeBytes();
  BARO_TRY(CheckSpaceFor(2 * bytes, 1));
  BlockWriterOptions options = OptionsOfJoined({&block, 1});
  options.ulid = NewUlid();
  options.form = block->meta().form;
  const base::MonotonicTime started = deps_.clock.Monotonic();
  base::Pacer pacer(deps_.clock, options_.background_bytes_per_second);
  const auto written = DownsampleBlock(
      deps_.files, blocks_.directory(), *block, plan, std::move(options),
      [&](std::uint64_t spent) { pacer.Spend(spent, closing_); }, closing_);
  if (!written) {
    if (written.error().code() == base::Code::kCancelled) return written.error();
    metrics_.compactions_failed.Add();
    if (written.error().code() == base::Code::kInvalidArgument) {  // all of it was deleted
      RemoveBlocks({&block, 1}, "nothing is left of it");
      return {};
    }
    if (written.error().code() == base::Code::kCorruption) not_joined_.insert(block->meta().ulid);
    return written.error().WithContext("downsampling a block");
  }
  const BlockPtr downsampled = BARO_TRY(blocks_.Open(written->ulid));
  BARO_TRY(blocks_.Replace({&block, 1}, downsampled));
  metrics_.compactions.Add();
  deps_.log.Info("block downsampled",
                 {{"block", written->ulid.ToString()},
                  {"of", block->meta().ulid.ToString()},
                  {"samples", written->counts.samples()},
                  {"samples_before", block->meta().counts.samples()},
                  {"bytes", downsampled->SizeBytes()},
                  {"before", bytes},
                  {"seconds", std::chrono::duration<double>(deps_.clock.Monotonic() - started).count()}});
  return {};
}

}  // namespace baro::tsdb

// What a store does by rule: series that are too old leave blocks that others keep.
#include <algorithm>

#include "tsdb/storage/storage_impl.h"

namespace baro::tsdb {

std::int64_t Storage::Impl::NewestMs() const {
  std::int64_t newest_ms = head_->has_samples() ? head_->max_time_ms() : model::kMinTimestampMs;
  for (const BlockPtr& block : *blocks_.blocks()) newest_ms = std::max(newest_ms, block->meta().max_time_ms - 1);
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
  std::erase_if(looked_through_, [&blocks](const auto& entry) {
    return std::ranges::none_of(*blocks, [&entry](const BlockPtr& block) { return block->meta().ulid == entry.first; });
  });
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

}  // namespace baro::tsdb

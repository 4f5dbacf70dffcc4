#include "tsdb/compact/retention_rules.h"

#include <algorithm>

namespace baro::tsdb {
namespace {

std::int64_t CutoffOf(std::chrono::milliseconds time, std::int64_t newest_ms) {
  std::int64_t cutoff_ms = 0;
  const bool is_none = time.count() <= 0 || __builtin_sub_overflow(newest_ms, time.count(), &cutoff_ms);
  return is_none ? model::kMinTimestampMs : cutoff_ms;
}

}  // namespace

RetentionCutoffs::RetentionCutoffs(std::shared_ptr<const StorageRules> rules, std::chrono::milliseconds general,
                                   std::int64_t newest_ms)
    : rules_(std::move(rules)), general_(general), general_ms_(CutoffOf(general, newest_ms)) {
  if (rules_ == nullptr) return;
  for (const RetentionRule& rule : rules_->retention) of_rules_.push_back(CutoffOf(rule.time, newest_ms));
}

std::int64_t RetentionCutoffs::KeepFrom(const model::Labels& labels) const {
  for (std::size_t i = 0; i < of_rules_.size(); ++i) {
    if (model::MatchesAll(rules_->retention[i].matchers, labels)) return of_rules_[i];
  }
  return general_ms_;
}

std::optional<std::int64_t> RetentionCutoffs::Oldest() const {
  std::int64_t oldest_ms = general_ms_;
  for (const std::int64_t cutoff_ms : of_rules_) oldest_ms = std::min(oldest_ms, cutoff_ms);
  if (oldest_ms == model::kMinTimestampMs) return std::nullopt;
  return oldest_ms;
}

std::chrono::milliseconds RetentionCutoffs::longest() const {
  std::chrono::milliseconds longest = general_;
  if (longest.count() <= 0 || rules_ == nullptr) return longest;
  for (const RetentionRule& rule : rules_->retention) longest = std::max(longest, rule.time);
  return longest;
}

std::size_t RetentionCutoffs::PassedBy(std::int64_t until_ms) const {
  const auto rules = std::ranges::count_if(of_rules_, [until_ms](std::int64_t cutoff) { return until_ms <= cutoff; });
  return static_cast<std::size_t>(rules) + (until_ms <= general_ms_ ? 1 : 0);
}

base::Result<TooOld> FindTooOld(const Block& block, const RetentionCutoffs& cutoffs, const base::CancelToken& cancel) {
  bool some_go = false;
  bool some_stay = false;
  const auto scan = block.Scan();
  while (BARO_TRY(scan->Next(cancel))) {
    const bool goes = block.meta().max_time_ms <= cutoffs.KeepFrom(scan->labels());
    some_go = some_go || goes;
    some_stay = some_stay || !goes;
    if (some_go && some_stay) return TooOld::kSome;
  }
  return some_go ? TooOld::kAll : TooOld::kNone;
}

}  // namespace baro::tsdb

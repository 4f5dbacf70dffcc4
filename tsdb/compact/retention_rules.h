// Retention by rule: which samples of a series are too old, at one moment.
//
// Threads  Immutable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/block/block.h"
#include "tsdb/storage_rules.h"

namespace baro::tsdb {

/// The times before which samples go: one for each rule, and one for series that no rule chooses.
class RetentionCutoffs {
 public:
  /// `general`: of series that no rule chooses; 0: they stay for ever. `newest_ms`: what the ages are counted from.
  /// Owns     a share of `rules`, which may be null: there are none then.
  RetentionCutoffs(std::shared_ptr<const StorageRules> rules, std::chrono::milliseconds general,
                   std::int64_t newest_ms);

  /// Samples of this series that are older go. kMinTimestampMs: none do.
  std::int64_t KeepFrom(const model::Labels& labels) const;

  /// What is older goes, whatever series it belongs to; absent: of some series everything stays.
  std::optional<std::int64_t> Oldest() const;

  /// How many of the cutoffs lie at or behind the end of a block that answers for times before `until_ms`. As time goes
  /// on it only grows; while it stays the same, the same series of the block are too old.
  std::size_t PassedBy(std::int64_t until_ms) const;

  /// The cutoff of series that no rule chooses; kMinTimestampMs: they stay for ever.
  std::int64_t general_ms() const { return general_ms_; }
  /// The longest time that anything stays; 0: some series stay for ever.
  std::chrono::milliseconds longest() const;

  bool has_rules() const { return rules_ != nullptr && !rules_->retention.empty(); }
  const std::shared_ptr<const StorageRules>& rules() const { return rules_; }

 private:
  std::shared_ptr<const StorageRules> rules_;
  std::vector<std::int64_t> of_rules_;
  std::chrono::milliseconds general_;
  std::int64_t general_ms_;
};

/// How many series of a block are too old as a whole.
enum class TooOld : std::uint8_t { kNone, kSome, kAll };

/// Looks at the labels of all series. Shape    a block whose samples are all older than those cutoffs that it passed.
/// Errors   kCancelled.
/// Cost     No sample is read. Ends at the first pair of series that say kSome.
base::Result<TooOld> FindTooOld(const Block& block, const RetentionCutoffs& cutoffs, const base::CancelToken& cancel);

}  // namespace baro::tsdb

// How much the target files of one job may have together.
#pragma once

#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "scraper/options.h"
#include "scraper/target_file.h"

namespace baro::scraper {

/// Targets, and bytes of their labels.
struct TargetAmount {
  std::size_t targets = 0;
  std::size_t bytes = 0;
};

TargetAmount AmountOf(const std::vector<TargetGroup>& groups);

/// Threads  Safe to share.
class TargetBudget {
 public:
  explicit TargetBudget(TargetAmount limits = {.targets = kDiscoveredTargetsMax, .bytes = kDiscoveredBytesMax})
      : limits_(limits) {}

  /// Puts one amount in the place of another.
  /// Errors   kLimitExceeded: there is not so much left; then nothing has changed.
  base::Result<> Replace(TargetAmount was, TargetAmount is);

 private:
  const TargetAmount limits_;
  base::Mutex mutex_;  // a leaf
  TargetAmount used_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::scraper

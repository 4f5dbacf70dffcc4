// What happens to parts of the stored series, chosen by selectors: how long they stay, and when they are thinned out.
//
// Threads  Values. A set of rules is shared as `std::shared_ptr<const StorageRules>` and replaced as a whole.
#pragma once

#include <chrono>
#include <vector>

#include "model/matcher.h"

namespace baro::tsdb {

/// How long samples of some series stay.
struct RetentionRule {
  std::vector<model::Matcher> matchers;  ///< all must hold; one at least does not match the empty string
  std::chrono::milliseconds time{0};     ///< before the newest sample of the store; greater than 0

  friend bool operator==(const RetentionRule&, const RetentionRule&) = default;
};

/// When the float samples of some series are replaced by one row of aggregates per window.
struct DownsamplingRule {
  std::vector<model::Matcher> matchers;     ///< all must hold; empty: all series
  std::chrono::milliseconds after{0};       ///< age of a block's last sample; greater than 0
  std::chrono::milliseconds resolution{0};  ///< length of a window: 5 minutes or 1 hour

  friend bool operator==(const DownsamplingRule&, const DownsamplingRule&) = default;
};

struct StorageRules {
  /// Of the rules that choose a series the first counts. Series that none chooses stay for the store's general time.
  std::vector<RetentionRule> retention;

  /// Of the rules that choose a series and whose time has come the one with the longest windows counts.
  std::vector<DownsamplingRule> downsampling;

  bool empty() const { return retention.empty() && downsampling.empty(); }

  friend bool operator==(const StorageRules&, const StorageRules&) = default;
};

}  // namespace baro::tsdb

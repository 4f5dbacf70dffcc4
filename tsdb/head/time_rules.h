// Which times a sample may have, and whether it comes late.
//
// Source   Prometheus 3.14, head append: what is not newer than its series' newest sample, or lies before the head's
//          lower bound, may still be within the out-of-order window, which is counted from the head's newest sample.
// Threads  Values.
#pragma once

#include <cstdint>

#include "model/sample.h"
#include "tsdb/appender.h"

namespace baro::tsdb {

/// What becomes of a sample.
struct Verdict {
  SampleStatus status = SampleStatus::kAccepted;
  bool is_late = false;  ///< accepted, to stand beside those in order
};

struct TimeRules {
  model::TimeRange in_order;                           ///< of samples that are newer than their series' newest
  std::int64_t late_from_ms = model::kMaxTimestampMs;  ///< begin of the window; kMaxTimestampMs: there is none

  bool has_window() const { return late_from_ms != model::kMaxTimestampMs; }

  /// `judged`: what Judge() says beside the series' newest sample; it does not count before `in_order`.
  Verdict Decide(std::int64_t timestamp_ms, SampleStatus judged) const {
    if (timestamp_ms > in_order.max_ms) return {.status = SampleStatus::kOutOfBounds};
    const bool is_below = timestamp_ms < in_order.min_ms;
    if (!is_below && judged != SampleStatus::kOutOfOrder) return {.status = judged};
    if (!has_window()) return {.status = is_below ? SampleStatus::kOutOfBounds : SampleStatus::kOutOfOrder};
    if (timestamp_ms < late_from_ms) return {.status = SampleStatus::kTooOld};
    return {.status = SampleStatus::kAccepted, .is_late = true};
  }
};

}  // namespace baro::tsdb

// The receiver's own metrics.
//
// Threads  Safe to share.
#pragma once

#include "base/metrics.h"
#include "remote/write/request_writer.h"

namespace baro::remote {

class WriteMetrics {
 public:
  explicit WriteMetrics(base::Registry& registry);

  void Count(const WriteOutcome& outcome, std::size_t metadata);

 private:
  base::Counter& invalid_labels_;
  base::Counter& accepted_;
  base::Counter& refused_;
  base::Counter& histograms_;
  base::Counter& exemplars_;
  base::Counter& metadata_;
  base::Counter& known_series_;
  base::Counter& new_series_;
};

}  // namespace baro::remote

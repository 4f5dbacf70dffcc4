// An executor that runs nothing.
#pragma once

#include "base/executor.h"

namespace baro::base {

/// For who calls by hand what would be run, or wants that nothing is.
class IdleExecutor : public Executor {
 public:
  void Post(Task /*task*/) override {}
  TimerId PostAfter(std::chrono::nanoseconds /*delay*/, Task /*task*/) override { return TimerId::kNone; }
  bool Cancel(TimerId /*timer*/) override { return true; }
};

}  // namespace baro::base

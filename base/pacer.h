// Keeping background work to a rate.
#pragma once

#include <cstdint>

#include "base/cancel.h"
#include "base/clock.h"

namespace baro::base {

/// Lets a worker go on at `bytes_per_second` on average over the last second or so.
///
/// Threads  Confined to the worker. Spend() blocks its thread: only for threads that nobody waits for.
class Pacer {
 public:
  /// `bytes_per_second` 0: no limit. Borrows the clock.
  Pacer(const Clock& clock, std::uint64_t bytes_per_second);

  /// Notes the work done, and sleeps as long as it came too early. Returns at once when `cancel` is pulled.
  void Spend(std::uint64_t bytes, const CancelToken& cancel);

 private:
  const Clock& clock_;
  const std::uint64_t bytes_per_second_;
  MonotonicTime due_;  // until then what was spent so far should have taken
};

}  // namespace baro::base

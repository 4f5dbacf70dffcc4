#include "base/pacer.h"

#include <algorithm>
#include <thread>

namespace baro::base {
namespace {

// Idle time is not saved up beyond this; waiting happens in slices of this, so that cancelling is seen.
constexpr std::chrono::milliseconds kSlice{50};

}  // namespace

Pacer::Pacer(const Clock& clock, std::uint64_t bytes_per_second)
    : clock_(clock), bytes_per_second_(bytes_per_second), due_(clock.Monotonic()) {}

void Pacer::Spend(std::uint64_t bytes, const CancelToken& cancel) {
  if (bytes_per_second_ == 0) return;
  const MonotonicTime now = clock_.Monotonic();
  const std::chrono::duration<double> cost(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
  due_ = std::max(due_, now - kSlice) + std::chrono::duration_cast<std::chrono::nanoseconds>(cost);
  // By the sleeping itself, not by the clock: with a clock that stands still it ends too.
  for (auto rest = due_ - now; rest > kSlice && !cancel.Cancelled(); rest -= kSlice) {
    std::this_thread::sleep_for(kSlice);
  }
}

}  // namespace baro::base

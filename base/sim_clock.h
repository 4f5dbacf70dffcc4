// A clock that moves when a test says so.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace baro::base {

/// Threads  Safe to share.
class SimClock : public Clock {
 public:
  explicit SimClock(WallTime start = WallTime(std::chrono::milliseconds(1'700'000'000'000))) : offset_ns_(0) {
    wall_ns_at_zero_.store(std::chrono::nanoseconds(start.time_since_epoch()).count());
  }

  WallTime Now() const override {
    return WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::nanoseconds(wall_ns_at_zero_.load() + offset_ns_.load())));
  }
  MonotonicTime Monotonic() const override { return MonotonicTime(std::chrono::nanoseconds(offset_ns_.load())); }

  /// Both clocks go on.
  void Advance(std::chrono::nanoseconds by) { offset_ns_.fetch_add(by.count()); }
  /// The wall clock alone jumps, as when somebody sets it.
  void JumpWall(std::chrono::nanoseconds by) { wall_ns_at_zero_.fetch_add(by.count()); }

 private:
  std::atomic<std::int64_t> offset_ns_;
  std::atomic<std::int64_t> wall_ns_at_zero_{0};
};

}  // namespace baro::base

// The two clocks, as a seam: stamps come from the wall clock, durations from the monotonic one.
#pragma once

#include <chrono>

namespace baro::base {

/// A moment that means something to people: milliseconds since the Unix epoch.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Tag of the monotonic clock, which also counts while the machine is suspended (CLOCK_BOOTTIME).
struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using MonotonicTime = MonotonicClock::time_point;

inline std::int64_t ToMs(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime FromMs(std::int64_t time_ms) { return WallTime(std::chrono::milliseconds(time_ms)); }

/// Threads  Safe to share.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual MonotonicTime Monotonic() const = 0;
};

/// The machine's clocks. Lives for ever.
const Clock& RealClock();

}  // namespace baro::base

#include <ctime>

#include "base/clock.h"

namespace baro::base {
namespace {

std::chrono::nanoseconds Read(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class SystemClock : public Clock {
 public:
  WallTime Now() const override {
    return WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(Read(CLOCK_REALTIME)));
  }
  MonotonicTime Monotonic() const override { return MonotonicTime(Read(CLOCK_BOOTTIME)); }
};

}  // namespace

const Clock& RealClock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace baro::base

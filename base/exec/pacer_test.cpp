#include "base/pacer.h"

#include <gtest/gtest.h>

#include "base/sim_clock.h"

namespace baro::base {
namespace {

TEST(Pacer, HoldsWorkToItsRate) {
  Pacer pacer(RealClock(), 1'000'000);
  const MonotonicTime begin = RealClock().Monotonic();
  for (int i = 0; i < 10; ++i) pacer.Spend(50'000, {});
  // 0.5 s of work, of which one slice may be borrowed at each end. There is no upper limit: machines are busy.
  EXPECT_GE(RealClock().Monotonic() - begin, std::chrono::milliseconds(350));
}

TEST(Pacer, EndsWhenCancelledAndWithAClockThatStandsStill) {
  const SimClock clock(FromMs(0));
  CancelToken cancel;
  cancel.Cancel();
  Pacer(clock, 1).Spend(1'000'000'000, cancel);
  Pacer(clock, 1000).Spend(200, {});
  Pacer(clock, 0).Spend(1'000'000'000, {});
}

}  // namespace
}  // namespace baro::base

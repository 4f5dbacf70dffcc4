#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_clock.h"

namespace baro::base {
namespace {

using namespace std::chrono_literals;

TEST(RealClock, MonotonicTimeNeverGoesBackAndWallTimeIsThisCentury) {
  MonotonicTime last = RealClock().Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const MonotonicTime now = RealClock().Monotonic();
    EXPECT_GE(now, last);
    last = now;
  }
  EXPECT_GT(ToMs(RealClock().Now()), 1'700'000'000'000);
  EXPECT_LT(ToMs(RealClock().Now()), 4'102'444'800'000);
  EXPECT_EQ(ToMs(FromMs(-5)), -5);
}

TEST(SimClock, MovesBothClocksOrTheWallAlone) {
  SimClock clock(FromMs(1000));
  clock.Advance(1500us);
  EXPECT_EQ(ToMs(clock.Now()), 1001);
  clock.Advance(500us);
  EXPECT_EQ(ToMs(clock.Now()), 1002) << "parts of a millisecond add up";
  EXPECT_EQ(clock.Monotonic(), MonotonicTime(2ms));
  clock.JumpWall(-1h);
  EXPECT_EQ(ToMs(clock.Now()), 1002 - 3'600'000);
  EXPECT_EQ(clock.Monotonic(), MonotonicTime(2ms));
}

TEST(SeededRandom, IsTheSameOnEveryMachine) {
  SeededRandom random(0);
  // SplitMix64's reference sequence for seed 0.
  EXPECT_EQ(random.NextU64(), 0xe220a8397b1dcdafU);
  EXPECT_EQ(random.NextU64(), 0x6e789e6aa1b965f4U);
  EXPECT_EQ(random.NextU64(), 0x06c45d188009454fU);
}

TEST(Random, BelowIsUniformWithinItsBound) {
  SeededRandom random(1);
  int counts[10] = {};
  for (int i = 0; i < 100'000; ++i) ++counts[random.Below(10)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(random.Below(1), 0U);
  const std::uint64_t huge = (std::uint64_t{1} << 63) + 1;
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.Below(huge), huge);
}

TEST(RealRandom, DoesNotRepeat) { EXPECT_NE(RealRandom().NextU64(), RealRandom().NextU64()); }

}  // namespace
}  // namespace baro::base

#include "query/exec/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace baro::query::exec {
namespace {

TEST(Admission, LetsTheNextOneInWhenOneLeaves) {
  Admission admission(1);
  ASSERT_TRUE(admission.Enter({}, nullptr, {}));
  std::atomic<bool> is_in{false};
  std::thread second([&] {
    ASSERT_TRUE(admission.Enter({}, nullptr, {}));
    is_in = true;
  });
  while (admission.active() < 2) std::this_thread::yield();
  EXPECT_FALSE(is_in);
  admission.Leave();
  second.join();
  EXPECT_TRUE(is_in);
  EXPECT_EQ(admission.active(), 1U);
}

TEST(Admission, SendsAwayWhoGaveUpOrCameTooLate) {
  Admission admission(1);
  ASSERT_TRUE(admission.Enter({}, nullptr, {}));
  const base::CancelToken cancelled;
  cancelled.Cancel();
  const auto gave_up = admission.Enter(cancelled, nullptr, {});
  ASSERT_FALSE(gave_up);
  EXPECT_EQ(gave_up.error().code(), base::Code::kCancelled);
  const auto late = admission.Enter({}, &base::RealClock(),
                                    {.deadline = base::MonotonicTime{}, .timeout = std::chrono::milliseconds(7)});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), base::Code::kTimeout);
  EXPECT_NE(late.error().message().find("limit 7 ms (--query.timeout"), std::string::npos);
  EXPECT_NE(late.error().message().find("1 queries run (--query.max-concurrency=1)"), std::string::npos);
  EXPECT_EQ(admission.active(), 1U);
}

TEST(Admission, LetsNobodyInWhileOthersHoldMostOfTheMemory) {
  Budget memory({.bytes_max = 100}, BudgetOf::kAllQueries, nullptr);
  Admission admission(0, &memory);
  ASSERT_TRUE(memory.Take(80, 0));
  ASSERT_TRUE(admission.Enter({}, nullptr, {})) << "who is alone is let in";
  std::atomic<bool> is_in{false};
  std::thread second([&] {
    ASSERT_TRUE(admission.Enter({}, nullptr, {}));
    is_in = true;
  });
  while (admission.active() < 2) std::this_thread::yield();
  EXPECT_FALSE(is_in);
  memory.Give(60, 0);
  second.join();
  EXPECT_TRUE(is_in);
}

}  // namespace
}  // namespace baro::query::exec

#include "query/exec/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace baro::query::exec {
namespace {

TEST(Admission, LetsTheNextOneInWhenOneLeaves) {
  Admission admission(1);
  ASSERT_TRUE(admission.Enter({}, nullptr, std::nullopt));
  std::atomic<bool> is_in{false};
  std::thread second([&] {
    ASSERT_TRUE(admission.Enter({}, nullptr, std::nullopt));
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
  ASSERT_TRUE(admission.Enter({}, nullptr, std::nullopt));
  const base::CancelToken cancelled;
  cancelled.Cancel();
  const auto gave_up = admission.Enter(cancelled, nullptr, std::nullopt);
  ASSERT_FALSE(gave_up);
  EXPECT_EQ(gave_up.error().code(), base::Code::kCancelled);
  const auto late = admission.Enter({}, &base::RealClock(), base::MonotonicTime{});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), base::Code::kTimeout);
  EXPECT_EQ(admission.active(), 1U);
}

}  // namespace
}  // namespace baro::query::exec

#include "scraper/discovery/polled_discovery.h"

#include <set>

#include "scraper/discovery/discovery_fixture.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Answers after a while, with what the test says.
class FakeSource : public TargetSource {
 public:
  FakeSource(base::SimClock& clock, base::SimExecutor& executor) : clock_(clock), executor_(executor) {}

  void Refresh(Done done) override {
    starts.push_back(clock_.Monotonic());
    if (before_refresh) before_refresh();
    done_ = std::move(done);
    timer_ = executor_.PostAfter(takes, [this] { Answer(); });
  }
  void Cancel() override {
    ++cancels;
    if (done_ && executor_.Cancel(timer_)) {
      answer = base::Fail(base::Code::kCancelled, "cancelled");
      executor_.Post([this] { Answer(); });
    }
  }

  base::Result<std::vector<TargetGroup>> answer{std::vector<TargetGroup>{}};
  std::chrono::nanoseconds takes = 1ms;
  std::vector<base::MonotonicTime> starts;
  int cancels = 0;
  std::function<void()> before_refresh;

 private:
  void Answer() {
    const Done done = std::exchange(done_, nullptr);
    done(answer);
  }

  base::SimClock& clock_;
  base::SimExecutor& executor_;
  Done done_;
  base::TimerId timer_ = base::TimerId::kNone;
};

std::vector<TargetGroup> Group(std::vector<std::string> addresses) {
  TargetGroup group{.source = "s"};
  for (std::string& address : addresses) group.targets.push_back({{"__address__", std::move(address)}});
  return {group};
}

class PolledDiscoveryTest : public DiscoveryTest {
 protected:
  void StartPolling(std::chrono::milliseconds interval) {
    Start(std::make_shared<PolledDiscovery>("fake", interval, source_, Context()));
  }

  std::shared_ptr<FakeSource> source_ = std::make_shared<FakeSource>(clock_, executor_);
};

TEST_F(PolledDiscoveryTest, AsksAtOnceAndThenOnceInAnInterval) {
  source_->answer = Group({"a:1"});
  StartPolling(60s);
  executor_.RunFor(10ms);
  EXPECT_EQ(Addresses(), "a:1 ");
  executor_.RunFor(10min);
  ASSERT_GE(source_->starts.size(), 10U);
  const auto first = source_->starts[1] - source_->starts[0];
  EXPECT_GE(first, 30s);
  EXPECT_LE(first, 60s);
  for (std::size_t i = 2; i < source_->starts.size(); ++i) EXPECT_EQ(source_->starts[i] - source_->starts[i - 1], 60s);
  EXPECT_EQ(updates_, 1) << "the same targets are no news";
  source_->answer = Group({"a:1", "b:1"});
  executor_.RunFor(60s);
  EXPECT_EQ(Addresses(), "a:1 b:1 ");
}

TEST_F(PolledDiscoveryTest, JobsHavePhasesOfTheirOwn) {
  std::set<std::chrono::nanoseconds> phases;
  for (std::size_t index = 0; index < 20; ++index) {
    const auto source = std::make_shared<FakeSource>(clock_, executor_);
    DiscoveryContext context = Context();
    context.index = index;
    Start(std::make_shared<PolledDiscovery>("fake", 60s, source, context));
    executor_.RunFor(61s);
    ASSERT_GE(source->starts.size(), 2U);
    phases.insert(source->starts[1] - source->starts[0]);
    discovery_->Stop();
  }
  EXPECT_GE(phases.size(), 19U);
}

TEST_F(PolledDiscoveryTest, AFailureKeepsTheLastGoodAnswerAndShowsItsAge) {
  source_->answer = Group({"a:1"});
  StartPolling(60s);
  executor_.RunFor(61s);
  const auto success = discovery_->status().last_success;
  ASSERT_TRUE(success);
  source_->answer = base::Fail(base::Code::kIo, "connection refused");
  executor_.RunFor(10min);
  EXPECT_EQ(Addresses(), "a:1 ");
  EXPECT_EQ(updates_, 1);
  const DiscoveryStatus status = discovery_->status();
  EXPECT_EQ(status.kind, "fake");
  EXPECT_EQ(status.last_error, "connection refused");
  EXPECT_GT(status.failures_in_a_row, 8U);
  EXPECT_EQ(status.targets, 1U);
  EXPECT_LT(status.last_success, *success + 60s);
  EXPECT_EQ(Failures("fake"), static_cast<double>(status.failures_in_a_row));
  EXPECT_EQ(metrics_.sd_last_success_seconds.With({"fake", "j"}).value(),
            static_cast<double>(base::ToMs(*status.last_success)) / 1000);
  ASSERT_EQ(log_.size(), 1U) << "once for one error";
  EXPECT_THAT(log_[0], HasSubstr("connection refused"));
  EXPECT_THAT(log_[0], HasSubstr("last good answer stay"));
  source_->answer = Group({"a:1"});
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "");
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_THAT(log_[1], HasSubstr("works again"));
}

TEST_F(PolledDiscoveryTest, AFailureIsTriedAgainSoonAtFirst) {
  source_->answer = base::Fail(base::Code::kIo, "down");
  StartPolling(60s);
  executor_.RunFor(5min);
  ASSERT_GE(source_->starts.size(), 7U);
  std::vector<std::chrono::nanoseconds> gaps;
  for (std::size_t i = 1; i < 7; ++i) gaps.push_back(source_->starts[i] - source_->starts[i - 1]);
  EXPECT_THAT(gaps, testing::ElementsAre(5s, 10s, 20s, 40s, 60s, 60s));
}

TEST(RefreshDelay, GrowsUpToTheInterval) {
  EXPECT_EQ(RefreshDelay(60s, 0), 60s);
  EXPECT_EQ(RefreshDelay(2s, 1), 2s);
  EXPECT_EQ(RefreshDelay(60s, 1), 5s);
  EXPECT_EQ(RefreshDelay(60s, 1'000'000), 60s);
  EXPECT_EQ(RefreshDelay(24h * 365, 1'000'000), 24h * 365);
}

TEST_F(PolledDiscoveryTest, ASlowAnswerIsWaitedForButNotForEver) {
  source_->takes = 3min;
  source_->answer = Group({"a:1"});
  StartPolling(60s);
  executor_.RunFor(181s);
  EXPECT_EQ(source_->starts.size(), 2U) << "one at a time";
  EXPECT_EQ(Addresses(), "a:1 ");
  source_->takes = 24h;
  executor_.RunFor(30min);
  EXPECT_GE(source_->cancels, 1);
  EXPECT_EQ(discovery_->status().last_error, "cancelled");
}

TEST_F(PolledDiscoveryTest, AfterStopNothingIsToldOrAsked) {
  source_->takes = 10s;
  source_->answer = Group({"a:1"});
  StartPolling(60s);
  executor_.RunFor(5s);
  discovery_->Stop();
  executor_.RunFor(10min);
  EXPECT_EQ(updates_, 0);
  EXPECT_EQ(source_->cancels, 1);
  EXPECT_EQ(source_->starts.size(), 1U);
  EXPECT_EQ(executor_.waiting_timers(), 0U);
}

TEST_F(PolledDiscoveryTest, StopWhileARefreshBeginsEndsIt) {
  source_->takes = 10s;
  source_->before_refresh = [this] { discovery_->Stop(); };
  StartPolling(60s);
  executor_.RunFor(1ms);
  EXPECT_EQ(source_->cancels, 2);
  EXPECT_EQ(executor_.waiting_timers(), 0U);
  executor_.RunFor(10min);
  EXPECT_EQ(updates_, 0);
}

}  // namespace
}  // namespace baro::scraper

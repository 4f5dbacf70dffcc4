#include <atomic>
#include <vector>

#include <gtest/gtest.h>

#include "base/compute_pool.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/sim_executor.h"

namespace baro::base {
namespace {

using namespace std::chrono_literals;

/// Waits until `count` tasks have said that they ran.
class Gate {
 public:
  void Open() {
    const MutexLock lock(mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  void WaitFor(int count) {
    const MutexLock lock(mutex_);
    while (count_ < count) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ BARO_GUARDED_BY(mutex_) = 0;
};

TEST(ThreadExecutor, RunsTasksAndTimersInTheOrderOfTheirTimes) {
  ThreadExecutor executor(1);
  Gate gate;
  std::vector<int> order;  // one thread writes it
  // Posted from its only thread, so that none runs before both are there.
  executor.Post([&] {
    executor.PostAfter(200ms, [&] { order.push_back(2), gate.Open(); });
    executor.PostAfter(1ms, [&] { order.push_back(1), gate.Open(); });
  });
  gate.WaitFor(2);
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(ThreadExecutor, ACancelledTimerDoesNotRun) {
  ThreadExecutor executor(2);
  std::atomic<bool> has_run = false;
  Gate gate;
  const TimerId timer = executor.PostAfter(1h, [&] { has_run = true; });
  EXPECT_TRUE(executor.Cancel(timer));
  EXPECT_FALSE(executor.Cancel(timer));
  executor.Post([&] { gate.Open(); });
  gate.WaitFor(1);
  executor.Stop();
  EXPECT_FALSE(has_run);
  executor.Post([&] { has_run = true; });
  EXPECT_FALSE(has_run);
}

TEST(SimExecutor, TimeJumpsToWhatIsDueAndTheSeedGivesTheOrder) {
  const auto run = [](std::uint64_t seed) {
    SimClock clock;
    SimExecutor executor(clock, seed);
    std::vector<int> order;
    for (int i = 0; i < 20; ++i) executor.Post([&order, i] { order.push_back(i); });
    executor.PostAfter(5s, [&] { order.push_back(100); });
    executor.PostAfter(3s, [&] { executor.PostAfter(1s, [&] { order.push_back(99); }); });
    executor.RunFor(10s);
    EXPECT_EQ(clock.Monotonic(), MonotonicTime(10s));
    return std::pair(order, executor.trace_hash());
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7).first, run(8).first);
  EXPECT_EQ(run(7).first[20], 99);
  EXPECT_EQ(run(7).first[21], 100);
}

TEST(SimExecutor, ATimerThatIsDueButHasNotBegunCanBeCancelled) {
  SimClock clock;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimExecutor executor(clock, seed);
    int ran = 0;
    TimerId first{};
    TimerId second{};
    first = executor.PostAfter(1s, [&] { ran += executor.Cancel(second) ? 1 : 100; });
    second = executor.PostAfter(1s, [&] { ran += executor.Cancel(first) ? 1 : 100; });
    executor.RunFor(2s);
    EXPECT_EQ(ran, 1) << "one of them cancelled the other";
  }
}

TEST(SimExecutor, EndlessDelaysDoNotOverflow) {
  SimClock clock;
  SimExecutor executor(clock, 1);
  bool has_run = false;
  executor.PostAfter(std::chrono::nanoseconds::max(), [&] { has_run = true; });
  executor.PostAfter(-1s, [] {});
  EXPECT_EQ(executor.RunFor(1h), 1U);
  EXPECT_FALSE(has_run);
}

TEST(ThreadExecutor, ManyThreadsRunEachTaskOnce) {
  ThreadExecutor executor(4);
  Gate gate;
  std::vector<std::atomic<int>> runs(1000);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto task = [&, i] { ++runs[i], gate.Open(); };
    if (i % 2 == 0) {
      executor.Post(std::move(task));
    } else {
      executor.PostAfter(std::chrono::microseconds(i), std::move(task));
    }
  }
  gate.WaitFor(1000);
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(ThreadExecutor, ATaskThatTakesItsTimeDelaysNoOther) {
  ThreadExecutor executor(2);
  for (int i = 0; i < 50; ++i) {
    Gate gate;
    Gate done;
    const auto open = [&] { gate.Open(); };
    const auto wait = [&] {
      gate.WaitFor(1);
      done.Open();
    };
    switch (i % 5) {
      case 0:  // the thread that sleeps for the timers takes one, and waits for the other
        executor.PostAfter(1ms, wait);
        executor.PostAfter(2ms, open);
        break;
      case 1:  // both are due at once
        executor.PostAfter(0ms, wait);
        executor.PostAfter(0ms, open);
        break;
      case 2:  // two tasks while both threads sleep
        executor.Post(wait);
        executor.Post(open);
        break;
      case 3:  // a timer that a task sets, and then waits for
        executor.Post([&] {
          executor.PostAfter(1ms, open);
          wait();
        });
        break;
      default:  // a timer that comes before the one that all sleep for
        executor.PostAfter(1h, [] {});
        executor.PostAfter(1ms, wait);
        executor.PostAfter(3ms, open);
    }
    done.WaitFor(1);
  }
}

TEST(ThreadExecutor, ATaskMayPostAndStopDropsWhatHasNotBegun) {
  auto dropped = std::make_shared<int>(0);
  ThreadExecutor executor(1);
  Gate gate;
  executor.Post([&] {
    executor.Post([&] { gate.Open(); });
    executor.PostAfter(std::chrono::nanoseconds::max(), [dropped] { ++*dropped; });
  });
  gate.WaitFor(1);
  EXPECT_EQ(dropped.use_count(), 2);
  executor.Stop();
  EXPECT_EQ(dropped.use_count(), 1) << "the task and what it held are gone";
  EXPECT_EQ(executor.PostAfter(0ns, [] {}), TimerId::kNone);
}

TEST(ComputePool, HigherPrioritiesGoFirst) {
  ComputePool pool({.threads = 1, .queue_length_max = 100});
  Gate blocked;
  Gate begun;
  Gate done;
  std::vector<int> order;  // one thread writes it
  ASSERT_TRUE(pool.Post(Priority::kQueries, [&] { begun.Open(), blocked.WaitFor(1); }));
  begun.WaitFor(1);
  ASSERT_TRUE(pool.Post(Priority::kCompaction, [&] { order.push_back(3), done.Open(); }));
  ASSERT_TRUE(pool.Post(Priority::kQueries, [&] { order.push_back(2), done.Open(); }));
  ASSERT_TRUE(pool.Post(Priority::kIngestion, [&] { order.push_back(1), done.Open(); }));
  EXPECT_EQ(pool.waiting(Priority::kIngestion), 1U);
  blocked.Open();
  done.WaitFor(3);
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(ComputePool, RefusesWhatWouldWaitBeyondTheBound) {
  ComputePool pool({.threads = 1, .queue_length_max = 2});
  Gate blocked;
  Gate begun;
  ASSERT_TRUE(pool.Post(Priority::kQueries, [&] { begun.Open(), blocked.WaitFor(1); }));
  begun.WaitFor(1);
  EXPECT_TRUE(pool.Post(Priority::kQueries, [] {}));
  EXPECT_TRUE(pool.Post(Priority::kQueries, [] {}));
  EXPECT_EQ(pool.Post(Priority::kQueries, [] {}).error().code(), Code::kLimitExceeded);
  blocked.Open();
}

TEST(ComputePool, ParallelForDoesEachNumberOnceAlsoFromWithinTasks) {
  ComputePool pool({.threads = 2, .queue_length_max = 4});
  std::vector<std::atomic<int>> hits(500);
  pool.ParallelFor(Priority::kQueries, 10, {}, [&](std::size_t outer) {
    pool.ParallelFor(Priority::kQueries, 50, {}, [&](std::size_t inner) { ++hits[outer * 50 + inner]; });
  });
  for (const auto& hit : hits) EXPECT_EQ(hit, 1);
}

TEST(ComputePool, ParallelForStopsWhenCancelled) {
  ComputePool pool({.threads = 2, .queue_length_max = 4});
  const CancelToken cancel;
  std::atomic<int> count = 0;
  pool.ParallelFor(Priority::kQueries, 1'000'000, cancel, [&](std::size_t) {
    if (++count == 10) cancel.Cancel();
  });
  EXPECT_LT(count, 1000);
}

TEST(ComputePool, StoppedPoolsRefuseAndParallelForStillDoesItsWork) {
  ComputePool pool({.threads = 2, .queue_length_max = 4});
  pool.Stop();
  EXPECT_EQ(pool.Post(Priority::kRules, [] {}).error().code(), Code::kUnavailable);
  int count = 0;  // the caller alone
  pool.ParallelFor(Priority::kRules, 10, {}, [&](std::size_t) { ++count; });
  EXPECT_EQ(count, 10);
  pool.ParallelFor(Priority::kRules, 0, {}, [&](std::size_t) { ++count; });
  EXPECT_EQ(count, 10);
}

TEST(ComputePool, ParallelForWithinEveryThreadDoesNotDeadlock) {
  ComputePool pool({.threads = 2, .queue_length_max = 1});
  Gate done;
  std::atomic<int> count = 0;
  for (int i = 0; i < 50; ++i) {
    const auto posted = pool.Post(Priority::kQueries, [&] {
      pool.ParallelFor(Priority::kQueries, 20, {}, [&](std::size_t) { ++count; });
      done.Open();
    });
    if (!posted) {  // full: as a caller would, in this thread
      pool.ParallelFor(Priority::kQueries, 20, {}, [&](std::size_t) { ++count; });
      done.Open();
    }
  }
  done.WaitFor(50);
  EXPECT_EQ(count, 1000);
}

}  // namespace
}  // namespace baro::base

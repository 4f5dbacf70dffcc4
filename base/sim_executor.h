// An executor for tests: one thread, time that jumps, and a seed that chooses what runs next.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "base/sim_clock.h"

namespace baro::base {

/// Runs nothing by itself: a test says for how long. Among the tasks that are ready the seed chooses, so that orders
/// which a real machine shows once a year come up.
///
/// Threads  Confined to the test's thread.
class SimExecutor : public Executor {
 public:
  /// Borrows `clock`, which RunFor() moves.
  SimExecutor(SimClock& clock, std::uint64_t seed) : clock_(clock), random_(seed) {}

  void Post(Task task) override { ready_.push_back({++last_id_, std::move(task)}); }
  TimerId PostAfter(std::chrono::nanoseconds delay, Task task) override;
  bool Cancel(TimerId timer) override;

  /// Runs what is ready, and what becomes ready by that, without moving time.
  /// Returns  how many tasks ran.
  std::size_t RunReady();

  /// Lets this much time pass, running what falls due on the way at its time.
  std::size_t RunFor(std::chrono::nanoseconds time);

  /// Over the order and times of all tasks so far: the same seed gives the same.
  std::uint64_t trace_hash() const { return trace_; }

  /// The clock that it moves.
  MonotonicTime Now() const { return clock_.Monotonic(); }

  std::size_t waiting_timers() const { return timers_.size(); }

 private:
  struct Ready {
    std::uint64_t id;
    Task task;
  };

  void TakeDue();
  void RunOne();

  SimClock& clock_;
  SeededRandom random_;
  std::vector<Ready> ready_;
  std::map<std::pair<MonotonicTime, TimerId>, Task> timers_;
  std::uint64_t last_id_ = 0;
  std::uint64_t trace_ = 14695981039346656037U;
};

}  // namespace baro::base

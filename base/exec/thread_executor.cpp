#include <algorithm>
#include <deque>
#include <map>

#include "base/clock.h"
#include "base/exec/worker_threads.h"
#include "base/executor.h"

namespace baro::base {

class ThreadExecutor::State final : public WorkerThreads {
 public:
  explicit State(std::size_t threads) { Start(std::max<std::size_t>(threads, 1)); }

  void Post(Task task) {
    {
      const MutexLock lock(mutex_);
      if (is_stopped_) return;
      ready_.push_back(std::move(task));
    }
    WakeOne();
  }

  TimerId PostAfter(std::chrono::nanoseconds delay, Task task) {
    TimerId id{};
    {
      const MutexLock lock(mutex_);
      if (is_stopped_) return TimerId::kNone;
      id = TimerId{++last_timer_};
      const MonotonicTime due = RealClock().Monotonic() + std::clamp(delay, std::chrono::nanoseconds(0), kDelayMax);
      due_of_[id] = due;
      timers_.emplace(std::pair(due, id), std::move(task));
    }
    WakeOne();  // the sleeping thread may have to wake earlier
    return id;
  }

  bool Cancel(TimerId id) {
    Task dropped;  // destroyed outside the lock: its captures may do anything
    const MutexLock lock(mutex_);
    const auto due = due_of_.find(id);
    if (due == due_of_.end()) return false;
    const auto timer = timers_.find({due->second, id});
    dropped = std::move(timer->second);
    timers_.erase(timer);
    due_of_.erase(due);
    return true;
  }

  void Stop() {
    std::deque<Task> ready;
    std::map<std::pair<MonotonicTime, TimerId>, Task> timers;
    {
      const MutexLock lock(mutex_);
      is_stopped_ = true;
      ready.swap(ready_);
      timers.swap(timers_);
      due_of_.clear();
    }
    Join();
  }

 private:
  bool TakeTask(Task& task) override BARO_REQUIRES(mutex_) {
    if (!timers_.empty() && timers_.begin()->first.first <= RealClock().Monotonic()) {
      const auto first = timers_.begin();
      task = std::move(first->second);
      due_of_.erase(first->first.second);
      timers_.erase(first);
      return true;
    }
    if (ready_.empty()) return false;
    task = std::move(ready_.front());
    ready_.pop_front();
    return true;
  }

  void WaitForTask() override BARO_REQUIRES(mutex_) {
    if (timers_.empty()) {
      changed_.Wait(mutex_);
      return;
    }
    changed_.WaitFor(mutex_, timers_.begin()->first.first - RealClock().Monotonic());
  }

  std::uint64_t last_timer_ BARO_GUARDED_BY(mutex_) = 0;
  std::deque<Task> ready_ BARO_GUARDED_BY(mutex_);
  std::map<std::pair<MonotonicTime, TimerId>, Task> timers_ BARO_GUARDED_BY(mutex_);
  std::map<TimerId, MonotonicTime> due_of_ BARO_GUARDED_BY(mutex_);
};

ThreadExecutor::ThreadExecutor(std::size_t threads) : state_(std::make_unique<State>(threads)) {}
ThreadExecutor::~ThreadExecutor() { state_->Stop(); }
void ThreadExecutor::Post(Task task) { state_->Post(std::move(task)); }
TimerId ThreadExecutor::PostAfter(std::chrono::nanoseconds delay, Task task) {
  return state_->PostAfter(delay, std::move(task));
}
bool ThreadExecutor::Cancel(TimerId timer) { return state_->Cancel(timer); }
void ThreadExecutor::Stop() { state_->Stop(); }

}  // namespace baro::base

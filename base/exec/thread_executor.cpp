#include <algorithm>
#include <deque>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"

namespace baro::base {

class ThreadExecutor::State {
 public:
  explicit State(std::size_t threads) {
    for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) threads_.emplace_back([this] { Work(); });
  }

  void Post(Task task) {
    {
      const MutexLock lock(mutex_);
      if (is_stopped_) return;
      ready_.push_back(std::move(task));
    }
    changed_.NotifyOne();
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
    changed_.NotifyOne();  // the sleeping thread may have to wake earlier
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
    changed_.NotifyAll();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  void Work() {
    for (;;) {
      Task task;
      {
        const MutexLock lock(mutex_);
        while (!TakeTask(task)) {
          if (is_stopped_) return;
          WaitForWork();
        }
      }
      task();
    }
  }

  bool TakeTask(Task& task) BARO_REQUIRES(mutex_) {
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

  void WaitForWork() BARO_REQUIRES(mutex_) {
    if (timers_.empty()) {
      changed_.Wait(mutex_);
      return;
    }
    changed_.WaitFor(mutex_, timers_.begin()->first.first - RealClock().Monotonic());
  }

  Mutex mutex_;
  CondVar changed_;
  bool is_stopped_ BARO_GUARDED_BY(mutex_) = false;
  std::uint64_t last_timer_ BARO_GUARDED_BY(mutex_) = 0;
  std::deque<Task> ready_ BARO_GUARDED_BY(mutex_);
  std::map<std::pair<MonotonicTime, TimerId>, Task> timers_ BARO_GUARDED_BY(mutex_);
  std::map<TimerId, MonotonicTime> due_of_ BARO_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
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

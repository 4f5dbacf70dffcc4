#include <algorithm>
#include <deque>
#include <map>

#include "base/clock.h"
#include "base/exec/worker_threads.h"
#include "base/executor.h"

namespace baro::base {

namespace {

/// How late a timer may come when the thread that would have taken it is busy and the others sleep.
constexpr std::chrono::milliseconds kBackupLag{5};

}  // namespace

class ThreadExecutor::State final : public WorkerThreads {
 public:
  explicit State(std::size_t threads) { Start(std::max<std::size_t>(threads, 1)); }

  void Post(Task task) {
    const MutexLock lock(mutex_);
    if (is_stopped_) return;
    ready_.push_back(std::move(task));
    WakeForTask();
  }

  TimerId PostAfter(std::chrono::nanoseconds delay, Task task) {
    const MutexLock lock(mutex_);
    if (is_stopped_) return TimerId::kNone;
    const TimerId id{++last_timer_};
    const MonotonicTime due = RealClock().Monotonic() + std::clamp(delay, std::chrono::nanoseconds(0), kDelayMax);
    due_of_[id] = due;
    const auto timer = timers_.emplace(std::pair(due, id), std::move(task)).first;
    if (timer == timers_.begin()) WakeForTimer(due);
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
    first_timer_changed_.NotifyAll();
    Join();
  }

 private:
  bool TakeTask(Task& task) override BARO_REQUIRES(mutex_) {
    if (IsTimerDue()) {
      const auto first = timers_.begin();
      task = std::move(first->second);
      due_of_.erase(first->first.second);
      timers_.erase(first);
    } else if (!ready_.empty()) {
      task = std::move(ready_.front());
      ready_.pop_front();
    } else {
      return false;
    }
    // Whoever was woken for two tasks at once passes one on.
    if (!ready_.empty() || IsTimerDue()) WakeForTask();
    return true;
  }

  bool IsTimerDue() const BARO_REQUIRES(mutex_) {
    return !timers_.empty() && timers_.begin()->first.first <= RealClock().Monotonic();
  }

  /// One sleeping thread, the keeper, sleeps until the first timer is due. The others would wake with it for nothing:
  /// they sleep a little longer, in case that the keeper was called to a task that takes its time.
  void WaitForTask() override BARO_REQUIRES(mutex_) {
    const MonotonicTime due = timers_.empty() ? MonotonicTime::max() : timers_.begin()->first.first;
    if (!has_keeper_) {
      has_keeper_ = true;
      WaitUntil(first_timer_changed_, due);
      has_keeper_ = false;
      return;
    }
    const MonotonicTime until = due == MonotonicTime::max() ? due : due + kBackupLag;
    others_wake_by_ = idle_ == 0 ? until : std::max(others_wake_by_, until);
    ++idle_;
    WaitUntil(changed_, until);
    --idle_;
  }

  void WaitUntil(CondVar& changed, MonotonicTime until) BARO_REQUIRES(mutex_) {
    if (until == MonotonicTime::max()) {
      changed.Wait(mutex_);
    } else {
      changed.WaitFor(mutex_, until - RealClock().Monotonic());
    }
  }

  /// If nobody sleeps there is nobody to wake: who works looks for the next task when it is done.
  void WakeForTask() BARO_REQUIRES(mutex_) {
    if (idle_ > 0) {
      changed_.NotifyOne();
    } else if (has_keeper_) {
      first_timer_changed_.NotifyOne();
    }
  }

  /// A timer was added that is due first.
  void WakeForTimer(MonotonicTime due) BARO_REQUIRES(mutex_) {
    if (has_keeper_) first_timer_changed_.NotifyOne();
    if (idle_ > 0 && due + kBackupLag < others_wake_by_) changed_.NotifyAll();
  }

  CondVar first_timer_changed_;
  bool has_keeper_ BARO_GUARDED_BY(mutex_) = false;
  std::size_t idle_ BARO_GUARDED_BY(mutex_) = 0;            // sleeping threads besides the keeper
  MonotonicTime others_wake_by_ BARO_GUARDED_BY(mutex_){};  // all of those, while there are any
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

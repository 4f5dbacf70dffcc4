// Threads that take tasks and run them until they are told to stop: what ThreadExecutor and ComputePool share. Which
// task comes next, and what waits for it, is theirs.
#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include "base/executor.h"
#include "base/mutex.h"

namespace baro::base {

/// Threads  The derived class is safe to share; Start() and Join() are for the one who makes and ends it.
class WorkerThreads {
 public:
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  std::size_t threads() const { return threads_.size(); }

 protected:
  WorkerThreads() = default;
  /// Shape  Join() was called: the threads call virtual functions of what is being destroyed.
  virtual ~WorkerThreads() = default;

  /// Called at the end of the derived class' constructor.
  void Start(std::size_t count);

  /// Waits until all threads have ended. Shape  `is_stopped_` was set, and nothing is left to take. May be repeated.
  void Join();

  /// After a task or timer was added.
  void WakeOne() { changed_.NotifyOne(); }

  Mutex mutex_;
  CondVar changed_;
  bool is_stopped_ BARO_GUARDED_BY(mutex_) = false;

 private:
  /// Moves the task that is next into `task`; false if none is due.
  virtual bool TakeTask(Task& task) BARO_REQUIRES(mutex_) = 0;
  /// Sleeps until a task may be due.
  virtual void WaitForTask() BARO_REQUIRES(mutex_) { changed_.Wait(mutex_); }
  void Work();

  std::vector<std::thread> threads_;
};

}  // namespace baro::base

#include "base/exec/worker_threads.h"

namespace baro::base {

void WorkerThreads::Start(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { Work(); });
}

void WorkerThreads::Join() {
  changed_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerThreads::Work() {
  for (;;) {
    Task task;  // ends outside the lock: its captures may do anything
    {
      const MutexLock lock(mutex_);
      while (!TakeTask(task)) {
        if (is_stopped_) return;
        WaitForTask();
      }
    }
    task();
  }
}

}  // namespace baro::base

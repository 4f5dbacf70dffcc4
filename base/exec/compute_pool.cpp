#include "base/compute_pool.h"

#include <array>
#include <atomic>
#include <deque>
#include <thread>

#include <fmt/format.h>

#include "base/exec/worker_threads.h"
#include "base/mutex.h"

namespace baro::base {

class ComputePool::State final : public WorkerThreads {
 public:
  explicit State(const Options& options) : queue_length_max_(options.queue_length_max) {
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    Start(options.threads > 0 ? options.threads : cores);
  }

  Result<> Post(Priority priority, Task task) {
    {
      const MutexLock lock(mutex_);
      if (is_stopped_) return Fail(Code::kUnavailable, "the server is stopping");
      auto& queue = queues_[static_cast<std::size_t>(priority)];
      if (queue.size() >= queue_length_max_) {
        return Fail(Code::kLimitExceeded, fmt::format("{} tasks wait already, which is the limit", queue.size()));
      }
      queue.push_back(std::move(task));
    }
    WakeOne();
    return {};
  }

  std::size_t waiting(Priority priority) {
    const MutexLock lock(mutex_);
    return queues_[static_cast<std::size_t>(priority)].size();
  }

  void Stop() {
    std::array<std::deque<Task>, kPriorityCount> dropped;
    {
      const MutexLock lock(mutex_);
      is_stopped_ = true;
      dropped.swap(queues_);
    }
    Join();
  }

 private:
  bool TakeTask(Task& task) override BARO_REQUIRES(mutex_) {
    for (auto& queue : queues_) {
      if (queue.empty()) continue;
      task = std::move(queue.front());
      queue.pop_front();
      return true;
    }
    return false;
  }

  const std::size_t queue_length_max_;
  std::array<std::deque<Task>, kPriorityCount> queues_ BARO_GUARDED_BY(mutex_);
};

namespace {

/// One ParallelFor: the numbers still to be done, and how many helpers are inside of work().
struct Loop {
  std::size_t count;
  CancelToken cancel;
  const std::function<void(std::size_t)>* work;  // lives until the caller returns, which waits for `active`
  std::atomic<std::size_t> next{0};
  Mutex mutex;
  CondVar finished;
  std::size_t active BARO_GUARDED_BY(mutex) = 0;
  bool is_closed BARO_GUARDED_BY(mutex) = false;

  void Run() {
    // Relaxed: the number alone is shared; results are handed over by `mutex`.
    for (std::size_t i = next.fetch_add(1, std::memory_order_relaxed); i < count && !cancel.Cancelled();
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      (*work)(i);
    }
  }

  void Help() {
    {
      const MutexLock lock(mutex);
      if (is_closed) return;  // the caller has done it all and may be gone, `work` with it
      ++active;
    }
    Run();
    const MutexLock lock(mutex);
    if (--active == 0) finished.NotifyAll();
  }
};

}  // namespace

ComputePool::ComputePool(Options options) : state_(std::make_shared<State>(options)) {}
ComputePool::~ComputePool() { state_->Stop(); }

Result<> ComputePool::Post(Priority priority, Task task) { return state_->Post(priority, std::move(task)); }

void ComputePool::ParallelFor(Priority priority, std::size_t count, const CancelToken& cancel,
                              const std::function<void(std::size_t)>& work) {
  if (count == 0) return;
  const auto loop = std::make_shared<Loop>();
  loop->count = count;
  loop->cancel = cancel;
  loop->work = &work;
  const std::size_t helpers = std::min(count - 1, state_->threads());
  for (std::size_t i = 0; i < helpers; ++i) {
    if (!state_->Post(priority, [loop] { loop->Help(); })) break;  // a full queue: the caller does more itself
  }
  loop->Run();
  const MutexLock lock(loop->mutex);
  loop->is_closed = true;
  while (loop->active > 0) loop->finished.Wait(loop->mutex);
}

std::size_t ComputePool::threads() const { return state_->threads(); }
std::size_t ComputePool::waiting(Priority priority) const { return state_->waiting(priority); }
void ComputePool::Stop() { state_->Stop(); }

}  // namespace baro::base

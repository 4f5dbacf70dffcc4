// CPU work on one pool, by priority, with bounded queues.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/cancel.h"
#include "base/executor.h"
#include "base/result.h"

namespace baro::base {

/// Earlier ones go first. What waits is bounded per priority.
enum class Priority { kIngestion, kRules, kQueries, kCompaction };
inline constexpr std::size_t kPriorityCount = 4;

/// Threads  Safe to share. Its end waits for running tasks and drops waiting ones.
class ComputePool {
 public:
  struct Options {
    std::size_t threads = 0;              ///< 0: as many as cores
    std::size_t queue_length_max = 4096;  ///< waiting tasks per priority
  };

  ComputePool() : ComputePool(Options{}) {}
  explicit ComputePool(Options options);
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  /// Errors   kLimitExceeded: too many wait already. kUnavailable: the pool is stopping.
  Result<> Post(Priority priority, Task task);

  /// Calls work(0) … work(count - 1), some of them at the same time, and returns when all have. The calling thread
  /// takes part, so this may be called from within a task. After `cancel` is pulled the rest is left out.
  void ParallelFor(Priority priority, std::size_t count, const CancelToken& cancel,
                   const std::function<void(std::size_t)>& work);

  std::size_t threads() const;
  /// Tasks waiting at this priority.
  std::size_t waiting(Priority priority) const;

  void Stop();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace baro::base

// How many queries run at once: the others wait in line.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "query/exec/budget.h"

namespace baro::query::exec {

/// While others hold more than half of the memory of all queries, nobody is let in either: those who run come to their
/// end rather than into the limit.
///
/// Threads  Safe to share. The mutex is a leaf.
class Admission {
 public:
  /// `memory`: of all queries; borrowed, outlives this; null: there is no such limit.
  explicit Admission(std::size_t running_max, const Budget* memory = nullptr)
      : running_max_(running_max), memory_(memory) {}

  struct Wait {
    std::optional<base::MonotonicTime> deadline;  ///< needs the clock
    std::chrono::milliseconds timeout{0};         ///< for the message
  };

  /// Takes a place, waiting for one if need be. Leave() gives it back.
  /// Errors   kCancelled, kTimeout: no place was taken.
  base::Result<> Enter(const base::CancelToken& cancel, const base::Clock* clock, const Wait& wait);
  void Leave();

  /// Queries running and waiting.
  std::size_t active() const;

 private:
  bool IsFull() const BARO_REQUIRES(mutex_);

  const std::size_t running_max_;  // 0: no bound
  const Budget* const memory_;
  mutable base::Mutex mutex_;
  base::CondVar freed_;
  std::size_t running_ BARO_GUARDED_BY(mutex_) = 0;
  std::size_t waiting_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::query::exec

// How many queries run at once: the others wait in line.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace baro::query::exec {

/// Threads  Safe to share. The mutex is a leaf.
class Admission {
 public:
  explicit Admission(std::size_t running_max) : running_max_(running_max) {}

  /// Takes a place, waiting for one if need be. Leave() gives it back.
  /// Errors   kCancelled, kTimeout: no place was taken.
  base::Result<> Enter(const base::CancelToken& cancel, const base::Clock* clock,
                       std::optional<base::MonotonicTime> deadline);
  void Leave();

  /// Queries running and waiting.
  std::size_t active() const;

 private:
  const std::size_t running_max_;  // 0: no bound
  mutable base::Mutex mutex_;
  base::CondVar freed_;
  std::size_t running_ BARO_GUARDED_BY(mutex_) = 0;
  std::size_t waiting_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::query::exec

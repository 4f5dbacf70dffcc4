// Hands the pieces of a body to whoever receives them on the executor, and keeps the end of the call behind them.
#pragma once

#include <memory>
#include <string>

#include "base/executor.h"
#include "base/mutex.h"
#include "net/http_fetcher.h"

namespace baro::net::http {

/// Threads  Any; Give() only after the piece before was done.
class BodyReceiver {
 public:
  explicit BodyReceiver(BodySink sink) : sink_(std::move(sink)) {}

  /// Says that a piece is on its way to the executor, where Give() is called.
  void Begin() {
    const base::MutexLock lock(mutex_);
    is_busy_ = true;
  }
  /// Returns whether more is wanted.
  bool Give(std::string_view piece) {
    const bool goes_on = sink_(piece);
    base::Task last;
    {
      const base::MutexLock lock(mutex_);
      is_busy_ = false;
      last = std::move(last_);
    }
    if (last) last();
    return goes_on;
  }
  /// Runs `task` when no piece is on its way any more, on this thread or on Give()'s.
  void RunLast(base::Task task) {
    {
      const base::MutexLock lock(mutex_);
      if (is_busy_) {
        last_ = std::move(task);
        return;
      }
    }
    task();
  }

 private:
  const BodySink sink_;
  base::Mutex mutex_;  // a leaf
  bool is_busy_ BARO_GUARDED_BY(mutex_) = false;
  base::Task last_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::net::http

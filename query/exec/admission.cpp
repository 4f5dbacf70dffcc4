#include "query/exec/admission.h"

#include <fmt/format.h>

namespace baro::query::exec {

// A cancel flag wakes nobody: those who wait look at it this often.
constexpr std::chrono::milliseconds kLookInterval{20};

bool Admission::IsFull() const {
  if (running_max_ > 0 && running_ >= running_max_) return true;
  return running_ > 0 && memory_ != nullptr && memory_->bytes_max() > 0 && memory_->bytes() > memory_->bytes_max() / 2;
}

base::Result<> Admission::Enter(const base::CancelToken& cancel, const base::Clock* clock, const Wait& wait) {
  const base::MutexLock lock(mutex_);
  ++waiting_;
  base::Result<> result;
  while (IsFull()) {
    if (cancel.Cancelled()) {
      result = base::Error(base::Code::kCancelled, "query was canceled in query queue");
      break;
    }
    if (wait.deadline && clock->Monotonic() > *wait.deadline) {
      result = base::Error(
          base::Code::kTimeout,
          fmt::format("query timed out in query queue: limit {} ms (--query.timeout or the parameter \"timeout\"); {} "
                      "queries run (--query.max-concurrency={}), {} wait",
                      wait.timeout.count(), running_, running_max_, waiting_));
      break;
    }
    freed_.WaitFor(mutex_, kLookInterval);
  }
  --waiting_;
  if (result) ++running_;
  return result;
}

void Admission::Leave() {
  {
    const base::MutexLock lock(mutex_);
    --running_;
  }
  freed_.NotifyOne();
}

std::size_t Admission::active() const {
  const base::MutexLock lock(mutex_);
  return running_ + waiting_;
}

}  // namespace baro::query::exec

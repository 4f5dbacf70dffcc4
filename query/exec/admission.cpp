#include "query/exec/admission.h"

namespace baro::query::exec {

// A cancel flag wakes nobody: those who wait look at it this often.
constexpr std::chrono::milliseconds kLookInterval{20};

base::Result<> Admission::Enter(const base::CancelToken& cancel, const base::Clock* clock,
                                std::optional<base::MonotonicTime> deadline) {
  const base::MutexLock lock(mutex_);
  ++waiting_;
  base::Result<> result;
  while (running_max_ > 0 && running_ >= running_max_) {
    if (cancel.Cancelled()) {
      result = base::Error(base::Code::kCancelled, "query was canceled in query queue");
      break;
    }
    if (deadline && clock->Monotonic() > *deadline) {
      result = base::Error(base::Code::kTimeout, "query timed out in query queue");
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

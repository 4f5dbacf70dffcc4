#include "base/sim_executor.h"

#include <algorithm>

namespace baro::base {

TimerId SimExecutor::PostAfter(std::chrono::nanoseconds delay, Task task) {
  const TimerId id{++last_id_};
  timers_.emplace(std::pair(clock_.Monotonic() + std::clamp(delay, std::chrono::nanoseconds(0), kDelayMax), id),
                  std::move(task));
  return id;
}

bool SimExecutor::Cancel(TimerId timer) {
  const auto found = std::ranges::find_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
  if (found != timers_.end()) {
    timers_.erase(found);
    return true;
  }
  // Due, but not begun: another task of the same moment came first.
  return std::erase_if(ready_, [timer](const Ready& ready) { return TimerId{ready.id} == timer; }) > 0;
}

void SimExecutor::TakeDue() {
  while (!timers_.empty() && timers_.begin()->first.first <= clock_.Monotonic()) {
    auto first = timers_.extract(timers_.begin());
    ready_.push_back({static_cast<std::uint64_t>(first.key().second), std::move(first.mapped())});
  }
}

void SimExecutor::RunOne() {
  const std::size_t chosen = random_.Below(ready_.size());
  Ready next = std::move(ready_[chosen]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
  // FNV-1a over what runs and when.
  for (const std::uint64_t part :
       {next.id, static_cast<std::uint64_t>(clock_.Monotonic().time_since_epoch().count())}) {
    trace_ = (trace_ ^ part) * 1099511628211U;
  }
  next.task();
}

std::size_t SimExecutor::RunReady() {
  std::size_t count = 0;
  for (TakeDue(); !ready_.empty(); TakeDue()) {
    RunOne();
    ++count;
  }
  return count;
}

std::size_t SimExecutor::RunFor(std::chrono::nanoseconds time) {
  const MonotonicTime end = clock_.Monotonic() + time;
  std::size_t count = RunReady();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    clock_.Advance(timers_.begin()->first.first - clock_.Monotonic());
    count += RunReady();
  }
  clock_.Advance(end - clock_.Monotonic());
  return count;
}

}  // namespace baro::base

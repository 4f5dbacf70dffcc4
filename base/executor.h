// Running tasks now and later, as a seam.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace baro::base {

using Task = std::move_only_function<void()>;

/// A task that waits for its time. 0 is none.
enum class TimerId : std::uint64_t { kNone = 0 };

/// Longer delays are cut to this: clocks of 64 bits of nanoseconds end after 292 years.
inline constexpr std::chrono::nanoseconds kDelayMax = std::chrono::hours(24 * 365 * 100);

/// Runs tasks, each once, in any order and on any of its threads.
///
/// Threads  Safe to share. A task may post, and cancel, any other.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(Task task) = 0;
  virtual TimerId PostAfter(std::chrono::nanoseconds delay, Task task) = 0;
  /// True: the task will not run. False: it runs, has run, or never was.
  virtual bool Cancel(TimerId timer) = 0;
};

/// An executor of some threads with one queue and one list of timers. Its end drops what has not begun and waits for
/// what has.
class ThreadExecutor : public Executor {
 public:
  explicit ThreadExecutor(std::size_t threads);
  ~ThreadExecutor() override;

  void Post(Task task) override;
  TimerId PostAfter(std::chrono::nanoseconds delay, Task task) override;
  bool Cancel(TimerId timer) override;

  /// As the destructor; nothing runs after it, what is posted is dropped.
  void Stop();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace baro::base

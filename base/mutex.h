// A mutex whose use clang checks: libstdc++'s own is not annotated.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define BARO_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define BARO_THREAD_ANNOTATION(x)
#endif

/// The member may be touched only while the mutex is held.
#define BARO_GUARDED_BY(mutex) BARO_THREAD_ANNOTATION(guarded_by(mutex))
/// What the pointer points at may be touched only while the mutex is held.
#define BARO_PT_GUARDED_BY(mutex) BARO_THREAD_ANNOTATION(pt_guarded_by(mutex))
/// The caller must hold the mutex.
#define BARO_REQUIRES(...) BARO_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
/// The caller must not hold the mutex.
#define BARO_EXCLUDES(...) BARO_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace baro::base {

class BARO_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() BARO_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void Unlock() BARO_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  bool TryLock() BARO_THREAD_ANNOTATION(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class BARO_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BARO_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() BARO_THREAD_ANNOTATION(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits for a condition on what a Mutex guards.
class CondVar {
 public:
  /// Shape  `mutex` is held by the caller; it is free while waiting. May wake without reason: wait in a loop.
  void Wait(Mutex& mutex) BARO_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// Returns false when the time is over.
  template <typename Rep, typename Period>
  bool WaitFor(Mutex& mutex, std::chrono::duration<Rep, Period> time) BARO_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_for(lock, time) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace baro::base

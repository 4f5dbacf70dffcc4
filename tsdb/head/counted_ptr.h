// Shared ownership whose count stands in the object: pointers of 8 bytes, and one allocation without a head of its own.
// There are millions of series, and several pointers to each.
//
// Threads  As std::shared_ptr: different pointers to one object from any thread, one pointer from one at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace baro::tsdb {

/// Owns     a share of an object with a member `mutable std::atomic<std::uint32_t> references{0}`.
template <typename T>
class CountedPtr {
 public:
  CountedPtr() = default;
  CountedPtr(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): as for every pointer
  explicit CountedPtr(T* object) : object_(object) { Retain(); }
  CountedPtr(const CountedPtr& other) : object_(other.object_) { Retain(); }
  CountedPtr(CountedPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  CountedPtr& operator=(CountedPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~CountedPtr() { Release(); }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  void reset() { *this = CountedPtr(); }

  /// Whether nobody else has a share. Means something only where nobody can get one meanwhile.
  bool IsOnly() const { return object_ != nullptr && object_->references.load(std::memory_order_acquire) == 1; }

  friend bool operator==(const CountedPtr&, const CountedPtr&) = default;
  friend bool operator==(const CountedPtr& a, const T* b) { return a.object_ == b; }
  friend bool operator==(const CountedPtr& a, std::nullptr_t) { return a.object_ == nullptr; }

 private:
  void Retain() const {
    // Relaxed: who copies holds a share already, nothing is published by counting.
    if (object_ != nullptr) object_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void Release() {
    // Acquire and release: the last holder destroys what others have written before they let go.
    if (object_ != nullptr && object_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
  }

  T* object_ = nullptr;
};

template <typename T, typename... Args>
CountedPtr<T> MakeCounted(Args&&... args) {
  return CountedPtr<T>(new T(std::forward<Args>(args)...));
}

}  // namespace baro::tsdb

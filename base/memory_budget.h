// Memory that somebody counts: who holds much of it charges it to a budget, which may refuse.
#pragma once

#include <cstddef>
#include <utility>

#include "base/result.h"

namespace baro::base {

/// What several holders may hold together.
///
/// Threads  Safe to share.
class MemoryBudget {
 public:
  virtual ~MemoryBudget() = default;

  /// Errors   kLimitExceeded, kUnavailable, naming the limit. Nothing is charged then.
  virtual Result<> TakeBytes(std::size_t bytes) = 0;
  virtual void GiveBytes(std::size_t bytes) = 0;
};

/// What one holder has taken, given back at the end of its life. Without a budget nothing is counted.
///
/// Threads  Confined.
/// Owns     nothing; borrows the budget, which outlives it.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  explicit MemoryCharge(MemoryBudget* budget) : budget_(budget) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  ~MemoryCharge() { Reset(); }

  /// Errors   as MemoryBudget::TakeBytes().
  Result<> Add(std::size_t bytes) {
    if (budget_ == nullptr || bytes == 0) return {};
    BARO_TRY(budget_->TakeBytes(bytes));
    bytes_ += bytes;
    return {};
  }

  /// Makes `bytes` what is held. Errors as Add().
  Result<> Set(std::size_t bytes) {
    if (bytes >= bytes_) return Add(bytes - bytes_);
    if (budget_ != nullptr) budget_->GiveBytes(bytes_ - bytes);
    bytes_ = bytes;
    return {};
  }

  void Reset() {
    if (budget_ != nullptr && bytes_ > 0) budget_->GiveBytes(bytes_);
    bytes_ = 0;
  }

 private:
  MemoryBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;  // 0 without a budget
};

}  // namespace baro::base

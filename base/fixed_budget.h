// A budget of a fixed number of bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include "base/memory_budget.h"

namespace baro::base {

/// Threads  Safe to share.
class FixedBudget final : public MemoryBudget {
 public:
  /// `what` it is for: the subject of errors.
  FixedBudget(std::string what, std::size_t limit_bytes) : what_(std::move(what)), limit_bytes_(limit_bytes) {}

  Result<> TakeBytes(std::size_t bytes) override {
    // Relaxed: a count, which orders nothing else.
    const std::size_t used = used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (used <= limit_bytes_ && bytes <= limit_bytes_ - used) return {};
    GiveBytes(bytes);
    return Fail(Code::kLimitExceeded, what_ + " have more than " + std::to_string(limit_bytes_) + " bytes");
  }
  void GiveBytes(std::size_t bytes) override { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::string what_;
  const std::size_t limit_bytes_;
  std::atomic<std::size_t> used_bytes_ = 0;
};

}  // namespace baro::base

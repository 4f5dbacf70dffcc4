// What queries may hold at once: bytes of columns, and samples.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/memory_budget.h"
#include "base/result.h"

namespace baro::query::exec {

/// Whose budget it is: what its limits are called in errors.
enum class BudgetOf : std::uint8_t { kOperator, kQuery, kAllQueries };

/// Counts what is held against two limits, and in the budget that this one is a part of. A limit of 0 is none.
///
/// Threads  Safe to share. The counters are relaxed: they order nothing, and a limit that is passed by what two threads
///          charge at the same instant is noticed by the later of them.
class Budget final : public base::MemoryBudget {
 public:
  struct Limits {
    std::size_t bytes_max = 0;
    std::size_t samples_max = 0;
  };

  /// Of a query by itself.
  Budget(std::size_t bytes_max, std::size_t samples_max)
      : Budget({.bytes_max = bytes_max, .samples_max = samples_max}, BudgetOf::kQuery, nullptr) {}
  /// `whole`: borrowed, outlives this one; null: it is no part of anything. That of all queries counts bytes only.
  Budget(const Limits& limits, BudgetOf of, Budget* whole) : limits_(limits), of_(of), whole_(whole) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// Errors   kLimitExceeded, naming the limit, its value and what would have been needed; kUnavailable if other
  ///          queries hold what is missing. Nothing is charged then.
  base::Result<> Take(std::size_t bytes, std::size_t samples);
  void Give(std::size_t bytes, std::size_t samples);

  base::Result<> TakeBytes(std::size_t bytes) override { return Take(bytes, 0); }
  void GiveBytes(std::size_t bytes) override { Give(bytes, 0); }

  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_max() const { return limits_.bytes_max; }
  std::uint64_t bytes_peak() const { return bytes_peak_.load(std::memory_order_relaxed); }
  std::uint64_t samples_peak() const { return samples_peak_.load(std::memory_order_relaxed); }

 private:
  /// What the process takes to hold these: that of all queries is about the process, and has the allocator in it.
  std::uint64_t NeededFor(std::uint64_t bytes) const;
  base::Error TooManyBytes(std::uint64_t needed) const;
  /// What the whole had no room for; this one would hold `bytes_now`.
  base::Error NoRoom(base::Error error, std::uint64_t bytes_now) const;
  void GiveOwn(std::size_t bytes, std::size_t samples);

  const Limits limits_;
  const BudgetOf of_;
  Budget* const whole_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> samples_{0};
  std::atomic<std::uint64_t> bytes_peak_{0};
  std::atomic<std::uint64_t> samples_peak_{0};
};

/// A part of a budget, given back at the end of its life.
///
/// Owns     nothing; borrows the budget, which outlives it.
class Charge {
 public:
  Charge() = default;
  explicit Charge(Budget* budget) : budget_(budget) {}
  Charge(Charge&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        samples_(std::exchange(other.samples_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    std::swap(samples_, other.samples_);
    return *this;
  }
  ~Charge() { Reset(); }

  /// Errors   as Budget::Take().
  base::Result<> AddBytes(std::size_t bytes) {
    if (budget_ == nullptr) return {};
    BARO_TRY(budget_->Take(bytes, 0));
    bytes_ += bytes;
    return {};
  }

  /// Makes `samples` the number of samples held. Errors as Budget::Take().
  base::Result<> SetSamples(std::size_t samples) {
    if (budget_ == nullptr) return {};
    if (samples > samples_) BARO_TRY(budget_->Take(0, samples - samples_));
    if (samples < samples_) budget_->Give(0, samples_ - samples);
    samples_ = samples;
    return {};
  }

  void Reset() {
    if (budget_ != nullptr) budget_->Give(bytes_, samples_);
    bytes_ = 0;
    samples_ = 0;
  }

  Budget* budget() const { return budget_; }

 private:
  Budget* budget_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t samples_ = 0;
};

}  // namespace baro::query::exec

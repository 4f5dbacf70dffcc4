// Running structures for windows that only move forward.
//
// Source   The minimum of a sliding window by a monotonic queue; sums by two stacks (each value is added once on its
// way
//          in and once when the front stack is rebuilt, none is ever subtracted, so no rounding error stays behind).
// Threads  Confined.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "query/func/compensated.h"
#include "query/func/range_column.h"

namespace baro::query::func {

/// The position of the smallest value of a window by `Better(a, b)` ("a is at least as good as b").
template <typename Better>
class SlidingBest {
 public:
  SlidingBest(std::span<const double> values, Better better) : values_(values), better_(better) {}

  /// Values that are NaN never win. Returns the position, or window.end if all are NaN.
  /// Shape    neither edge moves back.
  std::size_t In(const Stretch& window) {
    for (; next_ < window.end; ++next_) {
      const double value = values_[next_];
      if (value != value) continue;  // NaN
      while (head_ < queue_.size() && better_(value, values_[queue_.back()])) queue_.pop_back();
      if (queue_.size() < head_) head_ = queue_.size();
      queue_.push_back(next_);
    }
    while (head_ < queue_.size() && queue_[head_] < window.begin) ++head_;
    return head_ < queue_.size() ? queue_[head_] : window.end;
  }

 private:
  std::span<const double> values_;
  Better better_;
  std::vector<std::size_t> queue_;  // positions whose values get worse; [head_, end) are alive
  std::size_t head_ = 0;
  std::size_t next_ = 0;
};

/// The sum of a window.
class SlidingSum {
 public:
  explicit SlidingSum(std::span<const double> values) : values_(values) {}

  /// Shape    neither edge moves back.
  CompensatedSum In(const Stretch& window) {
    if (window.begin >= middle_) Rebuild(window);
    for (; next_ < window.end; ++next_) back_.Add(values_[next_]);
    CompensatedSum sum = front_[middle_ - window.begin];
    sum.Add(back_);
    return sum;
  }

 private:
  // Makes the front stack hold the sums of [i, middle_) for each i of the window.
  void Rebuild(const Stretch& window) {
    middle_ = window.end;
    next_ = window.end;
    back_ = {};
    front_.resize(window.size() + 1);
    front_[0] = {};
    for (std::size_t i = 1; i <= window.size(); ++i) {
      front_[i] = front_[i - 1];
      front_[i].Add(values_[middle_ - i]);
    }
  }

  std::span<const double> values_;
  std::vector<CompensatedSum> front_ = {CompensatedSum{}};  // front_[k]: the k values before middle_
  CompensatedSum back_;                                     // the values from middle_ on
  std::size_t middle_ = 0;
  std::size_t next_ = 0;
};

}  // namespace baro::query::func

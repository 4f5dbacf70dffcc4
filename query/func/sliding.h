// Running structures for windows that only move forward.
//
// Source   The minimum of a sliding window by a monotonic queue; sums by two stacks (each piece is added once on its
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

/// The sum of a window. Windows that overlap share what lies between two of their edges: that is summed once.
class SlidingSum {
 public:
  /// Shape    `windows` are all that will be asked for; no edge moves back.
  SlidingSum(std::span<const double> values, std::span<const Stretch> windows);

  /// Shape    of the windows, none but in their order.
  CompensatedSum In(const Stretch& window) {
    const Stretch pieces{.begin = PieceAt(begin_, window.begin), .end = PieceAt(end_, window.end)};
    if (pieces.begin >= middle_) Rebuild(pieces);
    for (; next_ < pieces.end; ++next_) back_.Add(sums_[next_]);
    CompensatedSum sum = front_[middle_ - pieces.begin];
    sum.Add(back_);
    return sum;
  }

 private:
  // The piece that begins at that edge, from `at` on.
  std::size_t PieceAt(std::size_t& at, std::size_t edge) const {
    while (edges_[at] < edge) ++at;
    return at;
  }

  // Makes the front stack hold the sums of [i, middle_) for each piece i of the window.
  void Rebuild(const Stretch& pieces) {
    middle_ = pieces.end;
    next_ = pieces.end;
    back_ = {};
    front_.resize(pieces.size() + 1);
    front_[0] = {};
    for (std::size_t i = 1; i <= pieces.size(); ++i) {
      front_[i] = front_[i - 1];
      front_[i].Add(sums_[middle_ - i]);
    }
  }

  std::vector<std::size_t> edges_;                          // of all windows, each once
  std::vector<CompensatedSum> sums_;                        // of the values between neighbouring edges
  std::vector<CompensatedSum> front_ = {CompensatedSum{}};  // front_[k]: the k pieces before middle_
  CompensatedSum back_;                                     // the pieces from middle_ on
  std::size_t middle_ = 0;
  std::size_t next_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace baro::query::func

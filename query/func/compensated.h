// Sums that remember what rounding lost.
//
// Source   Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974); the
//          improvement of Kahan's summation that also holds when a summand is larger than the sum.
// Threads  Values.
#pragma once

#include <cmath>

namespace baro::query::func {

/// A running sum. Infinite sums ignore the compensation, for that is NaN then.
struct CompensatedSum {
  double sum = 0;
  double lost = 0;

  void Add(double value) {
    const double next = sum + value;
    if (std::isinf(next)) {
      lost = 0;
    } else if (std::fabs(sum) >= std::fabs(value)) {
      lost += (sum - next) + value;
    } else {
      lost += (value - next) + sum;
    }
    sum = next;
  }

  /// Adds another sum, as if its values had been added one by one.
  void Add(const CompensatedSum& other) {
    Add(other.sum);
    lost += other.lost;
  }

  double value() const { return std::isinf(sum) ? sum : sum + lost; }
};

}  // namespace baro::query::func

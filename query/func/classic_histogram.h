// Quantiles and fractions of classic histograms: one series per bucket, cumulative, bounds in the label `le`.
//
// Threads  Pure functions.
#pragma once

#include <span>
#include <vector>

namespace baro::query::func {

/// Observations at or below `upper_bound`.
struct ClassicBucket {
  double upper_bound = 0;
  double count = 0;
};

/// What had to be repaired because the counts were not cumulative.
struct MonotonicityFix {
  bool was_forced = false;
  double lowest_bound = 0;  ///< of the buckets that were raised
  double highest_bound = 0;
  double largest_difference = 0;
};

/// The φ-quantile by linear interpolation. NaN without a bucket to +Inf, with fewer than two buckets or no
/// observations. `buckets` are sorted by bound; they are joined and repaired in place.
double ClassicQuantile(double phi, std::vector<ClassicBucket>& buckets, MonotonicityFix& fix);

/// The share of observations in (lower, upper].
/// Shape    as ClassicQuantile().
double ClassicFraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

}  // namespace baro::query::func

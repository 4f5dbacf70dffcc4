#include "query/func/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace baro::query::func {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSmallestNormal = std::numeric_limits<double>::min();

// Differences of sums of floats that are smaller than this are rounding errors. Source: Prometheus' choice.
constexpr double kRoundingTolerance = 1e-12;

bool AlmostEqual(double a, double b) {
  if (a == b) return true;
  const double sum = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  if (a == 0 || b == 0 || sum < kSmallestNormal) return difference < kRoundingTolerance * kSmallestNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kRoundingTolerance;
}

// Buckets whose bounds are spelled differently (`1`, `1.0`) are one.
void JoinEqualBounds(std::vector<ClassicBucket>& buckets) {
  std::size_t last = 0;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper_bound == buckets[last].upper_bound) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
}

void MakeMonotonic(std::vector<ClassicBucket>& buckets, MonotonicityFix& fix) {
  double before = buckets[0].count;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    ClassicBucket& bucket = buckets[i];
    if (bucket.count == before) continue;
    if (AlmostEqual(before, bucket.count)) {
      bucket.count = before;
    } else if (bucket.count < before) {
      if (!fix.was_forced) fix.lowest_bound = bucket.upper_bound;
      fix.was_forced = true;
      fix.highest_bound = bucket.upper_bound;
      fix.largest_difference = std::max(fix.largest_difference, before - bucket.count);
      bucket.count = before;
    } else {
      before = bucket.count;
    }
  }
}

bool EndsAtInfinity(const std::vector<ClassicBucket>& buckets) {
  return !buckets.empty() && buckets.back().upper_bound == kInfinity;
}

}  // namespace

double ClassicQuantile(double phi, std::vector<ClassicBucket>& buckets, MonotonicityFix& fix) {
  if (std::isnan(phi)) return kNaN;
  if (phi < 0) return -kInfinity;
  if (phi > 1) return kInfinity;
  if (!EndsAtInfinity(buckets)) return kNaN;
  JoinEqualBounds(buckets);
  MakeMonotonic(buckets, fix);
  if (buckets.size() < 2) return kNaN;
  const double observations = buckets.back().count;
  if (observations == 0) return kNaN;

  double rank = phi * observations;
  const auto at = static_cast<std::size_t>(
      std::partition_point(buckets.begin(), buckets.end() - 1,
                           [rank](const ClassicBucket& bucket) { return !(bucket.count >= rank); }) -
      buckets.begin());
  if (at == buckets.size() - 1) return buckets[buckets.size() - 2].upper_bound;
  if (at == 0 && buckets[0].upper_bound <= 0) return buckets[0].upper_bound;
  double lower_bound = 0;
  double count = buckets[at].count;
  if (at > 0) {
    lower_bound = buckets[at - 1].upper_bound;
    count -= buckets[at - 1].count;
    rank -= buckets[at - 1].count;
  }
  return lower_bound + (buckets[at].upper_bound - lower_bound) * (rank / count);
}

namespace {

double RankOf(double value, const std::vector<ClassicBucket>& buckets) {
  const double total = buckets.back().count;
  double below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const double upper = buckets[i].upper_bound;
    double lower = -kInfinity;
    if (i > 0) lower = buckets[i - 1].upper_bound;
    if (i == 0 && upper > 0) lower = 0;
    if (lower >= value) return std::min(below, total);
    if (upper > value) {
      // Nothing can be said inside an unbounded bucket: all of the lowest one is below, none of the highest one.
      if (lower == -kInfinity) return buckets[i].count;
      return std::min(below + (buckets[i].count - below) * (value - lower) / (upper - lower), total);
    }
    below = buckets[i].count;
  }
  return total;
}

}  // namespace

double ClassicFraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
  if (!EndsAtInfinity(buckets)) return kNaN;
  JoinEqualBounds(buckets);
  const double observations = buckets.back().count;
  if (observations == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  return (RankOf(upper, buckets) - RankOf(lower, buckets)) / observations;
}

}  // namespace baro::query::func

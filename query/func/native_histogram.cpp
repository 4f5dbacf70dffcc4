#include "query/func/native_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "query/func/compensated.h"

namespace baro::query::func {
namespace {

using model::Bucket;
using model::FloatHistogram;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool IsZeroBucket(const FloatHistogram& histogram, const Bucket& bucket) {
  return !histogram.uses_custom_buckets() && bucket.lower <= 0 && bucket.upper >= 0;
}

// If observations have one sign only, those in the zero bucket are taken to have it as well.
void NarrowZeroBucket(const FloatHistogram& histogram, Bucket& bucket) {
  if (histogram.negative_buckets.empty() && !histogram.positive_buckets.empty()) bucket.lower = 0;
  if (histogram.positive_buckets.empty() && !histogram.negative_buckets.empty()) bucket.upper = 0;
}

// Where `fraction` of the way through the bucket is.
double InterpolateInBucket(const FloatHistogram& histogram, const Bucket& bucket, double fraction) {
  if (histogram.uses_custom_buckets() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * fraction;
  }
  const double log_lower = std::log2(std::fabs(bucket.lower));
  const double log_upper = std::log2(std::fabs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(log_lower + (log_upper - log_lower) * fraction);
  return -std::exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

double BucketTotal(const FloatHistogram& histogram) {
  double total = 0;
  for (auto cursor = AllBuckets(histogram); cursor.Next();) total += cursor.bucket().count;
  return total;
}

}  // namespace

HistogramEstimate NativeQuantile(double phi, const FloatHistogram& histogram) {
  if (phi < 0) return {.value = -kInfinity};
  if (phi > 1) return {.value = kInfinity};
  if (histogram.count == 0 || std::isnan(phi)) return {.value = kNaN};

  // Counting from the nearer end keeps rounding errors small. NaN observations stand above all others, so that with
  // them only counting from below is right.
  const bool has_nan = std::isnan(histogram.sum);
  const bool is_forward = has_nan || phi < 0.5;
  double rank = (is_forward ? phi : 1 - phi) * histogram.count;
  auto cursor = is_forward ? AllBuckets(histogram) : AllBucketsReversed(histogram);
  Bucket bucket;
  double count = 0;
  while (cursor.Next()) {
    bucket = cursor.bucket();
    if (bucket.count == 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  if (IsZeroBucket(histogram, bucket)) NarrowZeroBucket(histogram, bucket);
  if (histogram.uses_custom_buckets()) {
    if (bucket.lower == -kInfinity) {
      if (bucket.upper <= 0) return {.value = bucket.upper};
      bucket.lower = 0;
    } else if (bucket.upper == kInfinity) {
      return {.value = bucket.lower};
    }
  }
  count = std::min(count, histogram.count);
  if (count < rank) {
    if (has_nan) return {.value = kNaN, .nan_effect = NaNEffect::kResultIsNaN};
    return {.value = is_forward ? bucket.upper : bucket.lower};
  }
  const bool is_skewed = has_nan && BucketTotal(histogram) < histogram.count;
  rank = is_forward ? rank - (count - bucket.count) : count - rank;
  return {.value = InterpolateInBucket(histogram, bucket, rank / bucket.count),
          .nan_effect = is_skewed ? NaNEffect::kSkewedHigher : NaNEffect::kNone};
}

namespace {

// How many observations are at or below `value`, which lies inside the bucket; `below` are those of the buckets before.
double RankInBucket(const FloatHistogram& histogram, const Bucket& bucket, double below, double value) {
  if (histogram.uses_custom_buckets() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    // Nothing can be said inside an unbounded bucket: all of the lowest one is below, none of the highest one.
    if (bucket.lower == -kInfinity) return bucket.count;
    return below + bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower);
  }
  const double log_lower = std::log2(std::fabs(bucket.lower));
  const double log_upper = std::log2(std::fabs(bucket.upper));
  const double log_value = std::log2(std::fabs(value));
  const double fraction = value > 0 ? (log_value - log_lower) / (log_upper - log_lower)
                                    : 1 - (log_value - log_upper) / (log_lower - log_upper);
  return below + bucket.count * fraction;
}

// How many observations are at or below `value`.
double RankOf(const FloatHistogram& histogram, double value, double total) {
  double below = 0;
  for (auto cursor = AllBuckets(histogram); cursor.Next();) {
    Bucket bucket = cursor.bucket();
    if (IsZeroBucket(histogram, bucket)) NarrowZeroBucket(histogram, bucket);
    if (histogram.uses_custom_buckets() && bucket.lower == -kInfinity && bucket.upper > 0) bucket.lower = 0;
    if (bucket.lower >= value) return std::min(below, total);
    if (bucket.upper > value) return std::min(RankInBucket(histogram, bucket, below, value), total);
    below += bucket.count;
  }
  return total;
}

}  // namespace

HistogramEstimate NativeFraction(double lower, double upper, const FloatHistogram& histogram) {
  if (histogram.count == 0 || std::isnan(lower) || std::isnan(upper)) return {.value = kNaN};
  if (lower >= upper) return {.value = 0};
  double total = histogram.count;
  NaNEffect effect = NaNEffect::kNone;
  if (std::isnan(histogram.sum)) {
    const double in_buckets = BucketTotal(histogram);
    if (in_buckets < total) {
      total = in_buckets;
      effect = NaNEffect::kExcluded;
    }
  }
  const double share = (RankOf(histogram, upper, total) - RankOf(histogram, lower, total)) / histogram.count;
  return {.value = share, .nan_effect = effect};
}

double NativeVariance(const FloatHistogram& histogram) {
  const double mean = histogram.sum / histogram.count;
  CompensatedSum sum;
  for (auto cursor = AllBuckets(histogram); cursor.Next();) {
    const Bucket& bucket = cursor.bucket();
    if (bucket.count == 0) continue;
    double middle = 0;
    if (histogram.uses_custom_buckets()) {
      middle = (bucket.upper + bucket.lower) / 2;
    } else if (!IsZeroBucket(histogram, bucket)) {
      middle = std::copysign(std::sqrt(bucket.upper * bucket.lower), bucket.upper);
    }
    sum.Add(bucket.count * (middle - mean) * (middle - mean));
  }
  return (sum.sum + sum.lost) / histogram.count;
}

}  // namespace baro::query::func

#include <array>
#include <cmath>

#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

constexpr int kFractions = 1 << kSchemaMax;

// 2^(i/256) / 2 for i in 0..255, the fractions in [0.5, 1) of the finest schema's bounds; the coarser schemas' bounds
// are every 2nd, 4th, ... of them. Entry 0 is exact. The others are the doubles that Prometheus and its client
// libraries sort observations by, up to four units in the last place beside the nearest ones: the first half begins
// with 1/2, the second with the double below sqrt(1/2), and each finer schema's new bound is its left neighbour times
// the ratio.
const std::array<double, kFractions>& Fractions() {
  static const auto fractions = [] {
    std::array<double, kFractions> values{};
    values[0] = 0.5;
    values[kFractions / 2] = 0.7071067811865475;
    double ratio = std::sqrt(2.0);
    for (std::size_t step = kFractions / 4; step > 0; step /= 2) {
      ratio = std::sqrt(ratio);
      for (std::size_t i = step; i < values.size(); i += 2 * step) values[i] = values[i - step] * ratio;
    }
    return values;
  }();
  return fractions;
}

// 2^exponent * fraction. What would be the first power of two that is not finite is the greatest finite double, so that
// the last bucket of finite values has a finite bound.
double Scale(double fraction, std::int64_t exponent) {
  if (fraction == 0.5 && exponent == 1025) return std::numeric_limits<double>::max();
  if (exponent > 1025) return std::numeric_limits<double>::infinity();
  if (exponent < -1100) return 0;
  return std::ldexp(fraction, static_cast<int>(exponent));
}

double ExponentialBound(std::int32_t schema, std::int32_t index) {
  if (schema <= 0) return Scale(0.5, (static_cast<std::int64_t>(index) << -schema) + 1);
  const auto step = static_cast<std::uint32_t>(index) & ((1U << schema) - 1);
  const double fraction = Fractions()[step << (kSchemaMax - schema)];
  return Scale(fraction, (static_cast<std::int64_t>(index) >> schema) + 1);
}

double CustomBound(std::int32_t index, std::span<const double> bounds) {
  if (index < 0) return -std::numeric_limits<double>::infinity();
  if (static_cast<std::size_t>(index) >= bounds.size()) return std::numeric_limits<double>::infinity();
  return bounds[static_cast<std::size_t>(index)];
}

}  // namespace

double BucketUpperBound(std::int32_t schema, std::int32_t index, std::span<const double> custom_values) {
  if (IsCustomSchema(schema)) return CustomBound(index, custom_values);
  BARO_ASSERT(IsExponentialSchema(schema));
  return ExponentialBound(schema, index);
}

Bucket internal::BucketOf(std::int32_t schema, std::span<const double> custom_values, std::int64_t index,
                          bool is_positive) {
  const auto at = static_cast<std::int32_t>(index);
  const double near = BucketUpperBound(schema, at - 1, custom_values);
  const double far = BucketUpperBound(schema, at, custom_values);
  Bucket bucket{.lower = is_positive ? near : -far, .upper = is_positive ? far : -near, .index = at};
  if (IsCustomSchema(schema)) {
    bucket.is_lower_inclusive = std::isinf(bucket.lower);
    bucket.is_upper_inclusive = true;
  } else {
    bucket.is_lower_inclusive = !is_positive;  // the bound that is farther from zero belongs to the bucket
    bucket.is_upper_inclusive = is_positive;
  }
  return bucket;
}

}  // namespace baro::model

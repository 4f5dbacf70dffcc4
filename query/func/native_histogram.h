// Quantiles, fractions and spread of native histograms.
//
// Source   Prometheus, "Native histograms" specification: exponential interpolation inside ordinary buckets, linear
// inside
//          the zero bucket and custom buckets.
// Threads  Pure functions.
#pragma once

#include "model/histogram.h"

namespace baro::query::func {

/// What NaN observations did to a result. They are in the count and in no bucket.
enum class NaNEffect : std::uint8_t { kNone, kResultIsNaN, kSkewedHigher, kExcluded };

struct HistogramEstimate {
  double value = 0;
  NaNEffect nan_effect = NaNEffect::kNone;
};

/// The φ-quantile; -Inf and +Inf for φ outside of [0, 1], NaN without observations.
HistogramEstimate NativeQuantile(double phi, const model::FloatHistogram& histogram);

/// The share of observations in (lower, upper]; 0 if lower >= upper, NaN for a NaN bound or without observations.
HistogramEstimate NativeFraction(double lower, double upper, const model::FloatHistogram& histogram);

/// Population variance, each bucket's observations taken to be at its middle.
double NativeVariance(const model::FloatHistogram& histogram);

}  // namespace baro::query::func

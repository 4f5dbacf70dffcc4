// How fine and how large native histograms of a target may be: finer ones are stored coarser, too large ones refused.
//
// Source   Prometheus' configuration: `native_histogram_bucket_limit`, `native_histogram_min_bucket_factor`.
// Threads  Pure functions.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/histogram.h"
#include "scraper/options.h"

namespace baro::scraper {

/// The finest schema whose buckets grow by `factor` at least; 1 and less allow all.
std::int32_t SchemaOfBucketFactor(double factor);

/// What is stored of `histogram`: itself, or a coarser one in `scratch`.
/// Shape    valid and compact.
/// Errors   kLimitExceeded: too many buckets in any schema, or in those of a custom one.
base::Result<const model::FloatHistogram*> FitHistogram(const model::FloatHistogram& histogram,
                                                        const NativeHistogramOptions& options,
                                                        model::FloatHistogram& scratch);

}  // namespace baro::scraper

// Which buckets a histogram has, and a histogram's counts under other buckets than its own.
//
// Threads  Pure functions and values.
#pragma once

#include <cstdint>
#include <vector>

#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model::internal {

struct Layout {
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::vector<double> custom_values;
};

/// The finest layout that both histograms can be brought to: the coarser schema, the wider zero bucket (widened further
/// to the edge of a populated bucket that it would cut), the custom bounds that both have.
/// Shape    both exponential or both with custom buckets.
Layout CommonLayout(const FloatHistogram& a, const FloatHistogram& b);

/// The counts under a layout.
struct Sides {
  Sparse<double> positive;
  Sparse<double> negative;
  double zero_count = 0;
};

/// Shape    `layout` is no finer than the histogram's own in any respect.
Sides BringTo(const Layout& layout, const FloatHistogram& histogram);

}  // namespace baro::model::internal

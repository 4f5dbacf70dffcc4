#include "model/histogram/layout.h"

#include <algorithm>

namespace baro::model::internal {

Layout CommonLayout(const FloatHistogram& a, const FloatHistogram& b) {
  if (a.uses_custom_buckets()) {
    auto bounds =
        a.custom_values == b.custom_values ? a.custom_values : IntersectBounds(a.custom_values, b.custom_values);
    return {.schema = kSchemaCustom, .zero_threshold = 0, .custom_values = std::move(bounds)};
  }
  double threshold = std::max(a.zero_threshold, b.zero_threshold);
  for (double before = -1; threshold > before;) {
    before = threshold;
    threshold = WidenThreshold(b, WidenThreshold(a, threshold));
  }
  return {.schema = std::min(a.schema, b.schema), .zero_threshold = threshold, .custom_values = {}};
}

Sides BringTo(const Layout& layout, const FloatHistogram& histogram) {
  Sides sides{.positive = ToSparse(histogram.positive_spans, histogram.positive_buckets),
              .negative = ToSparse(histogram.negative_spans, histogram.negative_buckets),
              .zero_count = histogram.zero_count};
  if (histogram.uses_custom_buckets()) {
    if (histogram.custom_values != layout.custom_values) {
      MapBuckets(sides.positive, [&](std::int64_t index) {
        return MapCustomIndex(index, histogram.custom_values, layout.custom_values);
      });
    }
    return sides;
  }
  if (layout.zero_threshold > histogram.zero_threshold) {
    sides.zero_count += TakeBelow(sides.positive, histogram.schema, layout.zero_threshold);
    sides.zero_count += TakeBelow(sides.negative, histogram.schema, layout.zero_threshold);
  }
  if (const int shift = histogram.schema - layout.schema; shift > 0) {
    const auto coarser = [shift](std::int64_t index) { return CoarserIndex(index, shift); };
    MapBuckets(sides.positive, coarser);
    MapBuckets(sides.negative, coarser);
  }
  return sides;
}

}  // namespace baro::model::internal

#include "model/histogram/sparse.h"

#include <algorithm>

namespace baro::model::internal {
namespace {

// Joins spans that touch and leaves out empty ones.
std::vector<Span> Normalised(std::span<const Span> spans) {
  std::vector<Span> joined;
  std::int64_t gap = 0;
  for (const Span& span : spans) {
    gap += span.offset;
    if (span.length == 0) continue;
    if (!joined.empty() && gap == 0) {
      joined.back().length += span.length;
    } else {
      joined.push_back({.offset = static_cast<std::int32_t>(gap), .length = span.length});
    }
    gap = 0;
  }
  return joined;
}

// The first populated bucket of the side that `threshold` cuts widens it. Buckets ascend, so one pass will do.
double WidenOnSide(std::span<const Span> spans, std::span<const double> counts, std::int32_t schema, double threshold) {
  ForEachBucket(spans, counts, [&](std::int64_t index, double count) {
    if (count == 0) return;
    const auto at = static_cast<std::int32_t>(index);
    if (BucketUpperBound(schema, at - 1) >= threshold) return;
    threshold = std::max(threshold, BucketUpperBound(schema, at));
  });
  return threshold;
}

}  // namespace

bool SpansCoverTheSame(std::span<const Span> a, std::span<const Span> b) {
  return std::ranges::equal(a, b) || Normalised(a) == Normalised(b);
}

std::vector<std::int64_t> AbsoluteCounts(std::span<const std::int64_t> deltas) {
  std::vector<std::int64_t> counts(deltas.begin(), deltas.end());
  std::uint64_t running = 0;
  for (std::int64_t& count : counts) {
    running += static_cast<std::uint64_t>(count);
    count = static_cast<std::int64_t>(running);
  }
  return counts;
}

std::vector<std::int64_t> DeltaCounts(std::span<const std::int64_t> counts) {
  std::vector<std::int64_t> deltas(counts.begin(), counts.end());
  std::uint64_t previous = 0;
  for (std::int64_t& delta : deltas) {
    const auto count = static_cast<std::uint64_t>(delta);
    delta = static_cast<std::int64_t>(count - previous);
    previous = count;
  }
  return deltas;
}

double WidenThreshold(const FloatHistogram& histogram, double threshold) {
  for (double before = histogram.zero_threshold; threshold > before;) {
    before = threshold;
    threshold = WidenOnSide(histogram.positive_spans, histogram.positive_buckets, histogram.schema, threshold);
    threshold = WidenOnSide(histogram.negative_spans, histogram.negative_buckets, histogram.schema, threshold);
  }
  return threshold;
}

double TakeBelow(Sparse<double>& side, std::int32_t schema, double threshold) {
  double taken = 0;
  std::size_t count = 0;
  while (count < side.size() &&
         BucketUpperBound(schema, static_cast<std::int32_t>(side[count].index) - 1) < threshold) {
    taken += side[count++].count;
  }
  side.erase(side.begin(), side.begin() + static_cast<std::ptrdiff_t>(count));
  return taken;
}

std::vector<double> IntersectBounds(std::span<const double> a, std::span<const double> b) {
  std::vector<double> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::int64_t MapCustomIndex(std::int64_t index, std::span<const double> from, std::span<const double> to) {
  if (index < 0 || static_cast<std::size_t>(index) >= from.size()) return static_cast<std::int64_t>(to.size());
  return std::lower_bound(to.begin(), to.end(), from[static_cast<std::size_t>(index)]) - to.begin();
}

}  // namespace baro::model::internal

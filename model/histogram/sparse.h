// Buckets of one side as a list of (index, count): the form in which histograms are merged.
//
// Threads  Pure functions and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/histogram.h"

namespace baro::model::internal {

template <typename Count>
struct IndexedCount {
  std::int64_t index = 0;
  Count count{};
};

/// Ascending by index, each index once.
template <typename Count>
using Sparse = std::vector<IndexedCount<Count>>;

/// Calls `visit(index, count)` for each bucket in the order of the spans. Stops where spans or buckets end first.
template <typename Count, typename Visit>
void ForEachBucket(std::span<const Span> spans, std::span<const Count> counts, const Visit& visit) {
  std::size_t at = 0;
  std::int64_t index = 0;
  for (const Span& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length; ++i, ++index) {
      if (at == counts.size()) return;
      visit(index, counts[at++]);
    }
  }
}

template <typename Count>
Sparse<Count> ToSparse(const std::vector<Span>& spans, const std::vector<Count>& counts) {
  Sparse<Count> sparse;
  sparse.reserve(counts.size());
  ForEachBucket(std::span(spans), std::span(counts),
                [&sparse](std::int64_t index, Count count) { sparse.push_back({index, count}); });
  return sparse;
}

/// Writes buckets, given in ascending order, as spans and counts. Neighbours share a span.
template <typename Count>
class SideWriter {
 public:
  SideWriter(std::vector<Span>& spans, std::vector<Count>& counts) : spans_(spans), counts_(counts) {
    spans_.clear();
    counts_.clear();
  }

  void Put(std::int64_t index, Count count) {
    if (spans_.empty() || index != next_) {
      spans_.push_back({.offset = static_cast<std::int32_t>(index - next_), .length = 0});
    }
    ++spans_.back().length;
    counts_.push_back(count);
    next_ = index + 1;
  }

 private:
  std::vector<Span>& spans_;
  std::vector<Count>& counts_;
  std::int64_t next_ = 0;
};

template <typename Count>
void FromSparse(const Sparse<Count>& sparse, std::vector<Span>& spans, std::vector<Count>& counts) {
  SideWriter<Count> writer(spans, counts);
  for (const auto& [index, count] : sparse) writer.Put(index, count);
}

/// The bucket of the schema that is `shift` coarser.
inline std::int64_t CoarserIndex(std::int64_t index, int shift) { return ((index - 1) >> shift) + 1; }

/// Renames each bucket with `map`, which keeps the order, and adds up those that fall together.
template <typename Count, typename Map>
void MapBuckets(Sparse<Count>& sparse, const Map& map) {
  std::size_t kept = 0;
  for (const auto& [index, count] : sparse) {
    const std::int64_t target = map(index);
    if (kept > 0 && sparse[kept - 1].index == target) {
      sparse[kept - 1].count += count;
    } else {
      sparse[kept++] = {target, count};
    }
  }
  sparse.resize(kept);
}

/// Rewrites one side so that runs of more than `empty_buckets_max` empty buckets lie between spans and shorter ones
/// inside of them, and no side begins or ends with empty buckets.
template <typename Count>
void CompactSide(std::vector<Span>& spans, std::vector<Count>& counts, std::size_t empty_buckets_max) {
  const Sparse<Count> sparse = ToSparse(spans, counts);
  SideWriter<Count> writer(spans, counts);
  bool is_first = true;
  std::int64_t next = 0;
  for (const auto& [index, count] : sparse) {
    if (count == Count{}) continue;
    if (!is_first && static_cast<std::uint64_t>(index - next) <= empty_buckets_max) {
      for (; next < index; ++next) writer.Put(next, Count{});
    }
    writer.Put(index, count);
    next = index + 1;
    is_first = false;
  }
}

/// Whether both sides have the same buckets, however their spans are cut.
bool SpansCoverTheSame(std::span<const Span> a, std::span<const Span> b);

/// The absolute counts of delta-coded buckets, and back. Sums wrap around instead of overflowing.
std::vector<std::int64_t> AbsoluteCounts(std::span<const std::int64_t> deltas);
std::vector<std::int64_t> DeltaCounts(std::span<const std::int64_t> counts);

/// Bucket `index` of a side, without a count.
Bucket BucketOf(std::int32_t schema, std::span<const double> custom_values, std::int64_t index, bool is_positive);

/// The wider of `threshold` and the upper edges of populated buckets that it would cut. `histogram` is exponential; a
/// threshold that is its own is left alone.
double WidenThreshold(const FloatHistogram& histogram, double threshold);

/// Takes the buckets below `threshold` out of `side` and returns their sum.
double TakeBelow(Sparse<double>& side, std::int32_t schema, double threshold);

/// The bounds that both have.
std::vector<double> IntersectBounds(std::span<const double> a, std::span<const double> b);

/// The bucket of bounds `to` that holds bucket `index` of bounds `from`, of which `to` is a subset.
std::int64_t MapCustomIndex(std::int64_t index, std::span<const double> from, std::span<const double> to);

}  // namespace baro::model::internal

// What neighbouring native histograms have in common: everything but their numbers.
//
// Format   docs/formats/chunk.md, section 7.
// Threads  Values; pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/histogram.h"

namespace baro::tsdb {

/// Schema, threshold, spans and bounds. A histogram's buckets are given by it, but for their counts.
struct HistogramShape {
  bool is_plain_stale = false;  ///< a stale marker without counts: its rows stand in no column
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::vector<model::Span> positive_spans;
  std::vector<model::Span> negative_spans;
  std::vector<double> custom_values;

  std::size_t positive_count = 0;  ///< buckets that the spans ask for
  std::size_t negative_count = 0;

  std::size_t bucket_count() const { return positive_count + negative_count; }
};

/// Errors   kInvalidArgument: the histogram contradicts itself. kLimitExceeded: too many spans, buckets or bounds.
base::Result<HistogramShape> ShapeOf(const model::FloatHistogram& histogram);

/// Whether the histogram has that shape, bit for bit. Cheaper than ShapeOf().
bool HasShape(const model::FloatHistogram& histogram, const HistogramShape& shape);

void AppendShape(const HistogramShape& shape, base::ByteBuffer& out);

/// Errors   kCorruption.
base::Result<HistogramShape> ReadShape(base::ByteReader& reader);

/// A histogram of that shape with all counts 0.
model::FloatHistogram EmptyOf(const HistogramShape& shape);

/// The columns of buckets that histograms of some shapes have between them: one for each bucket of the same schema,
/// bounds, side and index, in that order.
class BucketColumns {
 public:
  explicit BucketColumns(std::span<const HistogramShape> shapes);

  std::size_t count() const { return count_; }

  /// For each bucket of the shape, negative ones first, then positive ones: the number of its column. Rising.
  std::span<const std::uint32_t> of_shape(std::size_t shape) const { return of_shape_[shape]; }

 private:
  std::size_t count_ = 0;
  std::vector<std::vector<std::uint32_t>> of_shape_;
};

}  // namespace baro::tsdb

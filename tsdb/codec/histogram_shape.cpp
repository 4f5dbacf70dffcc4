#include "tsdb/codec/histogram_shape.h"

#include <algorithm>
#include <bit>

#include "model/sample.h"
#include "tsdb/codec/histogram_codec.h"
#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

using model::FloatHistogram;

constexpr std::uint8_t kPlainStale = 1;
constexpr std::uint8_t kZeroThreshold = 2;   // 0: custom buckets, gauges, what has no zero bucket
constexpr std::uint8_t kUsualThreshold = 4;  // 2^-128, what clients use unless told otherwise
constexpr std::uint8_t kCustomValues = 8;
constexpr double kUsualThresholdValue = 0x1p-128;

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("histograms: {}", what)}; }

bool SameBits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool IsPlainStale(const FloatHistogram& histogram) {
  return model::IsStaleNaN(histogram.sum) && SameBits(histogram.count, 0) && SameBits(histogram.zero_count, 0) &&
         histogram.positive_buckets.empty() && histogram.negative_buckets.empty();
}

void AppendSpans(std::span<const model::Span> spans, base::ByteBuffer& out) {
  base::AppendVarint(out, spans.size());
  for (const model::Span& span : spans) {
    base::AppendSignedVarint(out, span.offset);
    base::AppendVarint(out, span.length);
  }
}

base::Result<std::size_t> ReadSpans(base::ByteReader& reader, std::vector<model::Span>& spans) {
  const std::uint64_t count = reader.Varint();
  if (count > std::min(kHistogramChunkBucketsMax, reader.remaining())) return Damaged("too many spans");
  spans.resize(count);
  std::size_t buckets = 0;
  for (model::Span& span : spans) {
    const std::int64_t offset = reader.SignedVarint();
    const std::uint64_t length = reader.Varint();
    if (offset != static_cast<std::int32_t>(offset) || length > kHistogramChunkBucketsMax - buckets) {
      return Damaged("a span out of bounds");
    }
    span = {.offset = static_cast<std::int32_t>(offset), .length = static_cast<std::uint32_t>(length)};
    buckets += length;
  }
  return buckets;
}

base::Result<> ReadCustomValues(base::ByteReader& reader, std::vector<double>& bounds) {
  const std::uint64_t count = reader.Varint();
  if (count > std::min(kHistogramChunkBucketsMax, reader.remaining())) return Damaged("too many bounds");
  bounds.resize(count);
  for (double& bound : bounds) bound = reader.Le<double>();
  return {};
}

// Same schema and bounds: buckets of one index are the same bucket.
bool HaveSameBuckets(const HistogramShape& a, const HistogramShape& b) {
  return a.schema == b.schema && std::ranges::equal(a.custom_values, b.custom_values, SameBits);
}

struct BucketKey {
  std::uint32_t shape;  // the first one of the same buckets
  bool is_positive;
  std::int32_t index;

  friend auto operator<=>(const BucketKey&, const BucketKey&) = default;
};

void AppendKeys(std::span<const model::Span> spans, BucketKey key, std::vector<BucketKey>& keys) {
  std::int64_t index = 0;
  for (const model::Span& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length; ++i) {
      key.index = static_cast<std::int32_t>(index++);
      keys.push_back(key);
    }
  }
}

}  // namespace

base::Result<HistogramShape> ShapeOf(const FloatHistogram& histogram) {
  const std::size_t greatest =
      std::max({histogram.positive_spans.size(), histogram.negative_spans.size(), histogram.positive_buckets.size(),
                histogram.negative_buckets.size(), histogram.custom_values.size()});
  if (greatest > kHistogramChunkBucketsMax) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("writing a histogram: {} spans, buckets or bounds, the limit is {}", greatest,
                                  kHistogramChunkBucketsMax));
  }
  HistogramShape shape{.is_plain_stale = IsPlainStale(histogram),
                       .schema = histogram.schema,
                       .zero_threshold = histogram.zero_threshold,
                       .positive_spans = histogram.positive_spans,
                       .negative_spans = histogram.negative_spans,
                       .custom_values = histogram.custom_values,
                       .positive_count = histogram.positive_buckets.size(),
                       .negative_count = histogram.negative_buckets.size()};
  BARO_TRY(EmptyOf(shape).Validate());
  return shape;
}

bool HasShape(const FloatHistogram& histogram, const HistogramShape& shape) {
  return histogram.schema == shape.schema && SameBits(histogram.zero_threshold, shape.zero_threshold) &&
         histogram.positive_buckets.size() == shape.positive_count &&
         histogram.negative_buckets.size() == shape.negative_count &&
         histogram.positive_spans == shape.positive_spans && histogram.negative_spans == shape.negative_spans &&
         std::ranges::equal(histogram.custom_values, shape.custom_values, SameBits) &&
         IsPlainStale(histogram) == shape.is_plain_stale;
}

void AppendShape(const HistogramShape& shape, base::ByteBuffer& out) {
  std::uint8_t flags = shape.is_plain_stale ? kPlainStale : 0;
  if (SameBits(shape.zero_threshold, 0)) flags |= kZeroThreshold;
  if (SameBits(shape.zero_threshold, kUsualThresholdValue)) flags |= kUsualThreshold;
  if (!shape.custom_values.empty()) flags |= kCustomValues;
  out.push_back(static_cast<std::byte>(flags));
  base::AppendSignedVarint(out, shape.schema);
  if ((flags & (kZeroThreshold | kUsualThreshold)) == 0) base::AppendLe(out, shape.zero_threshold);
  AppendSpans(shape.positive_spans, out);
  AppendSpans(shape.negative_spans, out);
  if ((flags & kCustomValues) == 0) return;
  base::AppendVarint(out, shape.custom_values.size());
  base::AppendBytes(out, std::as_bytes(std::span(shape.custom_values)));
}

base::Result<HistogramShape> ReadShape(base::ByteReader& reader) {
  HistogramShape shape;
  const auto flags = reader.Le<std::uint8_t>();
  if (flags > (kPlainStale | kZeroThreshold | kUsualThreshold | kCustomValues)) return Damaged("an unknown shape");
  shape.is_plain_stale = (flags & kPlainStale) != 0;
  const std::int64_t schema = reader.SignedVarint();
  if (schema != static_cast<std::int32_t>(schema)) return Damaged("schema out of bounds");
  shape.schema = static_cast<std::int32_t>(schema);
  if ((flags & kUsualThreshold) != 0) shape.zero_threshold = kUsualThresholdValue;
  if ((flags & (kZeroThreshold | kUsualThreshold)) == 0) shape.zero_threshold = reader.Le<double>();
  shape.positive_count = BARO_TRY(ReadSpans(reader, shape.positive_spans));
  shape.negative_count = BARO_TRY(ReadSpans(reader, shape.negative_spans));
  if ((flags & kCustomValues) != 0) BARO_TRY(ReadCustomValues(reader, shape.custom_values));
  if (!reader.ok()) return Damaged("a shape cut short");
  if (shape.is_plain_stale && shape.bucket_count() != 0) return Damaged("a stale marker with buckets");
  // Every bucket has a column somewhere behind, of two bytes at least.
  if (shape.bucket_count() > reader.remaining()) return Damaged("more buckets than bytes");
  if (auto valid = EmptyOf(shape).Validate(); !valid) return Damaged(valid.error().message().c_str());
  return shape;
}

FloatHistogram EmptyOf(const HistogramShape& shape) {
  FloatHistogram histogram;
  histogram.schema = shape.schema;
  histogram.zero_threshold = shape.zero_threshold;
  histogram.positive_spans = shape.positive_spans;
  histogram.negative_spans = shape.negative_spans;
  histogram.custom_values = shape.custom_values;
  histogram.positive_buckets.resize(shape.positive_count);
  histogram.negative_buckets.resize(shape.negative_count);
  return histogram;
}

BucketColumns::BucketColumns(std::span<const HistogramShape> shapes) : of_shape_(shapes.size()) {
  std::vector<std::vector<BucketKey>> keys(shapes.size());
  std::vector<BucketKey> all;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    std::uint32_t first = 0;
    while (first < i && !HaveSameBuckets(shapes[first], shapes[i])) ++first;
    keys[i].reserve(shapes[i].bucket_count());
    AppendKeys(shapes[i].negative_spans, {.shape = first, .is_positive = false, .index = 0}, keys[i]);
    AppendKeys(shapes[i].positive_spans, {.shape = first, .is_positive = true, .index = 0}, keys[i]);
    std::vector<BucketKey> merged;
    merged.reserve(all.size() + keys[i].size());
    std::ranges::set_union(all, keys[i], std::back_inserter(merged));
    all = std::move(merged);
  }
  count_ = all.size();
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    of_shape_[i].reserve(keys[i].size());
    auto at = all.begin();
    for (const BucketKey& key : keys[i]) {
      at = std::lower_bound(at, all.end(), key);
      of_shape_[i].push_back(static_cast<std::uint32_t>(at - all.begin()));
    }
  }
}

}  // namespace baro::tsdb

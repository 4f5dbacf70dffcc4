#include "tsdb/promblock/histogram_chunk.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "model/sample.h"

namespace baro::tsdb {
namespace {

using base::Code;
using base::Fail;

// More than any schema has between the least and the greatest finite double, both sides.
constexpr std::uint64_t kBucketsMax = 1'200'000;
// The flags stand in the two high bits of the third byte.
constexpr std::uint64_t kGaugeFlags = 3;

/// One byte for 0 and the powers of two from 2^-243 to 2^10, else a byte of ones and the double.
double ReadZeroThreshold(BitReader& in) {
  const auto code = static_cast<int>(in.Bits(8));
  if (code == 0) return 0;
  if (code == 0xff) return std::bit_cast<double>(in.Bits(64));
  return std::ldexp(0.5, code - 243);
}

/// Thousandths up to 33554.430 as a number that is not 0, others as 0 and the double.
double ReadCustomBound(BitReader& in) {
  const std::uint64_t code = ReadVarbitUnsigned(in);
  if (code == 0) return std::bit_cast<double>(in.Bits(64));
  return static_cast<double>(code - 1) / 1000;
}

/// The spans of one side, and how many buckets they have. Each span takes two bits at least, so that their number is
/// bounded by the bytes.
std::vector<model::Span> ReadSpans(BitReader& in, std::uint64_t& bucket_count) {
  std::vector<model::Span> spans;
  const std::uint64_t count = ReadVarbitUnsigned(in);
  if (count > in.remaining() / 2) in.Fail();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t length = ReadVarbitUnsigned(in);
    const std::int64_t offset = ReadVarbit(in);
    if (length > kBucketsMax || !std::in_range<std::int32_t>(offset)) in.Fail();
    bucket_count += length;
    spans.push_back({.offset = static_cast<std::int32_t>(offset), .length = static_cast<std::uint32_t>(length)});
  }
  return spans;
}

std::vector<double> ReadCustomBounds(BitReader& in) {
  std::vector<double> bounds;
  const std::uint64_t count = ReadVarbitUnsigned(in);
  if (count > in.remaining()) in.Fail();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) bounds.push_back(ReadCustomBound(in));
  return bounds;
}

base::Error CutShort(std::uint32_t read, std::uint32_t count) {
  return {Code::kCorruption,
          fmt::format("histogram chunk: cut short or malformed at sample {} of {}", read + 1, count)};
}

}  // namespace

HistogramChunkReader::HistogramChunkReader(base::ByteSpan data, HistogramFlavour flavour)
    : in_(data), flavour_(flavour) {
  count_ = static_cast<std::uint32_t>(in_.Bits(16));
  is_gauge_ = in_.Bits(8) >> 6 == kGaugeFlags;
}

base::Result<bool> HistogramChunkReader::Next() {
  if (read_ == count_ && in_.ok()) return false;
  if (read_ == 0) {
    BARO_TRY(ReadLayout());
    ReadFirst();
  } else {
    ReadNext();
  }
  if (!in_.ok()) return CutShort(read_, count_);
  ++read_;
  return true;
}

base::Result<> HistogramChunkReader::ReadLayout() {
  layout_.zero_threshold = ReadZeroThreshold(in_);
  const std::int64_t schema = ReadVarbit(in_);
  if (in_.ok() && (schema < -128 || schema > 127 || !model::IsKnownSchema(static_cast<std::int32_t>(schema)))) {
    return Fail(Code::kUnsupported, fmt::format("histogram chunk: schema {} is not known: want {} to {}, or {}", schema,
                                                model::kSchemaMin, model::kSchemaMax, model::kSchemaCustom));
  }
  layout_.schema = static_cast<std::int32_t>(schema);
  std::uint64_t bucket_count = 0;
  layout_.positive_spans = ReadSpans(in_, bucket_count);
  positive_count_ = bucket_count;
  layout_.negative_spans = ReadSpans(in_, bucket_count);
  if (layout_.uses_custom_buckets()) layout_.custom_values = ReadCustomBounds(in_);
  // Each bucket takes a bit at least, in the float flavour 64, so that what follows cannot ask for much.
  const std::uint64_t bucket_bits = flavour_ == HistogramFlavour::kFloat ? 64 : 1;
  if (bucket_count > kBucketsMax || bucket_count > in_.remaining() / bucket_bits) in_.Fail();
  if (!in_.ok()) return CutShort(0, count_);
  const std::uint64_t bytes =
      count_ *
      (bucket_count * sizeof(double) + sizeof(model::FloatHistogram) +
       (layout_.positive_spans.size() + layout_.negative_spans.size() + layout_.custom_values.size()) * sizeof(double));
  if (bytes > kHistogramChunkMemoryMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("histogram chunk: {} histograms of {} buckets would take {} bytes, the limit is {}", count_,
                            bucket_count, bytes, kHistogramChunkMemoryMax));
  }
  (flavour_ == HistogramFlavour::kFloat ? floats_.resize(bucket_count) : integers_.resize(bucket_count));
  return {};
}

void HistogramChunkReader::ReadFirst() {
  timestamp_ = static_cast<std::uint64_t>(ReadVarbit(in_));
  if (flavour_ == HistogramFlavour::kFloat) {
    float_observations_.bits = in_.Bits(64);
    float_zeros_.bits = in_.Bits(64);
    sum_.bits = in_.Bits(64);
    for (XorValue& bucket : floats_) bucket.bits = in_.Bits(64);
    return;
  }
  observations_.value = ReadVarbitUnsigned(in_);
  zeros_.value = ReadVarbitUnsigned(in_);
  sum_.bits = in_.Bits(64);
  for (IntegerState& bucket : integers_) bucket.value = static_cast<std::uint64_t>(ReadVarbit(in_));
}

// The second histogram has first differences, which are second ones to a difference of 0. A stale marker has no
// buckets; what follows it in the chunk, if anything, is stale too.
void HistogramChunkReader::ReadNext() {
  delta_ += static_cast<std::uint64_t>(ReadVarbit(in_));
  timestamp_ += delta_;
  if (flavour_ == HistogramFlavour::kFloat) {
    ReadXor(in_, float_observations_);
    ReadXor(in_, float_zeros_);
    ReadXor(in_, sum_);
    if (sum_.bits == model::kStaleNaNBits) return;
    for (XorValue& bucket : floats_) ReadXor(in_, bucket);
    return;
  }
  observations_.Step(static_cast<std::uint64_t>(ReadVarbit(in_)));
  zeros_.Step(static_cast<std::uint64_t>(ReadVarbit(in_)));
  ReadXor(in_, sum_);
  if (sum_.bits == model::kStaleNaNBits) return;
  for (IntegerState& bucket : integers_) bucket.Step(static_cast<std::uint64_t>(ReadVarbit(in_)));
}

base::Result<model::FloatHistogram> HistogramChunkReader::Current() const {
  if (sum_.bits == model::kStaleNaNBits) {
    model::FloatHistogram stale;
    stale.sum = sum_.value();
    return stale;
  }
  model::FloatHistogram histogram = layout_;
  histogram.sum = sum_.value();
  flavour_ == HistogramFlavour::kFloat ? FillFloats(histogram) : FillIntegers(histogram);
  using enum model::CounterResetHint;
  histogram.counter_reset_hint = is_gauge_ ? kGauge : read_ > 1 ? kNotReset : kUnknown;
  if (auto valid = histogram.Validate(); !valid) {
    return Fail(Code::kCorruption,
                fmt::format("histogram chunk: sample {} of {}: {}", read_, count_, valid.error().message()));
  }
  return histogram;
}

void HistogramChunkReader::FillIntegers(model::FloatHistogram& histogram) const {
  histogram.count = static_cast<double>(observations_.value);
  histogram.zero_count = static_cast<double>(zeros_.value);
  const auto fill = [](std::span<const IntegerState> differences, std::vector<double>& counts) {
    counts.reserve(differences.size());
    std::uint64_t count = 0;
    for (const IntegerState& difference : differences) {
      count += difference.value;
      counts.push_back(static_cast<double>(static_cast<std::int64_t>(count)));
    }
  };
  fill(std::span(integers_).first(positive_count_), histogram.positive_buckets);
  fill(std::span(integers_).subspan(positive_count_), histogram.negative_buckets);
}

void HistogramChunkReader::FillFloats(model::FloatHistogram& histogram) const {
  histogram.count = float_observations_.value();
  histogram.zero_count = float_zeros_.value();
  const auto fill = [](std::span<const XorValue> values, std::vector<double>& counts) {
    counts.reserve(values.size());
    for (const XorValue& value : values) counts.push_back(value.value());
  };
  fill(std::span(floats_).first(positive_count_), histogram.positive_buckets);
  fill(std::span(floats_).subspan(positive_count_), histogram.negative_buckets);
}

}  // namespace baro::tsdb

#include "tsdb/wal/histogram_record.h"

#include <algorithm>

#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

using model::FloatHistogram;

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("histogram record: {}", what)}; }

void EncodeSpans(std::span<const model::Span> spans, base::ByteBuffer& out) {
  base::AppendVarint(out, spans.size());
  for (const model::Span& span : spans) {
    base::AppendSignedVarint(out, span.offset);
    base::AppendVarint(out, span.length);
  }
}

void EncodeDoubles(std::span<const double> values, base::ByteBuffer& out) {
  base::AppendVarint(out, values.size());
  if (!values.empty()) EncodeValues(values, out);
}

base::Result<base::ByteSpan> DecodeSpans(base::ByteSpan bytes, std::vector<model::Span>& spans) {
  base::ByteReader reader(bytes);
  const std::uint64_t count = reader.Varint();
  if (count > std::min(kHistogramBucketsMax, reader.remaining())) return Damaged("too many spans");
  spans.resize(count);
  for (model::Span& span : spans) {
    span.offset = static_cast<std::int32_t>(reader.SignedVarint());
    span.length = static_cast<std::uint32_t>(reader.Varint());
  }
  if (!reader.ok()) return Damaged("spans cut short");
  return bytes.last(reader.remaining());
}

base::Result<base::ByteSpan> DecodeDoubles(base::ByteSpan bytes, std::vector<double>& values) {
  base::ByteReader reader(bytes);
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count > kHistogramBucketsMax) return Damaged("too many buckets");
  values.resize(count);
  bytes = bytes.last(reader.remaining());
  if (count == 0) return bytes;
  return DecodeValues(bytes, values);
}

}  // namespace

bool FitsRecord(const FloatHistogram& histogram) {
  return std::max({histogram.positive_spans.size(), histogram.negative_spans.size(), histogram.positive_buckets.size(),
                   histogram.negative_buckets.size(), histogram.custom_values.size()}) <= kHistogramBucketsMax;
}

void EncodeHistogram(const FloatHistogram& histogram, base::ByteBuffer& out) {
  out.push_back(static_cast<std::byte>(histogram.counter_reset_hint));
  base::AppendSignedVarint(out, histogram.schema);
  for (const double value : {histogram.zero_threshold, histogram.zero_count, histogram.count, histogram.sum}) {
    base::AppendLe(out, value);
  }
  EncodeSpans(histogram.positive_spans, out);
  EncodeSpans(histogram.negative_spans, out);
  EncodeDoubles(histogram.positive_buckets, out);
  EncodeDoubles(histogram.negative_buckets, out);
  EncodeDoubles(histogram.custom_values, out);
}

base::Result<FloatHistogram> DecodeHistogram(base::ByteSpan bytes) {
  base::ByteReader reader(bytes);
  FloatHistogram histogram;
  const auto hint = static_cast<unsigned>(reader.Le<std::uint8_t>());
  histogram.counter_reset_hint = static_cast<model::CounterResetHint>(hint);
  histogram.schema = static_cast<std::int32_t>(reader.SignedVarint());
  histogram.zero_threshold = reader.Le<double>();
  histogram.zero_count = reader.Le<double>();
  histogram.count = reader.Le<double>();
  histogram.sum = reader.Le<double>();
  if (!reader.ok() || hint > 3) return Damaged("head cut short or unknown");
  base::ByteSpan rest = bytes.last(reader.remaining());
  rest = BARO_TRY(DecodeSpans(rest, histogram.positive_spans));
  rest = BARO_TRY(DecodeSpans(rest, histogram.negative_spans));
  rest = BARO_TRY(DecodeDoubles(rest, histogram.positive_buckets));
  rest = BARO_TRY(DecodeDoubles(rest, histogram.negative_buckets));
  rest = BARO_TRY(DecodeDoubles(rest, histogram.custom_values));
  if (!rest.empty()) return Damaged("bytes behind its end");
  // A stale marker has no buckets; everything else must be what was accepted.
  if (auto valid = histogram.Validate(); !valid) return Damaged(valid.error().message().c_str());
  return histogram;
}

}  // namespace baro::tsdb

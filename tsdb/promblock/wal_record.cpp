#include "tsdb/promblock/wal_record.h"

#include <utility>

#include <fmt/format.h>

#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/index_reader.h"

namespace baro::tsdb {
namespace {

using base::ByteReader;
using base::Code;
using base::Fail;
using base::Result;
using model::FloatHistogram;

enum class RecordType : std::uint8_t {
  kSeries = 1,
  kSamples = 2,
  kTombstones = 3,
  kExemplars = 4,
  kMmapMarkers = 5,
  kMetadata = 6,
  kHistograms = 7,
  kFloatHistograms = 8,
  kCustomHistograms = 9,
  kCustomFloatHistograms = 10,
  kSamplesV2 = 11,
  kHistogramsV2 = 12,
  kFloatHistogramsV2 = 13,
};

base::Error Malformed(std::string_view what) {
  return {Code::kCorruption, fmt::format("record of {}: malformed or cut short", what)};
}

/// A number of pairs and the pairs. Each takes two bytes at least.
Result<model::Labels> TakeLabels(ByteReader& reader, model::LabelsBuilder& builder) {
  builder.Reset();
  const std::uint64_t count = reader.Varint();
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view name = reader.Text();
    const std::string_view value = reader.Text();
    bytes += name.size() + value.size();
    if (i >= kSeriesLabelsMax || bytes > kSeriesLabelBytesMax) {
      return Fail(Code::kCorruption,
                  fmt::format("labels: more than {} of them or {} bytes", kSeriesLabelsMax, kSeriesLabelBytesMax));
    }
    builder.Set(name, value);
  }
  if (!reader.ok()) return Malformed("labels");
  return builder.Build();
}

Result<> VisitSeries(ByteReader& reader, WalVisitor& visitor) {
  model::LabelsBuilder builder;
  while (!reader.AtEnd()) {
    const auto ref = TakeBe<std::uint64_t>(reader);
    const model::Labels labels = BARO_TRY(TakeLabels(reader, builder));
    if (!reader.ok()) return Malformed("series");
    BARO_TRY(visitor.OnSeries(ref, labels));
  }
  return {};
}

/// Takes the references and times in front of the items of a record, in either of the two forms.
class ItemHeads {
 public:
  struct Head {
    WalSeriesRef ref = 0;
    std::int64_t timestamp_ms = 0;
  };

  ItemHeads(ByteReader& reader, bool is_v2) : reader_(reader), is_v2_(is_v2) {
    if (is_v2_ || reader_.AtEnd()) return;
    ref_ = TakeBe<std::uint64_t>(reader_);
    time_ = TakeBe<std::uint64_t>(reader_);
  }

  Head Take() {
    if (!is_v2_) {
      const auto ref = ref_ + static_cast<std::uint64_t>(reader_.SignedVarint());
      return {.ref = ref, .timestamp_ms = TakeTime()};
    }
    ref_ += static_cast<std::uint64_t>(reader_.SignedVarint());
    if (std::exchange(is_first_, false)) {
      time_ = static_cast<std::uint64_t>(reader_.SignedVarint());
      reader_.SignedVarint();  // the start timestamp
      return {.ref = ref_, .timestamp_ms = static_cast<std::int64_t>(time_)};
    }
    const std::int64_t time = TakeTime();
    constexpr std::uint8_t kOwnStart = 2;  // 0: none, 1: that of the item before
    if (reader_.Le<std::uint8_t>() >= kOwnStart) reader_.SignedVarint();
    return {.ref = ref_, .timestamp_ms = time};
  }

 private:
  // Arithmetic wraps, as in Prometheus.
  std::int64_t TakeTime() {
    return static_cast<std::int64_t>(time_ + static_cast<std::uint64_t>(reader_.SignedVarint()));
  }

  ByteReader& reader_;
  bool is_v2_;
  bool is_first_ = true;
  std::uint64_t ref_ = 0;   // of the record, in version 2 of the item before
  std::uint64_t time_ = 0;  // of the record
};

Result<> VisitSamples(ByteReader& reader, bool is_v2, WalVisitor& visitor) {
  ItemHeads heads(reader, is_v2);
  while (!reader.AtEnd()) {
    const auto head = heads.Take();
    const double value = TakeBeDouble(reader);
    if (!reader.ok()) return Malformed("samples");
    BARO_TRY(visitor.OnSample(head.ref, {.timestamp_ms = head.timestamp_ms, .value = value}));
  }
  if (!reader.ok()) return Malformed("samples");
  return {};
}

// More buckets or bounds than any histogram has: what claims more is not read.
constexpr std::uint64_t kBucketsMax = 1'200'000;

void FailReader(ByteReader& reader) { reader.Bytes(reader.remaining() + 1); }

/// A number of spans and the spans.
void TakeSpans(ByteReader& reader, std::vector<model::Span>& spans) {
  const std::uint64_t count = reader.Varint();
  if (count > kBucketsMax) FailReader(reader);
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const std::int64_t offset = reader.SignedVarint();
    const std::uint64_t length = reader.Varint();
    if (!std::in_range<std::int32_t>(offset) || !std::in_range<std::uint32_t>(length)) {
      FailReader(reader);
      return;
    }
    spans.push_back({.offset = static_cast<std::int32_t>(offset), .length = static_cast<std::uint32_t>(length)});
  }
}

void TakeBuckets(ByteReader& reader, bool is_float, std::vector<double>& buckets) {
  const std::uint64_t count = reader.Varint();
  if (count > kBucketsMax) FailReader(reader);
  std::uint64_t absolute = 0;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    if (is_float) {
      buckets.push_back(TakeBeDouble(reader));
    } else {
      absolute += static_cast<std::uint64_t>(reader.SignedVarint());
      buckets.push_back(static_cast<double>(static_cast<std::int64_t>(absolute)));
    }
  }
}

Result<FloatHistogram> TakeHistogram(ByteReader& reader, bool is_float) {
  FloatHistogram histogram;
  const auto hint = reader.Le<std::uint8_t>();
  histogram.counter_reset_hint =
      hint <= 3 ? static_cast<model::CounterResetHint>(hint) : model::CounterResetHint::kUnknown;
  histogram.schema = static_cast<std::int32_t>(reader.SignedVarint());
  histogram.zero_threshold = TakeBeDouble(reader);
  histogram.zero_count = is_float ? TakeBeDouble(reader) : static_cast<double>(reader.Varint());
  histogram.count = is_float ? TakeBeDouble(reader) : static_cast<double>(reader.Varint());
  histogram.sum = TakeBeDouble(reader);
  TakeSpans(reader, histogram.positive_spans);
  TakeSpans(reader, histogram.negative_spans);
  TakeBuckets(reader, is_float, histogram.positive_buckets);
  TakeBuckets(reader, is_float, histogram.negative_buckets);
  if (histogram.uses_custom_buckets()) {
    const std::uint64_t count = reader.Varint();
    if (count > kBucketsMax) FailReader(reader);
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) histogram.custom_values.push_back(TakeBeDouble(reader));
  }
  if (!reader.ok()) return Malformed("histograms");
  if (!model::IsStaleNaN(histogram.sum)) return histogram;
  FloatHistogram stale;  // what else a marker says does not matter
  stale.sum = histogram.sum;
  return stale;
}

Result<> VisitHistograms(ByteReader& reader, bool is_float, bool is_v2, WalVisitor& visitor) {
  ItemHeads heads(reader, is_v2);
  while (!reader.AtEnd()) {
    const auto head = heads.Take();
    FloatHistogram histogram = BARO_TRY(TakeHistogram(reader, is_float));
    if (const auto valid = histogram.Validate(); !valid) return Fail(Code::kCorruption, valid.error().message());
    BARO_TRY(visitor.OnHistogram(head.ref, head.timestamp_ms, std::move(histogram)));
  }
  if (!reader.ok()) return Malformed("histograms");
  return {};
}

Result<> VisitTombstones(ByteReader& reader, WalVisitor& visitor) {
  while (!reader.AtEnd()) {
    const auto ref = TakeBe<std::uint64_t>(reader);
    model::TimeRange range;
    range.min_ms = reader.SignedVarint();
    range.max_ms = reader.SignedVarint();
    if (!reader.ok()) return Malformed("tombstones");
    BARO_TRY(visitor.OnTombstone(ref, range));
  }
  return {};
}

Result<> VisitExemplars(ByteReader& reader, WalVisitor& visitor) {
  model::LabelsBuilder builder;
  ItemHeads heads(reader, false);
  while (!reader.AtEnd()) {
    const auto head = heads.Take();
    model::Exemplar exemplar;
    exemplar.timestamp_ms = head.timestamp_ms;
    exemplar.value = TakeBeDouble(reader);
    exemplar.labels = BARO_TRY(TakeLabels(reader, builder));
    BARO_TRY(visitor.OnExemplar(head.ref, exemplar));
  }
  if (!reader.ok()) return Malformed("exemplars");
  return {};
}

Result<> VisitMetadata(ByteReader& reader, WalVisitor& visitor) {
  while (!reader.AtEnd()) {
    const WalSeriesRef ref = reader.Varint();
    const auto type = reader.Le<std::uint8_t>();
    model::Metadata metadata;
    // The numbers are those of model::MetricType.
    if (type <= static_cast<std::uint8_t>(model::MetricType::kStateSet)) {
      metadata.type = static_cast<model::MetricType>(type);
    }
    const std::uint64_t fields = reader.Varint();
    for (std::uint64_t i = 0; i < fields && reader.ok(); ++i) {
      const std::string_view name = reader.Text();
      const std::string_view value = reader.Text();
      if (name == "HELP") metadata.help = value;
      if (name == "UNIT") metadata.unit = value;
    }
    if (!reader.ok()) return Malformed("metadata");
    BARO_TRY(visitor.OnMetadata(ref, metadata));
  }
  return {};
}

}  // namespace

Result<> VisitWalRecord(base::ByteSpan record, WalVisitor& visitor) {
  ByteReader reader(record);
  const auto type = reader.Le<std::uint8_t>();
  if (!reader.ok()) return Fail(Code::kCorruption, "an empty record");
  switch (static_cast<RecordType>(type)) {
    case RecordType::kSeries:
      return VisitSeries(reader, visitor);
    case RecordType::kSamples:
      return VisitSamples(reader, false, visitor);
    case RecordType::kTombstones:
      return VisitTombstones(reader, visitor);
    case RecordType::kExemplars:
      return VisitExemplars(reader, visitor);
    case RecordType::kMmapMarkers:
      return {};  // what they mark is in the log as well
    case RecordType::kMetadata:
      return VisitMetadata(reader, visitor);
    case RecordType::kHistograms:
    case RecordType::kCustomHistograms:
      return VisitHistograms(reader, false, false, visitor);
    case RecordType::kFloatHistograms:
    case RecordType::kCustomFloatHistograms:
      return VisitHistograms(reader, true, false, visitor);
    case RecordType::kSamplesV2:
      return VisitSamples(reader, true, visitor);
    case RecordType::kHistogramsV2:
      return VisitHistograms(reader, false, true, visitor);
    case RecordType::kFloatHistogramsV2:
      return VisitHistograms(reader, true, true, visitor);
  }
  return visitor.OnUnknownRecord(type);
}

}  // namespace baro::tsdb

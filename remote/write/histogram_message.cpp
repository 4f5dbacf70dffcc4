#include "remote/write/histogram_message.h"

#include <algorithm>

#include <fmt/format.h>

#include "remote/write/series_labels.h"
#include "remote/write/wire.h"

namespace baro::remote {
namespace {

using base::Code;
using base::Fail;

base::Error Malformed(std::string_view what) {
  return {Code::kInvalidArgument, fmt::format("malformed protobuf message: {}", what)};
}

// The numbers of a repeated field, packed or one by one. False: there are too many.
template <typename Number, typename Read>
bool ReadNumbers(WireReader& reader, std::uint32_t tag, std::vector<Number>& numbers, const Read& read) {
  if (static_cast<WireType>(tag & 7) != WireType::kBytes) {
    if (numbers.size() == kHistogramElementsMax) return false;
    numbers.push_back(read(reader));
    return true;
  }
  WireReader packed(reader.Bytes());
  while (!packed.AtEnd()) {
    if (numbers.size() == kHistogramElementsMax) return false;
    numbers.push_back(read(packed));
  }
  if (!packed.ok()) reader.Fail<int>();
  return true;
}

bool ReadDoubles(WireReader& reader, std::uint32_t tag, std::vector<double>& numbers) {
  return ReadNumbers(reader, tag, numbers, [](WireReader& from) { return from.Double(); });
}

bool ReadDeltas(WireReader& reader, std::uint32_t tag, std::vector<std::int64_t>& numbers) {
  return ReadNumbers(reader, tag, numbers, [](WireReader& from) { return from.ZigZag(); });
}

bool ReadSpan(WireReader& reader, std::vector<model::Span>& spans) {
  if (spans.size() == kHistogramElementsMax) return false;
  model::Span& span = spans.emplace_back();
  WireReader message(reader.Bytes());
  while (!message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    if (tag == WireTag(1, WireType::kVarint)) {
      span.offset = static_cast<std::int32_t>(base::UnZigZag(message.Varint() & 0xffffffff));
    } else if (tag == WireTag(2, WireType::kVarint)) {
      span.length = static_cast<std::uint32_t>(message.Varint());
    } else if (tag >> 3 <= 2) {
      message.Fail<int>();
    } else {
      message.Skip(tag);
    }
  }
  if (!message.ok()) reader.Fail<int>();
  return true;
}

// The fields that hold one number.
bool ReadScalar(WireReader& reader, std::uint32_t tag, HistogramMessage& message) {
  switch (tag) {
    case WireTag(1, WireType::kVarint):
      message.integers.count = reader.Varint();
      message.is_float = false;
      return true;
    case WireTag(2, WireType::kFixed64):
      message.float_count = reader.Double();
      message.is_float = true;
      return true;
    case WireTag(3, WireType::kFixed64):
      message.integers.sum = reader.Double();
      return true;
    case WireTag(4, WireType::kVarint):
      message.integers.schema = static_cast<std::int32_t>(base::UnZigZag(reader.Varint() & 0xffffffff));
      return true;
    case WireTag(5, WireType::kFixed64):
      message.integers.zero_threshold = reader.Double();
      return true;
    case WireTag(6, WireType::kVarint):
      message.integers.zero_count = reader.Varint();
      message.float_zero_count = 0;
      return true;
    case WireTag(7, WireType::kFixed64):
      message.float_zero_count = reader.Double();
      message.integers.zero_count = 0;
      return true;
    case WireTag(14, WireType::kVarint): {
      const auto hint = static_cast<std::int32_t>(reader.Varint());
      constexpr auto kLast = static_cast<std::int32_t>(model::CounterResetHint::kGauge);
      message.integers.counter_reset_hint =
          hint >= 0 && hint <= kLast ? static_cast<model::CounterResetHint>(hint) : model::CounterResetHint::kUnknown;
      return true;
    }
    case WireTag(15, WireType::kVarint):
      message.timestamp_ms = static_cast<std::int64_t>(reader.Varint());
      return true;
    default:
      return false;
  }
}

// The fields that hold lists. False: there is too much of it.
bool ReadList(WireReader& reader, std::uint32_t tag, HistogramMessage& message) {
  model::Histogram& integers = message.integers;
  switch (tag) {
    case WireTag(8, WireType::kBytes):
      return ReadSpan(reader, integers.negative_spans);
    case WireTag(9, WireType::kBytes):
    case WireTag(9, WireType::kVarint):
      return ReadDeltas(reader, tag, integers.negative_buckets);
    case WireTag(10, WireType::kBytes):
    case WireTag(10, WireType::kFixed64):
      return ReadDoubles(reader, tag, message.negative_counts);
    case WireTag(11, WireType::kBytes):
      return ReadSpan(reader, integers.positive_spans);
    case WireTag(12, WireType::kBytes):
    case WireTag(12, WireType::kVarint):
      return ReadDeltas(reader, tag, integers.positive_buckets);
    case WireTag(13, WireType::kBytes):
    case WireTag(13, WireType::kFixed64):
      return ReadDoubles(reader, tag, message.positive_counts);
    case WireTag(16, WireType::kBytes):
    case WireTag(16, WireType::kFixed64):
      return ReadDoubles(reader, tag, integers.custom_values);
    default:
      if (tag >> 3 <= 16) {
        reader.Fail<int>();
      } else {
        reader.Skip(tag);
      }
      return true;
  }
}

model::FloatHistogram FloatFlavour(HistogramMessage message) {
  model::Histogram& shared = message.integers;
  return {.counter_reset_hint = shared.counter_reset_hint,
          .schema = shared.schema,
          .zero_threshold = shared.zero_threshold,
          .zero_count = message.float_zero_count,
          .count = message.float_count,
          .sum = shared.sum,
          .positive_spans = std::move(shared.positive_spans),
          .negative_spans = std::move(shared.negative_spans),
          .positive_buckets = std::move(message.positive_counts),
          .negative_buckets = std::move(message.negative_counts),
          .custom_values = std::move(shared.custom_values)};
}

// Checks a histogram, and reduces one of a reserved schema. Only the difference of schemas counts in that, so it is
// done within the schemas that are known, in steps that these have room for.
template <typename AnyHistogram>
base::Result<AnyHistogram> CheckAndReduce(AnyHistogram histogram) {
  constexpr int kStepMax = model::kSchemaMax - model::kSchemaMin;
  int excess = 0;
  if (histogram.schema > model::kSchemaMax && histogram.schema <= model::kSchemaReservedMax) {
    excess = histogram.schema - model::kSchemaMax;
    histogram.schema = model::kSchemaMax;
  }
  BARO_TRY(histogram.Validate());
  for (; excess > 0; excess -= kStepMax) {
    histogram = histogram.CopyToSchema(model::kSchemaMax - std::min(excess, kStepMax));
    histogram.schema = model::kSchemaMax;
  }
  return histogram;
}

}  // namespace

base::Result<HistogramMessage> ReadHistogram(std::string_view message) {
  HistogramMessage histogram;
  WireReader reader(message);
  while (!reader.AtEnd()) {
    const std::uint32_t tag = reader.Tag();
    if (!ReadScalar(reader, tag, histogram) && !ReadList(reader, tag, histogram)) {
      return Fail(Code::kLimitExceeded,
                  fmt::format("a histogram has more spans, buckets or bounds than allowed: {}", kHistogramElementsMax));
    }
  }
  if (!reader.ok()) return Malformed("a histogram");
  return histogram;
}

base::Result<model::FloatHistogram> CheckHistogram(HistogramMessage message) {
  if (message.is_float) return CheckAndReduce(FloatFlavour(std::move(message)));
  const model::Histogram checked = BARO_TRY(CheckAndReduce(std::move(message.integers)));
  return checked.ToFloat();
}

base::Result<std::optional<model::Exemplar>> ReadExemplar(std::string_view message) {
  model::Exemplar exemplar;
  WireReader reader(message);
  while (!reader.AtEnd()) {
    const std::uint32_t tag = reader.Tag();
    if (tag == WireTag(1, WireType::kBytes)) {
      reader.Bytes();
    } else if (tag == WireTag(2, WireType::kFixed64)) {
      exemplar.value = reader.Double();
    } else if (tag == WireTag(3, WireType::kVarint)) {
      const auto timestamp_ms = static_cast<std::int64_t>(reader.Varint());
      exemplar.timestamp_ms = timestamp_ms == 0 ? std::nullopt : std::optional(timestamp_ms);
    } else if (tag >> 3 <= 3) {
      reader.Fail<int>();
    } else {
      reader.Skip(tag);
    }
  }
  LabelsParser labels;
  const LabelsVerdict verdict = reader.ok() ? labels.Parse(message, /*needs_name=*/false) : LabelsVerdict::kMalformed;
  if (verdict == LabelsVerdict::kMalformed) return Malformed("an exemplar");
  if (verdict != LabelsVerdict::kGood) return std::optional<model::Exemplar>();
  exemplar.labels = labels.labels();
  return std::optional(std::move(exemplar));
}

}  // namespace baro::remote

#include "scraper/expo/metric_message.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/names.h"
#include "model/quote.h"

namespace baro::scraper::expo {
namespace {

using base::Code;
using base::Fail;
using base::WireReader;
using base::WireTag;
using base::WireType;

constexpr std::uint32_t kMetricTag = WireTag(4, WireType::kBytes);
constexpr std::uint32_t kLabelTag = WireTag(1, WireType::kBytes);
constexpr std::uint32_t kTimestampTag = WireTag(6, WireType::kVarint);

base::Error Malformed(std::string_view what) {
  return {Code::kInvalidArgument, fmt::format("malformed protobuf message: {}", what)};
}

double ReadDouble(WireReader& reader, NumberPlace& place) {
  place = {.at = reader.position(), .size_bytes = sizeof(double)};
  return reader.Double();
}

std::uint64_t ReadVarint(WireReader& reader, NumberPlace& place) {
  place.at = reader.position();
  const std::uint64_t value = reader.Varint();
  place.size_bytes = static_cast<std::uint8_t>(reader.position() - place.at);  // at most 10; malformed ones count not
  return value;
}

/// A field that is not asked for: known ones must have been of another wire type.
void PassOver(WireReader& reader, std::uint32_t tag, std::uint32_t last_known_field) {
  if (tag >> 3 <= last_known_field) {
    reader.Fail<int>();
  } else {
    reader.Skip(tag);
  }
}

// Seconds and nanoseconds; 0 for times that milliseconds in 64 bits do not hold.
std::int64_t ReadTimestamp(WireReader& reader) {
  WireReader message(reader.Bytes());
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  while (!message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    if (tag == WireTag(1, WireType::kVarint)) {
      seconds = static_cast<std::int64_t>(message.Varint());
    } else if (tag == WireTag(2, WireType::kVarint)) {
      nanos = static_cast<std::int32_t>(message.Varint());
    } else {
      PassOver(message, tag, 2);
    }
  }
  if (!message.ok()) reader.Fail<int>();
  constexpr std::int64_t kSecondsMax = 9'000'000'000'000'000;
  if (seconds < -kSecondsMax || seconds > kSecondsMax) return 0;
  return seconds * 1000 + nanos / 1'000'000;
}

// Counter, Gauge and Untyped: what they have in common, and what only the first has.
void ReadSimple(WireReader& reader, FamilyType type, MetricMessage& metric) {
  WireReader message(reader.Bytes());
  const bool is_counter = type == FamilyType::kCounter;
  while (!message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    if (tag == WireTag(1, WireType::kFixed64)) {
      metric.value = ReadDouble(message, metric.value_place);
    } else if (is_counter && tag == WireTag(2, WireType::kBytes)) {
      metric.exemplar = message.Bytes();
    } else if (is_counter && tag == WireTag(3, WireType::kBytes)) {
      metric.start_ms = ReadTimestamp(message);
    } else {
      PassOver(message, tag, is_counter ? 3 : 1);
    }
  }
  if (!message.ok()) reader.Fail<int>();
}

// False: there are too many.
bool ReadQuantile(WireReader& reader, std::vector<QuantileMessage>& quantiles) {
  if (quantiles.size() == kHistogramElementsMax) return false;
  QuantileMessage& quantile = quantiles.emplace_back();
  WireReader message(reader.Bytes());
  while (!message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    if (tag == WireTag(1, WireType::kFixed64)) {
      quantile.quantile = message.Double();
    } else if (tag == WireTag(2, WireType::kFixed64)) {
      quantile.value = ReadDouble(message, quantile.value_place);
    } else {
      PassOver(message, tag, 2);
    }
  }
  if (!message.ok()) reader.Fail<int>();
  return true;
}

bool ReadSummary(WireReader& reader, MetricMessage& metric) {
  WireReader message(reader.Bytes());
  bool fits = true;
  while (fits && !message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    switch (tag) {
      case WireTag(1, WireType::kVarint):
        metric.count = ReadVarint(message, metric.count_place);
        break;
      case WireTag(2, WireType::kFixed64):
        metric.sum = ReadDouble(message, metric.sum_place);
        break;
      case WireTag(3, WireType::kBytes):
        fits = ReadQuantile(message, metric.quantiles);
        break;
      case WireTag(4, WireType::kBytes):
        metric.start_ms = ReadTimestamp(message);
        break;
      default:
        PassOver(message, tag, 4);
    }
  }
  if (!message.ok()) reader.Fail<int>();
  return fits;
}

bool ReadBucket(WireReader& reader, std::vector<BucketMessage>& buckets) {
  if (buckets.size() == kHistogramElementsMax) return false;
  BucketMessage& bucket = buckets.emplace_back();
  WireReader message(reader.Bytes());
  std::uint64_t count = 0;
  double count_float = 0;
  while (!message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    switch (tag) {
      case WireTag(1, WireType::kVarint):
        count = ReadVarint(message, bucket.count_place);
        break;
      case WireTag(2, WireType::kFixed64):
        bucket.upper_bound = message.Double();
        break;
      case WireTag(3, WireType::kBytes):
        bucket.exemplar = message.Bytes();
        break;
      case WireTag(4, WireType::kFixed64):
        count_float = message.Double();
        break;
      default:
        PassOver(message, tag, 4);
    }
  }
  if (!message.ok()) reader.Fail<int>();
  bucket.is_float = count_float != 0;
  bucket.count = bucket.is_float ? count_float : static_cast<double>(count);
  return true;
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
    } else {
      PassOver(message, tag, 2);
    }
  }
  if (!message.ok()) reader.Fail<int>();
  return true;
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

bool ReadDeltas(WireReader& reader, std::uint32_t tag, std::vector<std::int64_t>& numbers) {
  return ReadNumbers(reader, tag, numbers, [](WireReader& from) { return from.ZigZag(); });
}

bool ReadCounts(WireReader& reader, std::uint32_t tag, std::vector<double>& numbers) {
  return ReadNumbers(reader, tag, numbers, [](WireReader& from) { return from.Double(); });
}

// The fields of a Histogram that hold one number. False: it is another field.
bool ReadHistogramNumber(WireReader& reader, std::uint32_t tag, MetricMessage& metric) {
  switch (tag) {
    case WireTag(1, WireType::kVarint):
      metric.count = ReadVarint(reader, metric.count_place);
      return true;
    case WireTag(2, WireType::kFixed64):
      metric.sum = ReadDouble(reader, metric.sum_place);
      return true;
    case WireTag(4, WireType::kFixed64):
      metric.count_float = reader.Double();
      return true;
    case WireTag(5, WireType::kVarint):
      metric.schema = static_cast<std::int32_t>(base::UnZigZag(reader.Varint() & 0xffffffff));
      return true;
    case WireTag(6, WireType::kFixed64):
      metric.zero_threshold = reader.Double();
      return true;
    case WireTag(7, WireType::kVarint):
      metric.zero_count = reader.Varint();
      return true;
    case WireTag(8, WireType::kFixed64):
      metric.zero_count_float = reader.Double();
      return true;
    case WireTag(15, WireType::kBytes):
      metric.start_ms = ReadTimestamp(reader);
      return true;
    default:
      return false;
  }
}

// The fields that hold lists. False: there is too much of it.
bool ReadHistogramList(WireReader& reader, std::uint32_t tag, MetricMessage& metric) {
  switch (tag) {
    case WireTag(3, WireType::kBytes):
      return ReadBucket(reader, metric.buckets);
    case WireTag(9, WireType::kBytes):
      return ReadSpan(reader, metric.negative_spans);
    case WireTag(10, WireType::kBytes):
    case WireTag(10, WireType::kVarint):
      return ReadDeltas(reader, tag, metric.negative_deltas);
    case WireTag(11, WireType::kBytes):
    case WireTag(11, WireType::kFixed64):
      return ReadCounts(reader, tag, metric.negative_counts);
    case WireTag(12, WireType::kBytes):
      return ReadSpan(reader, metric.positive_spans);
    case WireTag(13, WireType::kBytes):
    case WireTag(13, WireType::kVarint):
      return ReadDeltas(reader, tag, metric.positive_deltas);
    case WireTag(14, WireType::kBytes):
    case WireTag(14, WireType::kFixed64):
      return ReadCounts(reader, tag, metric.positive_counts);
    case WireTag(16, WireType::kBytes):
      if (metric.exemplars.size() == kHistogramElementsMax) return false;
      metric.exemplars.push_back(reader.Bytes());
      return true;
    default:
      PassOver(reader, tag, 16);
      return true;
  }
}

bool ReadHistogramMessage(WireReader& reader, MetricMessage& metric) {
  WireReader message(reader.Bytes());
  bool fits = true;
  while (fits && !message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    if (!ReadHistogramNumber(message, tag, metric)) fits = ReadHistogramList(message, tag, metric);
  }
  if (!message.ok()) reader.Fail<int>();
  return fits;
}

/// The field of a Metric that holds its value.
constexpr std::uint32_t ValueTag(FamilyType type) {
  switch (type) {
    case FamilyType::kGauge:
      return WireTag(2, WireType::kBytes);
    case FamilyType::kCounter:
      return WireTag(3, WireType::kBytes);
    case FamilyType::kSummary:
      return WireTag(4, WireType::kBytes);
    case FamilyType::kUntyped:
      return WireTag(5, WireType::kBytes);
    case FamilyType::kHistogram:
    case FamilyType::kGaugeHistogram:
      return WireTag(7, WireType::kBytes);
  }
  return 0;
}

bool ReadValue(WireReader& reader, FamilyType type, MetricMessage& message) {
  if (IsHistogramType(type)) return ReadHistogramMessage(reader, message);
  if (type == FamilyType::kSummary) return ReadSummary(reader, message);
  ReadSimple(reader, type, message);
  return true;
}

base::Result<> CheckFamily(const FamilyMessage& family, std::uint64_t type) {
  if (family.first_metric == nullptr) return {};  // passed over
  if (family.name.empty() || !model::IsValidUtf8(family.name)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("invalid metric name: {}", model::Quoted(model::Abridged(family.name))));
  }
  if (type > static_cast<std::uint64_t>(FamilyType::kGaugeHistogram)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("metric family {}: unknown type {}", model::Abridged(family.name), type));
  }
  if (!model::IsValidUtf8(family.help) || !model::IsValidUtf8(family.unit)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("metric family {}: help or unit is not valid UTF-8", model::Abridged(family.name)));
  }
  return {};
}

bool ReadLabel(WireReader& reader, ExpositionLabel& label) {
  WireReader message(reader.Bytes());
  while (!message.AtEnd()) {
    const std::uint32_t tag = message.Tag();
    if (tag == WireTag(1, WireType::kBytes)) {
      label.name = message.Bytes();
    } else if (tag == WireTag(2, WireType::kBytes)) {
      label.value = message.Bytes();
    } else {
      PassOver(message, tag, 2);
    }
  }
  return message.ok() && reader.ok();
}

// A name that more than one of them has, or that only the metric may have.
std::optional<std::string_view> FindTwin(std::span<const ExpositionLabel> labels) {
  constexpr std::size_t kFew = 16;  // comparing each with each is as cheap as sorting
  if (labels.size() <= kFew) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].name == model::kMetricName) return labels[i].name;
      for (std::size_t j = 0; j < i; ++j) {
        if (labels[i].name == labels[j].name) return labels[i].name;
      }
    }
    return std::nullopt;
  }
  std::vector<std::string_view> names = {model::kMetricName};
  for (const ExpositionLabel& label : labels) names.push_back(label.name);
  std::sort(names.begin(), names.end());
  const auto found = std::adjacent_find(names.begin(), names.end());
  return found == names.end() ? std::nullopt : std::optional(*found);
}

base::Result<> CheckNames(std::span<const ExpositionLabel> labels) {
  for (const ExpositionLabel& label : labels) {
    if (label.name.empty() || !model::IsValidUtf8(label.name)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("invalid label name {}", model::Quoted(model::Abridged(label.name))));
    }
    if (!model::IsValidUtf8(label.value)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("the value of label {} is not valid UTF-8", model::Quoted(model::Abridged(label.name))));
    }
  }
  const auto twin = FindTwin(labels);
  if (!twin) return {};
  return Fail(Code::kInvalidArgument, fmt::format("label {} stands twice", model::Quoted(model::Abridged(*twin))));
}

}  // namespace

model::MetricType MetricTypeOf(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return model::MetricType::kCounter;
    case FamilyType::kGauge:
      return model::MetricType::kGauge;
    case FamilyType::kSummary:
      return model::MetricType::kSummary;
    case FamilyType::kUntyped:
      return model::MetricType::kUnknown;
    case FamilyType::kHistogram:
      return model::MetricType::kHistogram;
    case FamilyType::kGaugeHistogram:
      return model::MetricType::kGaugeHistogram;
  }
  return model::MetricType::kUnknown;
}

base::Result<FamilyMessage> ReadFamily(std::string_view message) {
  FamilyMessage family;
  std::uint64_t type = 0;
  WireReader reader(message);
  while (!reader.AtEnd()) {
    const char* const field = reader.position();
    const std::uint32_t tag = reader.Tag();
    switch (tag) {
      case WireTag(1, WireType::kBytes):
        family.name = reader.Bytes();
        break;
      case WireTag(2, WireType::kBytes):
        family.help = reader.Bytes();
        break;
      case WireTag(3, WireType::kVarint):
        type = reader.Varint();
        break;
      case kMetricTag:
        if (family.first_metric == nullptr) family.first_metric = field;
        reader.Bytes();
        break;
      case WireTag(5, WireType::kBytes):
        family.unit = reader.Bytes();
        break;
      default:
        PassOver(reader, tag, 5);
    }
  }
  if (!reader.ok()) return Malformed(fmt::format("metric family {}", model::Quoted(model::Abridged(family.name))));
  BARO_TRY(CheckFamily(family, type));
  family.type = static_cast<FamilyType>(type);
  return family;
}

std::optional<std::string_view> NextMetric(WireReader& reader) {
  while (!reader.AtEnd()) {
    const std::uint32_t tag = reader.Tag();
    if (tag == kMetricTag) return reader.Bytes();
    reader.Skip(tag);
  }
  return std::nullopt;
}

void MetricMessage::Clear() {
  value = sum = count_float = zero_threshold = zero_count_float = 0;
  timestamp_ms = start_ms = 0;
  count = zero_count = 0;
  schema = 0;
  value_place = count_place = sum_place = {};
  exemplar.reset();
  quantiles.clear();
  buckets.clear();
  positive_spans.clear();
  negative_spans.clear();
  positive_deltas.clear();
  negative_deltas.clear();
  positive_counts.clear();
  negative_counts.clear();
  exemplars.clear();
  later_labels.clear();
}

std::string_view LabelsInFront(std::string_view metric) {
  WireReader reader(metric);
  const char* behind = metric.data();
  while (!reader.AtEnd() && reader.Peek() == kLabelTag) {
    reader.Tag();
    reader.Bytes();
    if (!reader.ok()) break;  // ReadMetric() will say so
    behind = reader.position();
  }
  return metric.substr(0, static_cast<std::size_t>(behind - metric.data()));
}

base::Result<> ReadMetric(std::string_view behind_labels, FamilyType type, MetricMessage& message) {
  constexpr std::uint32_t kLastField = 7;
  WireReader reader(behind_labels);
  const std::uint32_t value_tag = ValueTag(type);
  bool fits = true;
  while (fits && !reader.AtEnd()) {
    const char* const field = reader.position();
    const std::uint32_t tag = reader.Tag();
    if (tag == value_tag) {
      fits = ReadValue(reader, type, message);
    } else if (tag == kTimestampTag) {
      message.timestamp_ms = static_cast<std::int64_t>(reader.Varint());
    } else if (tag == kLabelTag) {
      reader.Bytes();
      message.later_labels.append(field, reader.position());
    } else if (tag >> 3 <= kLastField && static_cast<WireType>(tag & 7) == WireType::kBytes && tag >> 3 != 6) {
      reader.Bytes();  // a value of another type
    } else {
      PassOver(reader, tag, kLastField);
    }
  }
  if (!fits) {
    return Fail(Code::kLimitExceeded,
                fmt::format("a metric has more spans, buckets or quantiles than allowed: {}", kHistogramElementsMax));
  }
  if (!reader.ok()) return Malformed("a metric");
  return {};
}

base::Result<> ReadLabels(std::string_view fields, std::vector<ExpositionLabel>& labels) {
  labels.clear();
  WireReader reader(fields);
  while (!reader.AtEnd()) {
    if (labels.size() == kScrapedLabelsMax) {
      return Fail(Code::kLimitExceeded, fmt::format("a series has more labels than are read: {}", kScrapedLabelsMax));
    }
    reader.Tag();
    if (!ReadLabel(reader, labels.emplace_back())) return Malformed("a label");
  }
  return CheckNames(labels);
}

base::Result<ExpositionExemplar> ReadExemplar(std::string_view message, std::vector<ExpositionLabel>& labels) {
  ExpositionExemplar exemplar;
  labels.clear();
  WireReader reader(message);
  while (!reader.AtEnd()) {
    const std::uint32_t tag = reader.Tag();
    if (tag == kLabelTag) {
      if (!ReadLabel(reader, labels.emplace_back())) return Malformed("a label of an exemplar");
    } else if (tag == WireTag(2, WireType::kFixed64)) {
      exemplar.value = reader.Double();
    } else if (tag == WireTag(3, WireType::kBytes)) {
      exemplar.timestamp_ms = ReadTimestamp(reader);
    } else {
      PassOver(reader, tag, 3);
    }
  }
  if (!reader.ok()) return Malformed("an exemplar");
  BARO_TRY(CheckNames(labels));
  exemplar.labels = labels;
  return exemplar;
}

}  // namespace baro::scraper::expo

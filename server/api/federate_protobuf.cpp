#include "server/api/federate_protobuf.h"

#include <cstdint>

#include "base/protobuf_writer.h"

namespace baro::server {
namespace {

using base::WireWriter;

/// Types of families, with the numbers of the format.
enum class FamilyType : std::uint8_t { kUntyped = 3, kHistogram = 4, kGaugeHistogram = 5 };

FamilyType TypeOf(const model::FloatHistogram* histogram) {
  if (histogram == nullptr) return FamilyType::kUntyped;
  const bool is_gauge = histogram->counter_reset_hint == model::CounterResetHint::kGauge;
  return is_gauge ? FamilyType::kGaugeHistogram : FamilyType::kHistogram;
}

/// Writes one family after the other. The strings are kept for their memory.
///
/// Threads  Confined. Borrows all.
class FederatedProtobuf {
 public:
  FederatedProtobuf(const std::map<std::string, std::string>& external, model::EscapingScheme escaping,
                    std::string& out)
      : external_(external), escaping_(escaping), out_(out) {}

  void Append(const FederatedSample& sample) {
    const std::string_view name = sample.labels.Get(model::kMetricName);
    if (name.empty()) return;
    const FamilyType type = TypeOf(sample.histogram.get());
    if (family_.empty() || name != name_ || type != type_) BeginFamily(name, type);
    metric_.clear();
    AppendLabels(sample);
    WireWriter(metric_).Varint(6, static_cast<std::uint64_t>(sample.timestamp_ms));
    AppendValue(sample);
    WireWriter(family_).Bytes(4, metric_);
  }

  /// Sends the family that was begun, if there is one.
  void EndFamily() {
    if (family_.empty()) return;
    WireWriter(out_).RawVarint(family_.size());
    out_ += family_;
    family_.clear();
  }

 private:
  void BeginFamily(std::string_view name, FamilyType type) {
    EndFamily();
    name_ = name;
    type_ = type;
    WireWriter family(family_);
    family.Bytes(1, model::EscapeName(name, escaping_));
    family.Varint(3, static_cast<std::uint64_t>(type));
  }

  void AppendLabel(std::string_view name, std::string_view value) {
    part_.clear();
    WireWriter label(part_);
    label.Bytes(1, model::EscapeName(name, escaping_));
    label.Bytes(2, value);
    WireWriter(metric_).Bytes(1, part_);
  }

  void AppendLabels(const FederatedSample& sample) {
    for (const model::LabelView label : sample.labels) {
      if (label.name != model::kMetricName) AppendLabel(label.name, label.value);
    }
    for (const auto& [name, value] : external_) {
      if (!sample.labels.Has(name)) AppendLabel(name, value);
    }
  }

  void AppendValue(const FederatedSample& sample) {
    value_.clear();
    if (sample.histogram == nullptr) {
      WireWriter(value_).Double(1, sample.value);
      WireWriter(metric_).Bytes(5, value_);
      return;
    }
    WireWriter histogram(value_);
    histogram.Double(4, sample.histogram->count);
    histogram.Double(2, sample.histogram->sum);
    if (sample.histogram->uses_custom_buckets()) {
      AppendClassicBuckets(*sample.histogram);
    } else {
      AppendNativeBuckets(*sample.histogram);
    }
    WireWriter(metric_).Bytes(7, value_);
  }

  void AppendSpans(std::uint32_t field, std::span<const model::Span> spans) {
    for (const model::Span& span : spans) {
      part_.clear();
      WireWriter message(part_);
      message.ZigZag(1, span.offset);
      message.Varint(2, span.length);
      WireWriter(value_).Bytes(field, part_);
    }
  }

  void AppendNativeBuckets(const model::FloatHistogram& histogram) {
    WireWriter message(value_);
    message.ZigZag(5, histogram.schema);
    message.Double(6, histogram.zero_threshold);
    message.Double(8, histogram.zero_count);
    AppendSpans(9, histogram.negative_spans);
    message.Doubles(11, histogram.negative_buckets);
    // What has neither spans nor a zero bucket would be read as a classic histogram. A span without buckets marks it as
    // a native one, as in Prometheus' client library.
    constexpr model::Span kNoBuckets[] = {{.offset = 0, .length = 0}};
    const bool is_unmarked =
        histogram.positive_spans.empty() && histogram.negative_spans.empty() && !(histogram.zero_threshold > 0);
    AppendSpans(12, is_unmarked ? std::span<const model::Span>(kNoBuckets) : histogram.positive_spans);
    message.Doubles(14, histogram.positive_buckets);
  }

  /// Cumulative counts at each bound, populated or not. The one of +Inf is the histogram's count.
  void AppendClassicBuckets(const model::FloatHistogram& histogram) {
    auto cursor = model::PositiveBuckets(histogram);
    bool has_more = cursor.Next();
    double cumulative = 0;
    for (const double bound : histogram.custom_values) {
      for (; has_more && cursor.bucket().upper <= bound; has_more = cursor.Next()) cumulative += cursor.bucket().count;
      part_.clear();
      WireWriter bucket(part_);
      bucket.Double(2, bound);
      bucket.Double(4, cumulative);
      WireWriter(value_).Bytes(3, part_);
    }
  }

  const std::map<std::string, std::string>& external_;
  const model::EscapingScheme escaping_;
  std::string& out_;
  std::string name_;  // of the family that was begun
  FamilyType type_ = FamilyType::kUntyped;
  std::string family_;  // empty: none was begun
  std::string metric_;
  std::string value_;
  std::string part_;  // a label, span or bucket
};

}  // namespace

void AppendFederatedProtobuf(std::span<const FederatedSample> samples,
                             const std::map<std::string, std::string>& external, model::EscapingScheme escaping,
                             std::string& out) {
  FederatedProtobuf families(external, escaping, out);
  for (const FederatedSample& sample : samples) families.Append(sample);
  families.EndFamily();
}

}  // namespace baro::server

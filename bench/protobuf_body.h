// The Protobuf exposition of what a text exposition says, as client libraries write it: for benchmarks that compare the
// two.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/number_text.h"
#include "base/protobuf_wire.h"
#include "model/names.h"
#include "scraper/exposition_reader.h"

namespace baro::scraper {

/// Threads  Confined.
class ProtobufBody {
 public:
  /// Shape    a well formed text exposition in which the lines of a metric stand together, as all clients write them.
  static std::string FromText(std::string_view text) {
    ProtobufBody body;
    ExpositionReader reader(text, ExpositionFormat::kText);
    while (true) {
      const auto event = reader.Next();
      if (!event || (*event)->kind == ExpositionEvent::Kind::kEnd) break;
      body.Take(**event);
    }
    body.EndFamily();
    return std::move(body.out_);
  }

 private:
  static void Varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
  }
  static void Bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
    Varint(out, base::WireTag(field, base::WireType::kBytes));
    Varint(out, bytes.size());
    out += bytes;
  }
  static void Number(std::string& out, std::uint32_t field, std::uint64_t value) {
    Varint(out, base::WireTag(field, base::WireType::kVarint));
    Varint(out, value);
  }
  static void Double(std::string& out, std::uint32_t field, double value) {
    Varint(out, base::WireTag(field, base::WireType::kFixed64));
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift);
  }
  static std::string Start() {
    std::string time;
    Number(time, 1, 1'700'000'000);
    Number(time, 2, 123'456'789);
    return time;
  }

  void Take(const ExpositionEvent& event) {
    using Kind = ExpositionEvent::Kind;
    if (event.kind != Kind::kSample) {
      if (event.family != family_) EndFamily();
      family_ = event.family;
      if (event.kind == Kind::kHelp) help_ = event.text;
      if (event.kind == Kind::kType) type_ = event.type;
      return;
    }
    const bool is_own = event.sample.name.starts_with(family_) && !family_.empty();
    if (!is_own) {
      EndFamily();
      family_ = event.sample.name;
    }
    TakeSample(event);
  }

  void TakeSample(const ExpositionEvent& event) {
    std::string labels;
    double bound = 0;
    bool has_bound = false;
    for (const ExpositionLabel& label : event.sample.labels) {
      if (label.name == model::kBucketLabel || label.name == model::kQuantileLabel) {
        bound = base::ParseFloat(label.value).value_or(0);
        has_bound = true;
        continue;
      }
      std::string pair;
      Bytes(pair, 1, label.name);
      Bytes(pair, 2, label.value);
      Bytes(labels, 1, pair);
    }
    const bool is_compound = type_ == model::MetricType::kHistogram || type_ == model::MetricType::kSummary;
    if (!is_compound || labels != labels_) EndMetric();
    labels_ = labels;
    has_metric_ = true;
    if (!is_compound) {
      value_ = event.value;
    } else if (event.sample.name.ends_with("_count")) {
      count_ = event.value;
    } else if (event.sample.name.ends_with("_sum")) {
      value_ = event.value;
    } else if (has_bound) {
      points_.emplace_back(bound, event.value);
    }
  }

  void EndMetric() {
    if (!has_metric_) return;
    std::string metric = labels_;
    std::string value;
    switch (type_) {
      case model::MetricType::kCounter:
        Double(value, 1, value_);
        Bytes(value, 3, Start());
        Bytes(metric, 3, value);
        break;
      case model::MetricType::kGauge:
        Double(value, 1, value_);
        Bytes(metric, 2, value);
        break;
      case model::MetricType::kSummary:
        WriteSummary(value);
        Bytes(metric, 4, value);
        break;
      case model::MetricType::kHistogram:
        WriteHistogram(value);
        Bytes(metric, 7, value);
        break;
      default:
        Double(value, 1, value_);
        Bytes(metric, 5, value);
    }
    Bytes(metrics_, 4, metric);
    has_metric_ = false;
    points_.clear();
  }

  void WriteSummary(std::string& value) const {
    Number(value, 1, static_cast<std::uint64_t>(count_));
    Double(value, 2, value_);
    for (const auto& [quantile, point] : points_) {
      std::string pair;
      Double(pair, 1, quantile);
      Double(pair, 2, point);
      Bytes(value, 3, pair);
    }
    Bytes(value, 4, Start());
  }

  void WriteHistogram(std::string& value) const {
    Number(value, 1, static_cast<std::uint64_t>(count_));
    Double(value, 2, value_);
    for (const auto& [bound, count] : points_) {
      if (bound == std::numeric_limits<double>::infinity()) continue;
      std::string bucket;
      Number(bucket, 1, static_cast<std::uint64_t>(count));
      Double(bucket, 2, bound);
      Bytes(value, 3, bucket);
    }
    Bytes(value, 15, Start());
  }

  int TypeNumber() const {
    switch (type_) {
      case model::MetricType::kCounter:
        return 0;
      case model::MetricType::kGauge:
        return 1;
      case model::MetricType::kSummary:
        return 2;
      case model::MetricType::kHistogram:
        return 4;
      default:
        return 3;
    }
  }

  void EndFamily() {
    EndMetric();
    if (!metrics_.empty()) {
      std::string family;
      Bytes(family, 1, family_);
      Bytes(family, 2, help_);
      Number(family, 3, static_cast<std::uint64_t>(TypeNumber()));
      family += metrics_;
      Varint(out_, family.size());
      out_ += family;
    }
    metrics_.clear();
    family_.clear();
    help_.clear();
    type_ = model::MetricType::kUnknown;
  }

  std::string out_;
  std::string family_;
  std::string help_;
  model::MetricType type_ = model::MetricType::kUnknown;
  std::string metrics_;
  std::string labels_;
  bool has_metric_ = false;
  double value_ = 0;
  double count_ = 0;
  std::vector<std::pair<double, double>> points_;
};

}  // namespace baro::scraper

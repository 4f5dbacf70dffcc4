// What an exposition says about a metric family: its type, help text and unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace baro::model {

/// The metric types of OpenMetrics. The numbers are those of Prometheus' remote write messages.
enum class MetricType : std::uint8_t {
  kUnknown = 0,  ///< "untyped" in the text format
  kCounter = 1,
  kGauge = 2,
  kHistogram = 3,
  kGaugeHistogram = 4,
  kSummary = 5,
  kInfo = 6,
  kStateSet = 7,
};

/// The type's name as OpenMetrics and the HTTP API spell it: "unknown", "counter", "gaugehistogram", ...
std::string_view MetricTypeName(MetricType type);

/// The type of that name, or nothing. "untyped" is "unknown". Case matters, as in the formats.
std::optional<MetricType> ParseMetricType(std::string_view name);

/// What is known of a metric family.
struct Metadata {
  MetricType type = MetricType::kUnknown;
  std::string help;
  std::string unit;

  bool empty() const { return type == MetricType::kUnknown && help.empty() && unit.empty(); }
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

/// The families that a series of that name may belong to: that of its own name, and, if it has one of the suffixes
/// that OpenMetrics and histograms put behind the family's name (`_total`, `_bucket`, ...), the one without; otherwise
/// empty.
struct FamilyNames {
  std::string_view whole;
  std::string_view stem;
};
FamilyNames FamiliesOf(std::string_view metric_name);

}  // namespace baro::model

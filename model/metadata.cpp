#include "model/metadata.h"

#include <array>

namespace baro::model {
namespace {

// Indexed by the enumerator.
constexpr std::array<std::string_view, 8> kTypeNames = {"unknown",        "counter", "gauge", "histogram",
                                                        "gaugehistogram", "summary", "info",  "stateset"};

}  // namespace

std::string_view MetricTypeName(MetricType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

std::optional<MetricType> ParseMetricType(std::string_view name) {
  if (name == "untyped") return MetricType::kUnknown;
  for (std::size_t i = 0; i < kTypeNames.size(); ++i) {
    if (kTypeNames[i] == name) return static_cast<MetricType>(i);
  }
  return std::nullopt;
}

FamilyNames FamiliesOf(std::string_view metric_name) {
  constexpr std::string_view kSuffixes[] = {"_total", "_created", "_info", "_bucket",
                                            "_sum",   "_count",   "_gsum", "_gcount"};
  for (const std::string_view suffix : kSuffixes) {
    if (metric_name.size() > suffix.size() && metric_name.ends_with(suffix)) {
      return {.whole = metric_name, .stem = metric_name.substr(0, metric_name.size() - suffix.size())};
    }
  }
  return {.whole = metric_name, .stem = {}};
}

}  // namespace baro::model

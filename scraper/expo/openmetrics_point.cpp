#include "scraper/expo/openmetrics_point.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/number_text.h"
#include "model/names.h"
#include "model/quote.h"

namespace baro::scraper::expo {
namespace {

using model::MetricType;

constexpr std::array<std::string_view, 1> kPlain = {""};
constexpr std::array<std::string_view, 2> kCounter = {"_total", "_created"};
constexpr std::array<std::string_view, 4> kHistogram = {"_bucket", "_count", "_sum", "_created"};
constexpr std::array<std::string_view, 3> kGaugeHistogram = {"_bucket", "_gcount", "_gsum"};
constexpr std::array<std::string_view, 4> kSummary = {"", "_count", "_sum", "_created"};
constexpr std::array<std::string_view, 1> kInfo = {"_info"};

const ExpositionLabel* FindLabel(const SampleLine& sample, std::string_view name) {
  const auto found = std::find_if(sample.labels.begin(), sample.labels.end(),
                                  [&](const ExpositionLabel& label) { return label.name == name; });
  return found == sample.labels.end() ? nullptr : &*found;
}

// The ABNF knows one spelling of infinity in bounds, and no NaN.
std::optional<double> ParseBound(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  const std::optional<double> bound = base::ParseFloat(text);
  return bound && std::isfinite(*bound) ? bound : std::nullopt;
}

bool IsCount(double value) { return value >= 0; }  // false for NaN

Complaint CheckQuantile(const ExpositionEvent& event) {
  const ExpositionLabel* const label = FindLabel(event.sample, model::kQuantileLabel);
  if (label == nullptr) return "a summary's sample without suffix needs the label quantile";
  const std::optional<double> quantile = ParseBound(label->value);
  if (!quantile || *quantile < 0 || *quantile > 1) {
    return fmt::format("quantile {} is not a number from 0 to 1", model::Quoted(label->value));
  }
  if (event.value < 0) return fmt::format("quantile value {} is negative", event.value);
  return {};
}

Complaint CheckState(std::string_view family, const ExpositionEvent& event) {
  if (FindLabel(event.sample, family) == nullptr) {
    return fmt::format("a state of a stateset needs the label {}", model::Quoted(family));
  }
  if (event.value != 0 && event.value != 1) return fmt::format("state is {}, not 0 or 1", event.value);
  return {};
}

}  // namespace

std::span<const std::string_view> SampleSuffixes(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return kCounter;
    case MetricType::kHistogram:
      return kHistogram;
    case MetricType::kGaugeHistogram:
      return kGaugeHistogram;
    case MetricType::kSummary:
      return kSummary;
    case MetricType::kInfo:
      return kInfo;
    default:
      return kPlain;
  }
}

std::string_view SampleLabel(MetricType type, std::string_view suffix, std::string_view family) {
  if (suffix == "_bucket") return model::kBucketLabel;
  if (type == MetricType::kSummary && suffix.empty()) return model::kQuantileLabel;
  return type == MetricType::kStateSet ? family : std::string_view{};
}

Complaint OpenMetricsPoint::Add(MetricType type, std::string_view family, std::string_view suffix,
                                const ExpositionEvent& event) {
  if (suffix == "_created") return {};
  switch (type) {
    case MetricType::kCounter:
      if (!IsCount(event.value)) return fmt::format("counter value {} is not a number from 0 on", event.value);
      return {};
    case MetricType::kInfo:
      if (event.value != 1) return fmt::format("info value is {}, not 1", event.value);
      return {};
    case MetricType::kStateSet:
      return CheckState(family, event);
    case MetricType::kSummary:
      if (suffix.empty()) return CheckQuantile(event);
      break;
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram:
      break;
    default:
      return {};
  }
  if (suffix == "_bucket") return AddBucket(event);
  return suffix.ends_with("count") ? AddCount(type, event.value) : AddSum(type, event.value);
}

Complaint OpenMetricsPoint::AddBucket(const ExpositionEvent& event) {
  const ExpositionLabel* const label = FindLabel(event.sample, model::kBucketLabel);
  if (label == nullptr) return "a bucket needs the label le";
  const std::optional<double> bound = ParseBound(label->value);
  if (!bound) return fmt::format("le {} is neither a number nor +Inf", model::Quoted(label->value));
  if (!IsCount(event.value)) return fmt::format("bucket value {} is not a number from 0 on", event.value);
  if (has_buckets_ && *bound <= last_bound_) return fmt::format("le {} does not follow {}", *bound, last_bound_);
  if (has_buckets_ && event.value < last_bucket_) {
    return fmt::format("buckets are cumulative: {} follows {}", event.value, last_bucket_);
  }
  has_buckets_ = true;
  has_negative_bound_ |= *bound < 0;
  last_bound_ = *bound;
  last_bucket_ = event.value;
  return {};
}

Complaint OpenMetricsPoint::AddCount(MetricType type, double value) {
  if (!IsCount(value)) return fmt::format("{} count {} is not a number from 0 on", model::MetricTypeName(type), value);
  count_ = value;
  return {};
}

Complaint OpenMetricsPoint::AddSum(MetricType type, double value) {
  // Gauge histograms may have negative sums, if they have negative buckets: judged when all buckets are known.
  if (std::isnan(value) || (type != MetricType::kGaugeHistogram && value < 0)) {
    return fmt::format("{} sum {} is not a number from 0 on", model::MetricTypeName(type), value);
  }
  sum_ = value;
  return {};
}

Complaint OpenMetricsPoint::Finish(MetricType type) const {
  if (type != MetricType::kHistogram && type != MetricType::kGaugeHistogram) return {};
  const std::string_view name = model::MetricTypeName(type);
  if (!has_buckets_ || !std::isinf(last_bound_)) return fmt::format("{} without a bucket le=\"+Inf\"", name);
  if (count_ && *count_ != last_bucket_) {
    return fmt::format("{} count {} differs from bucket le=\"+Inf\" with {}", name, *count_, last_bucket_);
  }
  if (count_ && !sum_ && !(type == MetricType::kHistogram && has_negative_bound_)) {
    return fmt::format("{} with a count needs a sum", name);
  }
  if (sum_ && !count_) return fmt::format("{} with a sum needs a count", name);
  if (sum_ && type == MetricType::kHistogram && has_negative_bound_) {
    return "histogram with negative buckets has a sum, which is no counter then";
  }
  if (sum_ && *sum_ < 0 && !has_negative_bound_)
    return fmt::format("{} with sum {} but no negative bucket", name, *sum_);
  return {};
}

Complaint CheckExemplar(MetricType type, std::string_view suffix, const ExpositionExemplar& exemplar) {
  const bool may_have = (type == MetricType::kCounter && suffix == "_total") || suffix == "_bucket";
  if (!may_have) return "exemplars belong to counter totals and histogram buckets only";
  constexpr std::size_t kRunesMax = 128;  // OpenMetrics 1.0, "Exemplars"
  std::size_t runes_count = 0;
  const auto is_first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  for (const ExpositionLabel& label : exemplar.labels) {
    runes_count += static_cast<std::size_t>(std::count_if(label.name.begin(), label.name.end(), is_first_byte));
    runes_count += static_cast<std::size_t>(std::count_if(label.value.begin(), label.value.end(), is_first_byte));
  }
  if (runes_count <= kRunesMax) return {};
  return fmt::format("exemplar labels have {} characters, the limit is {}", runes_count, kRunesMax);
}

}  // namespace baro::scraper::expo

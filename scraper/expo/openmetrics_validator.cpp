#include "scraper/openmetrics_validator.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "model/quote.h"
#include "scraper/expo/openmetrics_point.h"

namespace baro::scraper {
namespace {

using expo::Complaint;
using model::MetricType;

// Labels as one string that is the same for the same set, without the one that tells samples of a metric apart.
std::string KeyOf(const SampleLine& sample, std::string_view without) {
  std::vector<ExpositionLabel> labels;
  for (const ExpositionLabel& label : sample.labels) {
    if (without.empty() || label.name != without) labels.push_back(label);
  }
  std::sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::string key;
  for (const ExpositionLabel& label : labels) {
    key += fmt::format("{}:{}{}:{}", label.name.size(), label.name, label.value.size(), label.value);
  }
  return key;
}

}  // namespace

class OpenMetricsValidator::Impl {
 public:
  Complaint Add(const ExpositionEvent& event) {
    switch (event.kind) {
      case ExpositionEvent::Kind::kHelp:
      case ExpositionEvent::Kind::kType:
      case ExpositionEvent::Kind::kUnit:
        return AddMetadata(event);
      case ExpositionEvent::Kind::kSample:
        return AddSample(event);
      case ExpositionEvent::Kind::kEnd:
        return FinishFamily();
    }
    return {};
  }

 private:
  struct Family {
    std::string name;
    MetricType type = MetricType::kUnknown;
    std::string unit;
    bool has_help = false;
    bool has_type = false;
    bool has_unit = false;
    bool has_samples = false;
  };

  Complaint StartFamily(std::string_view name) {
    if (Complaint complaint = FinishFamily()) return complaint;
    family_ = {.name = std::string(name)};
    is_open_ = true;
    return {};
  }

  // A family owns its name and those of all samples that it could have.
  Complaint FinishFamily() {
    if (Complaint complaint = FinishMetric()) return complaint;
    metrics_.clear();
    if (!is_open_) return {};
    is_open_ = false;
    if ((family_.type == MetricType::kInfo || family_.type == MetricType::kStateSet) && !family_.unit.empty()) {
      return fmt::format("{} {} has a unit", model::MetricTypeName(family_.type), model::Quoted(family_.name));
    }
    std::vector<std::string> names = {family_.name};
    for (const std::string_view suffix : expo::SampleSuffixes(family_.type)) {
      if (!suffix.empty()) names.push_back(family_.name + std::string(suffix));
    }
    for (std::string& name : names) {
      if (taken_names_.contains(name)) {
        return fmt::format("name {} clashes with an earlier metric family, or its family is not in one piece",
                           model::Quoted(name));
      }
    }
    for (std::string& name : names) taken_names_.insert(std::move(name));
    return {};
  }

  Complaint AddMetadata(const ExpositionEvent& event) {
    if (!is_open_ || event.family != family_.name) {
      if (Complaint complaint = StartFamily(event.family)) return complaint;
    }
    if (family_.has_samples) return fmt::format("metadata of {} behind its samples", model::Quoted(family_.name));
    const bool is_help = event.kind == ExpositionEvent::Kind::kHelp;
    const bool is_type = event.kind == ExpositionEvent::Kind::kType;
    bool& has = is_help ? family_.has_help : is_type ? family_.has_type : family_.has_unit;
    if (std::exchange(has, true)) {
      return fmt::format("{} of {} for the second time",
                         is_help   ? "HELP"
                         : is_type ? "TYPE"
                                   : "UNIT",
                         model::Quoted(family_.name));
    }
    if (is_type) family_.type = event.type;
    if (!is_help && !is_type) family_.unit = event.text;
    return {};
  }

  // The ending of a sample of the open family, or nothing if it is of another.
  std::optional<std::string_view> SuffixOf(std::string_view sample_name) const {
    if (!is_open_ || !sample_name.starts_with(family_.name)) return {};
    const std::string_view rest = sample_name.substr(family_.name.size());
    for (const std::string_view suffix : expo::SampleSuffixes(family_.type)) {
      if (suffix == rest) return suffix;
    }
    return {};
  }

  Complaint AddSample(const ExpositionEvent& event) {
    std::optional<std::string_view> suffix = SuffixOf(event.sample.name);
    if (!suffix) {
      if (Complaint complaint = StartFamily(event.sample.name)) return complaint;
      suffix = "";
    }
    family_.has_samples = true;
    const std::string_view apart = expo::SampleLabel(family_.type, *suffix, family_.name);
    if (Complaint complaint = EnterMetric(KeyOf(event.sample, apart), event)) return complaint;
    if (!event.timestamp_ms) {
      // The same sample again at another time is a new point; without times it is the same point twice.
      std::string id = fmt::format("{} {}", event.sample.name, KeyOf(event.sample, {}));
      if (!samples_.insert(std::move(id)).second) return "the same sample for the second time";
    }
    if (Complaint complaint = point_.Add(family_.type, family_.name, *suffix, event)) return complaint;
    return event.exemplar ? expo::CheckExemplar(family_.type, *suffix, *event.exemplar) : std::nullopt;
  }

  Complaint EnterMetric(std::string key, const ExpositionEvent& event) {
    if (!in_metric_ || key != metric_) {
      if (Complaint complaint = FinishMetric()) return complaint;
      if (!metrics_.insert(key).second) return "samples of one metric are not together";
      metric_ = std::move(key);
      in_metric_ = true;
      timestamp_ms_ = event.timestamp_ms;
      return {};
    }
    if (timestamp_ms_.has_value() != event.timestamp_ms.has_value()) {
      return "samples with and without timestamp in one metric";
    }
    if (timestamp_ms_ == event.timestamp_ms) return {};
    if (*event.timestamp_ms < *timestamp_ms_) return "timestamps of a metric go backwards";
    if (Complaint complaint = point_.Finish(family_.type)) return complaint;
    point_.Start();
    timestamp_ms_ = event.timestamp_ms;
    return {};
  }

  Complaint FinishMetric() {
    if (!std::exchange(in_metric_, false)) return {};
    samples_.clear();
    const Complaint complaint = point_.Finish(family_.type);
    point_.Start();
    return complaint;
  }

  std::unordered_set<std::string> taken_names_;
  Family family_;
  bool is_open_ = false;
  std::unordered_set<std::string> metrics_;  // keys of the family's metrics so far
  std::string metric_;
  bool in_metric_ = false;
  std::unordered_set<std::string> samples_;  // of the metric, without timestamp
  std::optional<std::int64_t> timestamp_ms_;
  expo::OpenMetricsPoint point_;
};

OpenMetricsValidator::OpenMetricsValidator() : impl_(std::make_unique<Impl>()) {}
OpenMetricsValidator::~OpenMetricsValidator() = default;

base::Result<> OpenMetricsValidator::Add(const ExpositionEvent& event) {
  const Complaint complaint = impl_->Add(event);
  if (!complaint) return {};
  return base::Fail(base::Code::kInvalidArgument, fmt::format("line {}: {}", event.line, *complaint));
}

base::Result<> ValidateOpenMetrics(std::string_view body) {
  ExpositionReader reader(body, ExpositionFormat::kOpenMetrics, Strictness::kBySpecification);
  OpenMetricsValidator validator;
  while (true) {
    const ExpositionEvent& event = *BARO_TRY(reader.Next());
    BARO_TRY(validator.Add(event));
    if (event.kind == ExpositionEvent::Kind::kEnd) return {};
  }
}

}  // namespace baro::scraper

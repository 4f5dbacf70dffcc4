// The rules for one point of one metric: which samples it may have, with which labels and values, and whether they add
// up.
//
// Threads  Confined.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/metadata.h"
#include "scraper/exposition_reader.h"

namespace baro::scraper::expo {

/// What a broken rule says; nothing while all is well.
using Complaint = std::optional<std::string>;

/// The endings that samples of a family of this type add to its name; "" is the name itself.
std::span<const std::string_view> SampleSuffixes(model::MetricType type);

/// The label that tells samples of one metric apart (`le`, `quantile`; of a state set its family's name); or empty.
std::string_view SampleLabel(model::MetricType type, std::string_view suffix, std::string_view family);

/// Samples of one metric with one timestamp.
class OpenMetricsPoint {
 public:
  void Start() { *this = {}; }

  /// `suffix` is one of SampleSuffixes(type).
  Complaint Add(model::MetricType type, std::string_view family, std::string_view suffix, const ExpositionEvent& event);

  /// When nothing more of it can come.
  Complaint Finish(model::MetricType type) const;

 private:
  Complaint AddBucket(const ExpositionEvent& event);
  Complaint AddCount(model::MetricType type, double value);
  Complaint AddSum(model::MetricType type, double value);

  bool has_buckets_ = false;
  bool has_negative_bound_ = false;
  double last_bound_ = 0;
  double last_bucket_ = 0;
  std::optional<double> count_;
  std::optional<double> sum_;
};

/// Whether an exemplar may stand there, and its labels are short enough.
Complaint CheckExemplar(model::MetricType type, std::string_view suffix, const ExpositionExemplar& exemplar);

}  // namespace baro::scraper::expo

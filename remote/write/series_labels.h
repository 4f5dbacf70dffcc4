// From the label fields of a message to a label set, with the checks that Prometheus makes, and limits.
//
// Source   Prometheus, remote write receiver: series without a metric name, with invalid names or with a label twice
// are
//          left out and counted; order does not matter, labels without a value count as absent.
// Threads  Confined.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"

namespace baro::remote {

// The limits of scraped label sets (docs/compatibility.md).
inline constexpr std::size_t kLabelsMax = 512;
inline constexpr std::size_t kLabelNameBytesMax = 4 * 1024;
inline constexpr std::size_t kLabelValueBytesMax = 64 * 1024;

enum class LabelsVerdict {
  kGood,
  kMalformed,  ///< not protobuf
  kInvalid,    ///< no series can be named so
  kOverLimit,
};

/// Reads label fields, again and again into the same memory.
class LabelsParser {
 public:
  /// Takes label fields (tag 1 of TimeSeries and Exemplar; other fields are passed over) apart into labels().
  /// `needs_name`: as a series, which is nothing without a metric name.
  LabelsVerdict Parse(std::string_view fields, bool needs_name);

  /// Shape  the last Parse() said kGood.
  model::Labels labels() const { return model::Labels::FromSorted(views_); }

  /// What was wrong; empty if nothing.
  const std::string& problem() const { return problem_; }

 private:
  LabelsVerdict Check(bool needs_name);

  std::vector<model::LabelView> views_;
  std::string problem_;
};

}  // namespace baro::remote

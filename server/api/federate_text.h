// Samples of many series as an exposition, as /federate answers.
//
// Format   Prometheus text 0.0.4, names that are no legacy names quoted in braces as Prometheus 3 writes them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "model/histogram.h"
#include "model/labels.h"
#include "model/names.h"

namespace baro::server {

/// One series and its newest sample.
struct FederatedSample {
  model::Labels labels;
  std::int64_t timestamp_ms = 0;
  double value = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;  ///< null: the sample is `value`
};

/// Appends the samples, each with its time. `external` labels are given to series that do not have them. Series without
/// a name are left out, and so are histograms with exponential buckets, for which the text has no form; those with
/// custom buckets become classic ones.
/// Shape    sorted by name.
void AppendFederatedText(std::span<const FederatedSample> samples, const std::map<std::string, std::string>& external,
                         model::EscapingScheme escaping, std::string& out);

}  // namespace baro::server

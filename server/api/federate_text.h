// Samples of many series as an exposition, as /federate answers.
//
// Format   Prometheus text 0.0.4, names that are no legacy names quoted in braces as Prometheus 3 writes them.
#pragma once

#include <map>
#include <span>
#include <string>

#include "model/names.h"
#include "server/api/federated_sample.h"

namespace baro::server {

/// Appends the samples, each with its time. `external` labels are given to series that do not have them. Series without
/// a name are left out, and so are histograms with exponential buckets, for which the text has no form; those with
/// custom buckets become classic ones.
/// Shape    sorted by name.
void AppendFederatedText(std::span<const FederatedSample> samples, const std::map<std::string, std::string>& external,
                         model::EscapingScheme escaping, std::string& out);

}  // namespace baro::server

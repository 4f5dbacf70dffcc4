// Samples of many series as delimited Protobuf, as /federate answers readers that ask for it.
//
// Format   io.prometheus.client.MetricFamily of github.com/prometheus/client_model, each behind its length as a varint.
// Threads  Pure functions.
#pragma once

#include <map>
#include <span>
#include <string>

#include "model/names.h"
#include "server/api/federated_sample.h"

namespace baro::server {

/// Appends the samples, each with its time. `external` labels are given to series that do not have them. Series without
/// a name are left out. Histograms with exponential buckets are sent as they are, those with custom buckets as classic
/// ones, for which the format has a form. A name under which there are floats and histograms, or gauges and counters
/// among them, makes a family for each stretch of one kind.
/// Shape    sorted by name.
void AppendFederatedProtobuf(std::span<const FederatedSample> samples,
                             const std::map<std::string, std::string>& external, model::EscapingScheme escaping,
                             std::string& out);

}  // namespace baro::server

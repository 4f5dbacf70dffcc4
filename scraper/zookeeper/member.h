// What members of a service write of themselves into their nodes: Twitter's server sets, and AirBnB's Nerve.
//
// Source   Prometheus 3.14, serverset_sd_configs and nerve_sd_configs.
// Threads  Pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "scraper/discovery/target_list.h"

namespace baro::scraper {

/// The target that a node's data tells of; nothing: the node is no member, as those are that only have children. Names
/// of fields may be in any case.
using ReadZookeeperMember = std::optional<LabelMap> (*)(base::ByteSpan data, const std::string& path);

std::optional<LabelMap> ReadServersetMember(base::ByteSpan data, const std::string& path);
std::optional<LabelMap> ReadNerveMember(base::ByteSpan data, const std::string& path);

}  // namespace baro::scraper

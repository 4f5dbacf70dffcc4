// What docker and dockerswarm share: where the daemon is, filters, and networks.
//
// Source   Docker Engine API 1.4x, without a version in the path: the daemon then takes its newest.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

/// From the field `host`: unix:///path, tcp://host:port, http(s)://host:port.
base::Result<ApiOrigin> DockerOrigin(const DiscoveryRecord& record);

/// Puts the field `filters` into the request's URL.
base::Result<> AddDockerFilters(const ApiScope& scope, net::FetchRequest& request);

inline constexpr ApiCall kDockerNetworks = {.name = "networks", .path = "/networks"};

/// Labels of all networks, by their ids. `prefix`: "__meta_docker_network_".
std::map<std::string, LabelMap> DockerNetworkLabels(const ApiScope& scope, std::string_view prefix, TargetList& list);

/// Adds those of a network to `labels`, if it is known.
void AddLabels(const std::map<std::string, LabelMap>& by_id, const std::string& id, LabelMap& labels);

}  // namespace baro::scraper

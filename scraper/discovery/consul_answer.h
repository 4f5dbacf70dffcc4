// What Consul's HTTP API answers, as targets.
//
// Source   Consul 1.20, HTTP API: /v1/catalog/services, /v1/health/service/:service. Labels: Prometheus 3.14.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scraper/options.h"

namespace baro::scraper {

/// Which services are wanted; all if both are empty.
struct ConsulFilter {
  std::vector<std::string> services;  ///< of these names only
  std::vector<std::string> tags;      ///< that have all of these
};

/// The names of the wanted services in an answer of the catalog.
/// Errors   kInvalidArgument, kLimitExceeded: as ParseJsonAnswer(), or another form.
base::Result<std::vector<std::string>> ParseConsulServices(std::string_view text, const ConsulFilter& filter);

struct ConsulService {
  std::string name;
  std::string datacenter;
  std::string tag_separator;
};

/// The instances of a service, each a target.
/// Errors   as ParseConsulServices().
base::Result<TargetGroup> ParseConsulInstances(std::string_view text, const ConsulService& service);

/// `Config.Datacenter` of /v1/agent/self.
/// Errors   as ParseConsulServices().
base::Result<std::string> ParseConsulDatacenter(std::string_view text);

}  // namespace baro::scraper

// The options of a consul_sd_configs entry, for tests.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "scraper/discovery_options.h"

namespace baro::scraper {

/// As the configuration makes them for `server: c:8500`, with a datacenter.
inline DiscoveryOptions ConsulOptions() {
  DiscoveryOptions options{.kind = "consul"};
  options.record.values = {{"server", "c:8500"},
                           {"path_prefix", ""},
                           {"token", net::SecretSource()},
                           {"datacenter", "dc1"},
                           {"namespace", ""},
                           {"partition", ""},
                           {"tag_separator", ","},
                           {"scheme", "http"},
                           {"username", ""},
                           {"password", net::SecretSource()},
                           {"allow_stale", false},
                           {"refresh_interval", std::chrono::milliseconds(30'000)},
                           {"services", std::vector<std::string>{}},
                           {"tags", std::vector<std::string>{}},
                           {"node_meta", std::map<std::string, std::string>{}},
                           {"filter", ""},
                           {"health_filter", ""}};
  return options;
}

}  // namespace baro::scraper

// What the `alerting` section says: where alerts go, and what is done to their labels on the way.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "model/relabel.h"
#include "net/http_client_options.h"
#include "remote/options.h"
#include "scraper/discovery_options.h"
#include "scraper/options.h"

namespace baro::config {

/// One item of alerting.alertmanagers: Alertmanagers that a discovery finds.
struct AlertmanagerOptions {
  std::string scheme = "http";
  std::string path_prefix;
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
  std::string api_version = "v2";
  net::HttpClientOptions http;
  std::optional<remote::SigV4Options> sigv4;
  std::vector<model::RelabelConfig> relabel;        ///< of the Alertmanagers, as of targets
  std::vector<model::RelabelConfig> alert_relabel;  ///< of the alerts that go to these Alertmanagers
  scraper::DiscoveryLists discoveries;
};

struct AlertingOptions {
  std::vector<model::RelabelConfig> alert_relabel;  ///< of all alerts
  std::vector<AlertmanagerOptions> alertmanagers;
};

}  // namespace baro::config

// What a running server says of its configuration and targets, as far as a plan needs it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace baro::cli {

struct ServedTarget {
  model::Labels labels;
  std::string url;
};

struct ServedJob {
  std::string yaml;  ///< in normal form, secrets masked
  std::vector<ServedTarget> active;
  std::vector<model::Labels> discovered;  ///< label sets before relabelling, of active and dropped targets
  std::size_t dropped_unknown = 0;        ///< dropped targets that the server does not list
};

struct ServerState {
  std::string config_yaml;
  std::string features;  ///< of --enable-feature, as the server shows it
  std::map<std::string, ServedJob> jobs;
};

/// Whether the server was started with the feature.
bool HasFeature(const ServerState& server, std::string_view feature);

/// Asks the server at `url`. Errors   as FetchOnce(); kUnavailable: it answers otherwise than its API should.
base::Result<ServerState> ReadServerState(const std::string& url);

}  // namespace baro::cli

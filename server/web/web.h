// What is served beside the API: health, own metrics, this machine's metrics, the user interface.
#pragma once

#include <string>

#include "base/metrics.h"
#include "base/random.h"
#include "exporters/node_exporter.h"
#include "net/router.h"
#include "server/api/api_state.h"

namespace baro::server {

/// /-/healthy and /-/ready.
void AddHealthRoutes(net::Router& router, ApiState& state);

/// /metrics (own) and /metrics/node (this machine). Borrows all.
void AddMetricsRoutes(net::Router& router, base::Registry& registry, const exporters::NodeExporter& node);

/// What somebody asked the process to do over HTTP; false: it could not be done, `error` says why.
struct LifecycleActions {
  std::function<base::Result<>()> reload;
  std::function<void()> quit;
};
/// /-/reload and /-/quit; 403 unless enabled.
void AddLifecycleRoutes(net::Router& router, bool is_enabled, LifecycleActions actions);

/// The pages of the user interface and their assets. `prefix` is the path that browsers see in front of all routes.
void AddUiRoutes(net::Router& router, std::string prefix, base::Random& random);

}  // namespace baro::server

// The HTTP API under /api/v1: its routes, and what they share.
//
// Source   https://prometheus.io/docs/prometheus/latest/querying/api/
#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "net/router.h"
#include "server/api/api_state.h"
#include "server/own_metrics.h"

namespace baro::server {

/// A handler of the API once storage is there.
using ApiHandler = std::function<net::HttpResponse(const net::HttpRequest&, const base::CancelToken&)>;

/// Adds routes of one kind; each wraps its handlers so that they answer 503 until the server is ready, and with the
/// headers that cross-origin pages need.
class ApiRoutes {
 public:
  /// Borrows both, which outlive the router's handlers.
  ApiRoutes(net::Router& router, ApiState& state) : router_(router), state_(state) {}

  /// A read with GET, and with POST if `with_post`.
  void AddRead(std::string path, bool with_post, std::string help, std::vector<net::ParamRule> params,
               ApiHandler handler);
  /// An action with POST or PUT.
  void AddAction(std::string path, std::string help, std::vector<net::ParamRule> params, ApiHandler handler);
  /// What others send in with POST; the body is as it was sent, and the handler may wait for the disk.
  void AddPush(std::string path, std::size_t body_bytes_max, std::string help, ApiHandler handler);
  /// A page beside the API for programs, at `path` from the root; not for pages of other origins.
  void AddPage(std::string path, std::string help, std::vector<net::ParamRule> params, ApiHandler handler);
  /// Served before storage is ready, too.
  void AddAlways(std::string path, std::string help, ApiHandler handler);

 private:
  void Add(net::Route route);
  /// `route.path` is below /api/v1; with a route that answers whether other origins may ask.
  void AddGuarded(net::Route route, ApiHandler handler);

  net::Router& router_;
  ApiState& state_;
};

void AddQueryRoutes(ApiRoutes& routes, ApiState& state, QueryMetrics& metrics);
void AddExplainRoutes(ApiRoutes& routes, ApiState& state, QueryMetrics& metrics);
void AddSeriesRoutes(ApiRoutes& routes, ApiState& state);
void AddExemplarRoutes(ApiRoutes& routes, ApiState& state);
void AddTargetRoutes(ApiRoutes& routes, ApiState& state);
/// Relabelling step by step, and the configuration of a job.
void AddRelabelRoutes(ApiRoutes& routes, ApiState& state);
void AddStatusRoutes(ApiRoutes& routes, ApiState& state);
/// Deletes and snapshots. Unless `is_enabled` they answer that they are not.
void AddAdminRoutes(ApiRoutes& routes, ApiState& state, bool is_enabled);
void AddPushRoutes(ApiRoutes& routes, ApiState& state);

/// /federate. Borrows all.
void AddFederateRoute(ApiRoutes& routes, ApiState& state, base::Registry& registry);

/// All of them, and answers in the API's envelope for what the router refuses below /api.
void AddApi(net::Router& router, ApiState& state, QueryMetrics& metrics, base::Registry& registry,
            bool is_admin_enabled);

}  // namespace baro::server

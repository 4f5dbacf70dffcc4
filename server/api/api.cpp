#include "server/api/api.h"

#include "server/api/envelope.h"

namespace baro::server {
namespace {

/// Source   Prometheus, util/httputil/cors.go: these headers, with any origin that the flag's expression matches.
void SetCorsHeaders(const net::HttpRequest& request, const ApiState& state, net::HttpResponse& response) {
  response.headers.Set("Vary", "Origin");
  const std::string_view origin = request.headers.Get("Origin");
  if (origin.empty() || !state.AllowsOrigin(origin)) return;
  response.headers.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  response.headers.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.headers.Set("Access-Control-Expose-Headers", "Date");
  response.headers.Set("Access-Control-Allow-Origin", state.allows_any_origin() ? "*" : std::string(origin));
}

net::HttpResponse NotReady(const ApiState& state) {
  net::HttpResponse response = net::HttpResponse::Text(503, "Service Unavailable");
  response.headers.Set("X-Prometheus-Stopping", state.is_stopping() ? "true" : "false");
  response.headers.Set("Retry-After", "1");
  return response;
}

}  // namespace

void ApiRoutes::Add(net::Route route) {
  const auto added = router_.Add(std::move(route));
  BARO_ASSERT(added.has_value());  // paths are literals of ours
}

void ApiRoutes::AddGuarded(net::Route route, ApiHandler handler) {
  route.path = "/api/v1/" + route.path;
  route.handler = [this_state = &state_, handler = std::move(handler)](const net::HttpRequest& request,
                                                                       const base::CancelToken& cancel) {
    net::HttpResponse response = this_state->is_ready() ? handler(request, cancel) : NotReady(*this_state);
    SetCorsHeaders(request, *this_state, response);
    return response;
  };
  // A browser asks with OPTIONS whether it may ask, without the parameters of the question: a route of its own.
  Add({.methods = {net::Method::kOptions},
       .path = route.path,
       .role = net::Role::kPublic,
       .run = net::Run::kInline,
       .help = "Whether a page of another origin may ask.",
       .handler = [this_state = &state_](const net::HttpRequest& request, const base::CancelToken&) {
         net::HttpResponse response = net::HttpResponse::Empty(204);
         SetCorsHeaders(request, *this_state, response);
         return response;
       }});
  Add(std::move(route));
}

void ApiRoutes::AddRead(std::string path, bool with_post, std::string help, std::vector<net::ParamRule> params,
                        ApiHandler handler) {
  std::vector<net::Method> methods = {net::Method::kGet};
  if (with_post) methods.push_back(net::Method::kPost);
  AddGuarded({.methods = std::move(methods),
              .path = std::move(path),
              .role = net::Role::kReader,
              .params = std::move(params),
              .body_bytes_max = 10 * 1024 * 1024,  // as Go's ParseForm
              .help = std::move(help)},
             std::move(handler));
}

void ApiRoutes::AddAction(std::string path, std::string help, std::vector<net::ParamRule> params, ApiHandler handler) {
  AddGuarded({.methods = {net::Method::kPost, net::Method::kPut},
              .path = std::move(path),
              .role = net::Role::kAdmin,
              .run = net::Run::kBlocking,
              .params = std::move(params),
              .help = std::move(help)},
             std::move(handler));
}

void ApiRoutes::AddPush(std::string path, std::size_t body_bytes_max, std::string help, ApiHandler handler) {
  Add({.methods = {net::Method::kPost},
       .path = "/api/v1/" + path,
       .role = net::Role::kPusher,
       .run = net::Run::kBlocking,
       .body_bytes_max = body_bytes_max,
       .help = std::move(help),
       .handler = [this_state = &state_, handler = std::move(handler)](const net::HttpRequest& request,
                                                                       const base::CancelToken& cancel) {
         return this_state->is_ready() ? handler(request, cancel) : NotReady(*this_state);
       }});
}

void ApiRoutes::AddPage(std::string path, std::string help, std::vector<net::ParamRule> params, ApiHandler handler) {
  Add({.methods = {net::Method::kGet},
       .path = std::move(path),
       .role = net::Role::kReader,
       .params = std::move(params),
       .help = std::move(help),
       .handler = [this_state = &state_, handler = std::move(handler)](const net::HttpRequest& request,
                                                                       const base::CancelToken& cancel) {
         return this_state->is_ready() ? handler(request, cancel) : NotReady(*this_state);
       }});
}

void ApiRoutes::AddAlways(std::string path, std::string help, ApiHandler handler) {
  Add({.methods = {net::Method::kGet},
       .path = "/api/v1/" + path,
       .role = net::Role::kReader,
       .help = std::move(help),
       .handler = [this_state = &state_, handler = std::move(handler)](const net::HttpRequest& request,
                                                                       const base::CancelToken& cancel) {
         net::HttpResponse response = handler(request, cancel);
         SetCorsHeaders(request, *this_state, response);
         return response;
       }});
}

void AddApi(net::Router& router, ApiState& state, QueryMetrics& metrics, base::Registry& registry,
            bool is_admin_enabled) {
  ApiRoutes routes(router, state);
  AddQueryRoutes(routes, state, metrics);
  AddExplainRoutes(routes, state, metrics);
  AddSeriesRoutes(routes, state);
  AddExemplarRoutes(routes, state);
  AddTargetRoutes(routes, state);
  AddRelabelRoutes(routes, state);
  AddStatusRoutes(routes, state);
  AddAdminRoutes(routes, state, is_admin_enabled);
  AddPushRoutes(routes, state);
  AddFederateRoute(routes, state, registry);
  router.set_error_renderer([](std::string_view path, int status, std::string_view message) {
    if (path.starts_with("/api/")) return ApiRefusal(status, message);
    return net::HttpResponse::Text(status, std::string(message) + "\n");
  });
}

}  // namespace baro::server

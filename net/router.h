// The route table: one entry says a route's methods, path, parameters, limits, role and handler. It can be listed, so
// that tests and the API description are generated from what is served.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_message.h"

namespace baro::base {
class CancelToken;
}

namespace baro::net {

/// Who may call a route. Each role may do what the ones before it may, pushers apart.
enum class Role : std::uint8_t {
  kPublic,    ///< anybody: health, login, the page's own files
  kReader,    ///< may read series and alerts
  kPusher,    ///< may only send data in
  kOperator,  ///< may silence, create dashboards
  kAdmin,     ///< may delete data, reload, stop
};

/// "public", "reader", "pusher", "operator", "admin".
std::string_view RoleName(Role role);

/// Where a handler runs.
enum class Run : std::uint8_t {
  kPool,      ///< on the compute pool, queued with a bound; past it 503 with Retry-After
  kBlocking,  ///< on a pool of its own, likewise queued: for handlers that wait for the disk and would keep a core idle
  kInline,    ///< on the I/O thread at once: for microseconds of work without locks that others hold for long
};

/// A parameter of the query string or the form.
struct ParamRule {
  std::string name;
  bool is_required = false;
  bool is_repeatable = false;
  std::string help;  ///< for the API description
};

/// Makes the answer. `cancel` fires when the client has gone away or the server gives up on the request; a long handler
/// looks at it. An exception that leaves a handler becomes a 500.
using Handler = std::function<HttpResponse(const HttpRequest& request, const base::CancelToken& cancel)>;

/// One entry of the table.
struct Route {
  std::vector<Method> methods;  ///< HEAD comes with GET; OPTIONS is answered by the router unless named here
  /// Segments are literal, `{name}` (one segment) or, at the end only, `{name...}` (the rest, may be empty).
  /// A literal wins over `{name}`, which wins over `{name...}`.
  std::string path;
  Role role = Role::kReader;
  Run run = Run::kPool;
  std::vector<ParamRule> params;
  bool allows_other_params = true;  ///< false: a parameter that is not in `params` is a 400
  std::size_t body_bytes_max = 1024 * 1024;
  std::chrono::milliseconds time_max{300'000};  ///< from the request's first byte to the answer's last
  bool is_reserved = false;  ///< still served, over a few reserved connections, when all others are taken (health)
  std::string help;          ///< one line for the API description
  Handler handler;
};

/// What a request leads to.
struct RouteMatch {
  const Route* route = nullptr;  ///< null: `status` says why
  int status = 200;              ///< 404 unknown path, 405 known path and other method, 204 OPTIONS, 400 bad escape,
                                 ///< 302 the bare "/" outside of the prefix
  std::string allow;             ///< the Allow header's value for 405 and 204
  std::string path;              ///< decoded, without the prefix
  Params path_params;
};

/// Decides whether a request may run; an answer (401, 403, 429) instead of nothing refuses it. May set `request.user`.
/// Runs where the handler would run, before it, on every request that matched a route.
using AccessHook = std::function<std::optional<HttpResponse>(HttpRequest& request, const Route& route)>;

/// Renders a refusal that the router or the server makes (400, 404, 405, 413, 503...), so that API paths can answer in
/// their own envelope. `path` is the request's, without the prefix.
using ErrorRenderer = std::function<HttpResponse(std::string_view path, int status, std::string_view message)>;

/// Threads  Confined while routes are added; immutable from then on, all const functions from any thread.
class Router {
 public:
  /// `prefix` as of --web.route-prefix: "", "/", "/prometheus" and "prometheus/" are understood. Requests outside of
  /// the prefix are 404, but for the bare "/", which is sent to the prefix with 302.
  explicit Router(std::string_view prefix = "");

  /// Errors   kInvalidArgument: malformed pattern, no method, no handler. kAlreadyExists: method and path are taken.
  base::Result<> Add(Route route);

  void set_access_hook(AccessHook hook) { access_hook_ = std::move(hook); }
  void set_error_renderer(ErrorRenderer renderer) { error_renderer_ = std::move(renderer); }

  /// "" or "/prometheus".
  const std::string& prefix() const { return prefix_; }
  const std::vector<Route>& routes() const { return routes_; }

  /// Finds the route of an undecoded path as it was sent, with the prefix.
  RouteMatch Match(Method method, std::string_view raw_path) const;

  /// Checks access and parameters and runs the handler. `request` has been matched to `route`.
  HttpResponse Dispatch(const Route& route, HttpRequest& request, const base::CancelToken& cancel) const;

  /// Match() and Dispatch() in one: the whole way of a request without a socket, for tests. Fills path, query, params
  /// and path_params from `request.target`.
  HttpResponse Handle(HttpRequest request, const base::CancelToken& cancel) const;

  /// The answer to a request that Match() found no route for.
  HttpResponse Refuse(const RouteMatch& match) const;

  /// The refusal with this status and text.
  HttpResponse RenderError(std::string_view path, int status, std::string_view message) const;

 private:
  struct Segment {
    enum class Kind : std::uint8_t { kLiteral, kParam, kRest } kind;
    std::string text;
  };
  struct Entry {  // one per distinct path
    std::vector<Segment> segments;
    std::vector<std::size_t> routes;  // indices into routes_
  };

  static base::Result<std::vector<Segment>> ParsePattern(std::string_view path);
  static bool IsMoreSpecific(const Entry& a, const Entry& b);
  static std::optional<Params> Bind(const Entry& entry, const std::vector<std::string>& parts);
  std::optional<std::string_view> WithoutPrefix(std::string_view raw_path) const;
  const Route* FindRoute(const Entry& entry, Method method) const;
  std::optional<HttpResponse> CheckParams(const Route& route, const HttpRequest& request) const;

  std::string prefix_;
  std::vector<Route> routes_;
  std::vector<Entry> entries_;  // most specific first
  AccessHook access_hook_;
  ErrorRenderer error_renderer_;
};

/// The route's name in metrics, as Prometheus writes it: "/api/v1/label/:name/values" for
/// "/api/v1/label/{name}/values", "/assets/*path" for "/assets/{path...}".
std::string RouteMetricName(std::string_view path);

}  // namespace baro::net

#include "server/web/web.h"

namespace baro::server {
namespace {

void Add(net::Router& router, net::Route route) {
  const auto added = router.Add(std::move(route));
  BARO_ASSERT(added.has_value());  // paths are literals of ours
}

net::Route HealthRoute(std::string path, std::string help, net::Handler handler) {
  return {.methods = {net::Method::kGet},
          .path = std::move(path),
          .role = net::Role::kPublic,
          .run = net::Run::kInline,
          .is_reserved = true,
          .help = std::move(help),
          .handler = std::move(handler)};
}

}  // namespace

void AddHealthRoutes(net::Router& router, ApiState& state) {
  Add(router, HealthRoute("/-/healthy", "Whether the process lives.", [](const auto&, const auto&) {
        return net::HttpResponse::Text(200, "Barograph is Healthy.\n");
      }));
  Add(router, HealthRoute("/-/ready", "Whether queries and writes work.", [&state](const auto&, const auto&) {
        if (state.is_ready()) return net::HttpResponse::Text(200, "Barograph is Ready.\n");
        const tsdb::ReplayProgress& replay = state.replay();
        net::HttpResponse response = net::HttpResponse::Text(
            503, fmt::format(
                     "Service Unavailable: {}, log segment {} of {}\n", state.is_stopping() ? "stopping" : "starting",
                     replay.current.load(std::memory_order_relaxed), replay.max.load(std::memory_order_relaxed)));
        response.headers.Set("X-Prometheus-Stopping", state.is_stopping() ? "true" : "false");
        return response;
      }));
}

void AddLifecycleRoutes(net::Router& router, bool is_enabled, LifecycleActions actions) {
  const auto lifecycle = [&](std::string path, std::string help, std::function<net::HttpResponse()> act) {
    Add(router, {.methods = {net::Method::kPost, net::Method::kPut},
                 .path = std::move(path),
                 .role = net::Role::kAdmin,
                 .help = std::move(help),
                 .handler = [is_enabled, act = std::move(act)](const auto&, const auto&) {
                   if (!is_enabled) {
                     return net::HttpResponse::Text(
                         403, "Lifecycle API is not enabled. Start with --web.enable-lifecycle to use it.\n");
                   }
                   return act();
                 }});
  };
  lifecycle("/-/reload", "Reads the configuration again.", [reload = actions.reload] {
    const auto reloaded = reload();
    if (reloaded) return net::HttpResponse::Text(200, "");
    return net::HttpResponse::Text(500, "failed to reload config: " + reloaded.error().message() + "\n");
  });
  lifecycle("/-/quit", "Ends the process.", [quit = actions.quit] {
    quit();
    return net::HttpResponse::Text(200, "Requesting termination... Goodbye!\n");
  });
}

}  // namespace baro::server

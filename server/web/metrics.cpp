#include "base/metrics_text.h"
#include "server/web/web.h"

namespace baro::server {
namespace {

/// The families in the format that the Accept header prefers: OpenMetrics when it is named, else Prometheus text.
net::HttpResponse Exposition(const net::HttpRequest& request, const std::vector<base::MetricFamily>& families) {
  const bool open_metrics =
      request.headers.Get("Accept").find("application/openmetrics-text") != std::string_view::npos;
  net::HttpResponse response;
  if (open_metrics) {
    base::AppendOpenMetricsText(families, response.body);
  } else {
    base::AppendPrometheusText(families, response.body);
  }
  response.headers.Set("Content-Type", open_metrics ? base::kOpenMetricsContentType : base::kPrometheusTextContentType);
  return response;
}

void Add(net::Router& router, std::string path, std::string help,
         std::function<std::vector<base::MetricFamily>()> gather) {
  const auto added = router.Add({.methods = {net::Method::kGet},
                                 .path = std::move(path),
                                 .role = net::Role::kReader,
                                 .is_reserved = true,
                                 .help = std::move(help),
                                 .handler = [gather = std::move(gather)](const net::HttpRequest& request, const auto&) {
                                   return Exposition(request, gather());
                                 }});
  BARO_ASSERT(added.has_value());
}

}  // namespace

void AddMetricsRoutes(net::Router& router, base::Registry& registry, const exporters::NodeExporter& node) {
  Add(router, "/metrics", "Barograph's own metrics.", [&registry] { return registry.Gather(); });
  Add(router, "/metrics/node", "This machine's metrics, as node_exporter names them.",
      [&node] { return node.Collect(); });
}

}  // namespace baro::server

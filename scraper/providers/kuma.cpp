// What a Kuma control plane assigns for monitoring, through its REST form of xDS.
//
// Source   Kuma Monitoring Assignment Discovery Service v1; Envoy's REST-JSON polling. Each refresh asks for the whole
//          state, without the version of the last: there is nothing to wait for.
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr std::string_view kType = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

base::Result<> AddRequest(const ApiScope& scope, net::FetchRequest& request) {
  const std::string& own_id = scope.record.Text("client_id");
  const Json body{{"node", {{"id", own_id.empty() ? "barograph" : own_id}}}, {"type_url", kType}};
  request.headers.Add("Content-Type", "application/json");
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return {};
}

constexpr ApiCall kCalls[] = {{.name = "assignments",
                               .path = "/v3/discovery:monitoringassignments",
                               .items = "resources",
                               .method = net::Method::kPost,
                               .prepare = AddRequest}};

constexpr LabelRow kAssignmentLabels[] = {
    {"__meta_kuma_label_", "labels", kMap}, {"__meta_kuma_mesh", "mesh"}, {"__meta_kuma_service", "service"}};
constexpr LabelRow kTargetLabels[] = {{"__meta_kuma_label_", "labels", kMap},
                                      {"__meta_kuma_dataplane", "name"},
                                      {"instance", "name"},
                                      {"__address__", "address"},
                                      {"__scheme__", "scheme"},
                                      {"__metrics_path__", "metricsPath"},
                                      {"__metrics_path__", "metrics_path"}};

void MakeTargets(const ApiScope& scope, TargetList& list) {
  for (const Json& assignment : scope.answers.Of("assignments")) {
    if (const std::string type = list.Text(assignment, "@type"); !type.empty() && type != kType) {
      return list.Fail("expected monitoring assignments of version 1, found " + type);
    }
    for (const Json& target : ItemsAt(assignment, "targets")) {
      LabelMap labels;
      list.Apply(kTargetLabels, target, labels);
      list.Apply(kAssignmentLabels, assignment, labels);  // these win over the target's
      list.Add(std::move(labels));
    }
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "kuma", .group = "kuma", .base = "{server}", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kKumaProviders = kTable;

}  // namespace baro::scraper

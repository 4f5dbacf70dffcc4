// Services that Nomad registers by itself.
//
// Source   Nomad HTTP API: /v1/services, /v1/service/:name.
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

base::Result<> AllowStale(const ApiScope& scope, net::FetchRequest& request) {
  if (!scope.record.Get<bool>("allow_stale")) return {};
  request.url += request.url.find('?') == std::string::npos ? "?stale=" : "&stale=";
  return {};
}

constexpr ApiParameter kParameters[] = {{"namespace", "{namespace}"}, {"region", "{region}"}};
constexpr ApiCall kCalls[] = {
    {.name = "services", .path = "/v1/services", .parameters = kParameters, .inner = "Services", .prepare = AllowStale},
    {.name = "instances",
     .path = "/v1/service/{item.ServiceName}",
     .parameters = kParameters,
     .for_each = "services",
     .prepare = AllowStale}};

constexpr LabelRow kLabels[] = {{"__meta_nomad_address", "Address"},     {"__meta_nomad_dc", "Datacenter"},
                                {"__meta_nomad_node_id", "NodeID"},      {"__meta_nomad_namespace", "Namespace"},
                                {"__meta_nomad_service", "ServiceName"}, {"__meta_nomad_service_address", "Address"},
                                {"__meta_nomad_service_id", "ID"},       {"__meta_nomad_service_port", "Port", kNumber},
                                {"__meta_nomad_tags", "Tags", kList}};

void MakeTargets(const ApiScope& scope, TargetList& list) {
  for (const Json& instance : scope.answers.Of("instances")) {
    LabelMap labels;
    list.Apply(kLabels, instance, labels, scope.record.Text("tag_separator"));
    const std::string port = labels["__meta_nomad_service_port"];
    list.Add(std::move(labels), list.Text(instance, "Address"), port);
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "nomad", .group = "Nomad", .base = "{server}", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kNomadProviders = kTable;

}  // namespace baro::scraper

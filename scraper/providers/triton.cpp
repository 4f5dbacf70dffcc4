// Containers and compute nodes of Triton, from its container monitor.
//
// Source   Triton Container Monitor: /v1/discover, /v1/gz/discover.
#include <fmt/format.h>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

base::Result<> AddGroups(const ApiScope& scope, net::FetchRequest& request) {
  std::string joined;
  for (const std::string& group : scope.record.Get<std::vector<std::string>>("groups")) {
    joined += (joined.empty() ? "" : ",") + group;
  }
  if (!joined.empty()) request.url += "?groups=" + net::UrlEncode(joined);
  return {};
}

constexpr ApiCall kContainerCalls[] = {
    {.name = "containers", .path = "/v{version}/discover", .items = "containers", .prepare = AddGroups}};
constexpr ApiCall kNodeCalls[] = {
    {.name = "cns", .path = "/v{version}/gz/discover", .items = "cns", .prepare = AddGroups}};

constexpr LabelRow kContainerLabels[] = {
    {"__meta_triton_machine_id", "vm_uuid"},     {"__meta_triton_machine_alias", "vm_alias"},
    {"__meta_triton_machine_brand", "vm_brand"}, {"__meta_triton_machine_image", "vm_image_uuid"},
    {"__meta_triton_server_id", "server_uuid"},  {"__meta_triton_groups", "groups", kList}};
constexpr LabelRow kNodeLabels[] = {{"__meta_triton_machine_id", "server_uuid"},
                                    {"__meta_triton_machine_alias", "server_hostname"}};

void Make(std::string_view call, std::span<const LabelRow> rows, const ApiScope& scope, TargetList& list) {
  for (const Json& item : scope.answers.Of(call)) {
    LabelMap labels;
    list.Apply(rows, item, labels);
    const std::string host = fmt::format("{}.{}", labels["__meta_triton_machine_id"], scope.record.Text("dns_suffix"));
    list.Add(std::move(labels), host, scope.Port());
  }
}

void MakeContainers(const ApiScope& scope, TargetList& list) { Make("containers", kContainerLabels, scope, list); }
void MakeNodes(const ApiScope& scope, TargetList& list) { Make("cns", kNodeLabels, scope, list); }

constexpr ApiProvider kTable[] = {{.kind = "triton",
                                   .role = "container",
                                   .group = "triton",
                                   .base = "https://{endpoint}:{port}",
                                   .calls = kContainerCalls,
                                   .targets = MakeContainers},
                                  {.kind = "triton",
                                   .role = "cn",
                                   .group = "triton",
                                   .base = "https://{endpoint}:{port}",
                                   .calls = kNodeCalls,
                                   .targets = MakeNodes}};

}  // namespace

constinit const std::span<const ApiProvider> kTritonProviders = kTable;

}  // namespace baro::scraper

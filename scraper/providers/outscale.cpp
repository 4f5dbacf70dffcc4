// Virtual machines of Outscale.
//
// Source   3DS OUTSCALE API (OAPI) 1: ReadVms; signed as requests to Amazon are, for the service "oapi".
#include <fmt/format.h>

#include "net/sigv4.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

base::Result<ApiOrigin> Origin(const DiscoveryRecord& record) {
  const std::string& endpoint = record.Text("endpoint");
  if (!endpoint.empty()) return ApiOrigin{.url = endpoint, .unix_socket = ""};
  return ApiOrigin{.url = fmt::format("https://api.{}.outscale.com/api/v1", record.Text("region")), .unix_socket = ""};
}

/// Parameters are in the body, so that the token of the next page moves from the query there.
base::Result<> Prepare(const ApiScope& scope, net::FetchRequest& request) {
  Json body = Json::object();
  if (const std::size_t mark = request.url.find('?'); mark != std::string::npos) {
    for (const auto& [name, value] : BARO_TRY(net::ParseQuery(request.url.substr(mark + 1)))) body[name] = value;
    request.url.resize(mark);
  }
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  request.headers.Set("Content-Type", "application/json");
  const std::string secret = BARO_TRY(scope.Secret("secret_key"));
  const net::SigV4Keys keys{
      .access_key = scope.record.Text("access_key"), .secret_key = base::Secret(secret), .session_token = {}};
  return net::SignV4(keys, {.region = scope.record.Text("region"), .service = "oapi"}, scope.clock.Now(), request);
}

constexpr ApiCall kCalls[] = {{.name = "vms",
                               .path = "/ReadVms",
                               .items = "Vms",
                               .paging = Paging::kCursor,
                               .next = "NextPageToken",
                               .parameter = "NextPageToken",
                               .method = net::Method::kPost,
                               .prepare = Prepare}};

constexpr LabelRow kLabels[] = {{"__meta_outscale_vm_instance_id", "VmId"},
                                {"__meta_outscale_vm_state", "State"},
                                {"__meta_outscale_vm_subregion", "Placement.SubregionName"},
                                {"__meta_outscale_vm_private_ip", "PrivateIp"},
                                {"__meta_outscale_vm_public_ip", "PublicIp"}};

void MakeTargets(const ApiScope& scope, TargetList& list) {
  for (const Json& vm : scope.answers.Of("vms")) {
    std::string address = list.Text(vm, "PrivateIp");
    if (address.empty()) address = list.Text(vm, "PublicIp");
    if (address.empty()) continue;
    LabelMap labels{{"__meta_outscale_vm_region", scope.record.Text("region")}};
    list.Apply(kLabels, vm, labels);
    for (const Json& tag : ItemsAt(vm, "Tags")) {
      const std::string key = list.Text(tag, "Key");
      if (!key.empty()) labels["__meta_outscale_vm_tag_" + CleanLabelName(key)] = list.Text(tag, "Value");
    }
    list.Add(std::move(labels), address, scope.Port());
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "outscale", .group = "outscale", .origin = Origin, .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kOutscaleProviders = kTable;

}  // namespace baro::scraper

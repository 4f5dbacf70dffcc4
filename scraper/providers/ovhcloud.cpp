// Dedicated servers and virtual private servers of OVHcloud.
//
// Requests are signed with the server's time: the difference to this machine's clock is asked for in each refresh.
//
// Source   "First Steps with the OVHcloud APIs"; API 1.0: /auth/time, /dedicated/server, /vps.
#include <arpa/inet.h>

#include <array>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "net/signing.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

struct Endpoint {
  std::string_view name;
  std::string_view url;
};
constexpr Endpoint kEndpoints[] = {{"ovh-eu", "https://eu.api.ovh.com/1.0"},
                                   {"ovh-ca", "https://ca.api.ovh.com/1.0"},
                                   {"ovh-us", "https://api.us.ovhcloud.com/1.0"},
                                   {"kimsufi-eu", "https://eu.api.kimsufi.com/1.0"},
                                   {"kimsufi-ca", "https://ca.api.kimsufi.com/1.0"},
                                   {"soyoustart-eu", "https://eu.api.soyoustart.com/1.0"},
                                   {"soyoustart-ca", "https://ca.api.soyoustart.com/1.0"}};

base::Result<ApiOrigin> Origin(const DiscoveryRecord& record) {
  const std::string& endpoint = record.Text("endpoint");
  if (endpoint.find('/') != std::string::npos) return ApiOrigin{.url = endpoint, .unix_socket = ""};
  for (const auto& [name, url] : kEndpoints) {
    if (name == endpoint) return ApiOrigin{.url = std::string(url), .unix_socket = ""};
  }
  std::string known;
  for (const auto& [name, url] : kEndpoints) known += fmt::format("{}, ", name);
  return base::Fail(base::Code::kInvalidArgument,
                    fmt::format("unknown endpoint {:?}: want one of {}or a URL", endpoint, known));
}

std::int64_t NowSeconds(const ApiScope& scope) {
  return std::chrono::floor<std::chrono::seconds>(scope.clock.Now()).time_since_epoch().count();
}

/// How far this machine's clock is ahead of the server's.
std::vector<Json> ClockDifference(const ApiScope& scope, TargetList& reader) {
  const auto answers = scope.answers.Of("time");
  if (answers.size() != 1 || !answers[0].is_number_integer()) {
    reader.Fail("the time of the server is no number");
    return {};
  }
  constexpr std::int64_t kSecondsMax = std::int64_t{1} << 40;
  const auto server_s = answers[0].get<std::int64_t>();
  if (server_s < 0 || server_s > kSecondsMax) {
    reader.Fail("the time of the server is none");
    return {};
  }
  return {{{"ahead_s", NowSeconds(scope) - server_s}}};
}

base::Result<> Sign(const ApiScope& scope, net::FetchRequest& request) {
  const auto ahead_s = scope.answers.Of("clock")[0].at("ahead_s").get<std::int64_t>();
  const std::string time = fmt::format("{}", NowSeconds(scope) - ahead_s);
  const std::string secret = BARO_TRY(scope.Secret("application_secret"));
  const std::string consumer = BARO_TRY(scope.Secret("consumer_key"));
  const std::string text = fmt::format("{}+{}+{}+{}+{}+{}", secret, consumer, net::MethodName(request.method),
                                       request.url, request.body, time);
  request.headers.Set("X-Ovh-Application", scope.record.Text("application_key"));
  request.headers.Set("X-Ovh-Consumer", consumer);
  request.headers.Set("X-Ovh-Timestamp", time);
  request.headers.Set("X-Ovh-Signature", "$1$" + net::Sha1Hex(text));
  return {};
}

bool WantsDedicated(const ApiScope& scope) { return scope.record.Text("service") == "dedicated_server"; }
bool WantsVps(const ApiScope& scope) { return scope.record.Text("service") == "vps"; }

constexpr int kExpired = 460;  // the status of services that are not paid for any more, which are still listed

/// What is told of each name in the list.
constexpr ApiCall OfEach(std::string_view name, std::string_view path, std::string_view list,
                         bool (*is_wanted)(const ApiScope&)) {
  return {.name = name,
          .path = path,
          .for_each = list,
          .may_be_missing = true,
          .missing_status = kExpired,
          .tells_round = true,
          .is_secret = true,  // a signature is for one URL
          .is_wanted = is_wanted,
          .prepare = Sign};
}

// The names are texts in a list: "{item.}" is such a text.
constexpr ApiCall kCalls[] = {
    {.name = "time", .path = "/auth/time"},
    {.name = "clock", .derive = ClockDifference},
    {.name = "servers", .path = "/dedicated/server", .is_secret = true, .is_wanted = WantsDedicated, .prepare = Sign},
    OfEach("server", "/dedicated/server/{item.}", "servers", WantsDedicated),
    OfEach("server_ips", "/dedicated/server/{item.}/ips", "servers", WantsDedicated),
    {.name = "vpses", .path = "/vps", .is_secret = true, .is_wanted = WantsVps, .prepare = Sign},
    OfEach("vps", "/vps/{item.}", "vpses", WantsVps),
    OfEach("vps_ips", "/vps/{item.}/ips", "vpses", WantsVps)};

constexpr LabelRow kServerLabels[] = {{"instance", "name"},
                                      {"__meta_ovhcloud_dedicated_server_state", "state"},
                                      {"__meta_ovhcloud_dedicated_server_commercial_range", "commercialRange"},
                                      {"__meta_ovhcloud_dedicated_server_link_speed", "linkSpeed", kNumber},
                                      {"__meta_ovhcloud_dedicated_server_rack", "rack"},
                                      {"__meta_ovhcloud_dedicated_server_no_intervention", "noIntervention", kBool},
                                      {"__meta_ovhcloud_dedicated_server_os", "os"},
                                      {"__meta_ovhcloud_dedicated_server_support_level", "supportLevel"},
                                      {"__meta_ovhcloud_dedicated_server_server_id", "serverId", kNumber},
                                      {"__meta_ovhcloud_dedicated_server_reverse", "reverse"},
                                      {"__meta_ovhcloud_dedicated_server_datacenter", "datacenter"},
                                      {"__meta_ovhcloud_dedicated_server_name", "name"}};

constexpr LabelRow kVpsLabels[] = {{"instance", "name"},
                                   {"__meta_ovhcloud_vps_offer", "model.offer"},
                                   {"__meta_ovhcloud_vps_model_vcore", "model.vcore", kNumber},
                                   {"__meta_ovhcloud_vps_maximum_additional_ip", "model.maximumAdditionnalIp", kNumber},
                                   {"__meta_ovhcloud_vps_version", "model.version"},
                                   {"__meta_ovhcloud_vps_model_name", "model.name"},
                                   {"__meta_ovhcloud_vps_disk", "model.disk", kNumber},
                                   {"__meta_ovhcloud_vps_memory", "model.memory", kNumber},
                                   {"__meta_ovhcloud_vps_zone", "zone"},
                                   {"__meta_ovhcloud_vps_display_name", "displayName"},
                                   {"__meta_ovhcloud_vps_cluster", "cluster"},
                                   {"__meta_ovhcloud_vps_state", "state"},
                                   {"__meta_ovhcloud_vps_name", "name"},
                                   {"__meta_ovhcloud_vps_netboot_mode", "netbootMode"},
                                   {"__meta_ovhcloud_vps_memory_limit", "memoryLimit", kNumber},
                                   {"__meta_ovhcloud_vps_offer_type", "offerType"},
                                   {"__meta_ovhcloud_vps_vcore", "vcore", kNumber}};

struct Addresses {
  std::string v4;
  std::string v6;
};

/// The usual spelling of an address; nothing: it is none.
std::optional<std::string> Canonical(int family, const std::string& text) {
  in6_addr address{};  // the larger one
  std::array<char, INET6_ADDRSTRLEN> spelling{};
  if (inet_pton(family, text.c_str(), &address) != 1) return std::nullopt;
  inet_ntop(family, &address, spelling.data(), spelling.size());
  return spelling.data();
}

/// "192.0.2.1", "192.0.2.1/32"; other networks are passed over, as Prometheus does.
void AddAddress(const std::string& text, TargetList& list, Addresses& addresses) {
  const std::size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  const auto v4 = Canonical(AF_INET, host);
  const auto v6 = Canonical(AF_INET6, host);
  if (!v4 && !v6) return list.Fail(fmt::format("{:?} is no address", text));
  if (slash != std::string::npos && text.substr(slash) != "/32") return;
  if (v4 && *v4 != "0.0.0.0") addresses.v4 = *v4;
  if (v6 && *v6 != "::") addresses.v6 = *v6;
}

/// By the place of the server in the list.
std::map<std::string, Addresses> AddressesOf(std::span<const Json> items, TargetList& list) {
  std::map<std::string, Addresses> all;
  for (const Json& item : items) AddAddress(list.Text(item, "value"), list, all[list.Text(item, "round")]);
  return all;
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  const bool is_vps = WantsVps(scope);
  const std::string prefix = is_vps ? "__meta_ovhcloud_vps_" : "__meta_ovhcloud_dedicated_server_";
  const auto addresses = AddressesOf(scope.answers.Of(is_vps ? "vps_ips" : "server_ips"), list);
  for (const Json& item : scope.answers.Of(is_vps ? "vps" : "server")) {
    const auto found = addresses.find(list.Text(item, "round"));
    if (found == addresses.end()) continue;
    const auto& [v4, v6] = found->second;
    if (v4.empty() && v6.empty()) continue;
    const Json* const server = FindJson(item, "value");
    if (server == nullptr) return list.Fail("nothing is told of a server");
    LabelMap labels{{"__address__", v4.empty() ? v6 : v4}, {prefix + "ipv4", v4}, {prefix + "ipv6", v6}};
    list.Apply(is_vps ? std::span<const LabelRow>(kVpsLabels) : kServerLabels, *server, labels);
    if (is_vps)
      labels[prefix + "datacenter"] = fmt::format("[{}]", fmt::join(list.Texts(*server, "model.datacenter"), " "));
    list.Add(std::move(labels));
  }
}

constexpr ApiProvider kTable[] = {{.kind = "ovhcloud",
                                   .group = "ovhcloud",
                                   .origin = Origin,
                                   .takes_environment_proxy = true,
                                   .calls = kCalls,
                                   .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kOvhcloudProviders = kTable;

}  // namespace baro::scraper

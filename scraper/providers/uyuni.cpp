// Exporters on the systems of Uyuni (SUSE Manager).
//
// Source   Uyuni API 26 (XML-RPC): auth, system, system.monitoring.
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scraper/providers/providers.h"
#include "scraper/providers/xml_rpc.h"

namespace baro::scraper {
namespace {

constexpr std::int64_t kSessionSeconds = 600;  // if it is not ended before

base::Result<> Call(std::string_view method, std::vector<Json> parameters, net::FetchRequest& request) {
  request.body = XmlRpcCall(method, parameters);
  request.headers.Set("Content-Type", "text/xml");
  return {};
}

/// What an earlier call returned; an error ends the refresh.
Json Returned(const ApiScope& scope, std::string_view call, TargetList& reader) {
  const auto answers = scope.answers.Of(call);
  if (answers.empty()) return Json::array();  // it was left out
  auto value = ReadXmlRpcAnswer(answers[0]);
  if (value) return *std::move(value);
  reader.Fail(fmt::format("{}: {}", call, value.error().message()));
  return Json::array();
}

base::Result<> Login(const ApiScope& scope, net::FetchRequest& request) {
  const std::string password = BARO_TRY(scope.Secret("password"));
  return Call("auth.login", {scope.record.Text("username"), password, kSessionSeconds}, request);
}

std::vector<Json> Token(const ApiScope& scope, TargetList& reader) {
  Json token = Returned(scope, "login", reader);
  if (!token.is_string()) reader.Fail("login: expected a text");
  return {std::move(token)};
}
Json TokenOf(const ApiScope& scope) { return scope.answers.Of("token")[0]; }

base::Result<> ListSystems(const ApiScope& scope, net::FetchRequest& request) {
  return Call("system.listSystemGroupsForSystemsWithEntitlement", {TokenOf(scope), scope.record.Text("entitlement")},
              request);
}

/// The elements of the list that a call returned.
std::vector<Json> List(const ApiScope& scope, std::string_view call, TargetList& reader) {
  const Json list = Returned(scope, call, reader);
  if (!list.is_array()) reader.Fail(fmt::format("{}: expected a list", call));
  const auto items = ItemsAt(list, "");
  return {items.begin(), items.end()};
}

std::vector<Json> Systems(const ApiScope& scope, TargetList& reader) { return List(scope, "system groups", reader); }
std::vector<Json> Endpoints(const ApiScope& scope, TargetList& reader) { return List(scope, "endpoints", reader); }
std::vector<Json> Networks(const ApiScope& scope, TargetList& reader) { return List(scope, "networks", reader); }

bool HasSystems(const ApiScope& scope) { return !scope.answers.Of("systems").empty(); }

base::Result<Json> SystemIds(const ApiScope& scope) {
  TargetList reader;
  Json ids = Json::array();
  for (const Json& system : scope.answers.Of("systems")) {
    const std::string text = reader.Text(system, "id");
    std::int64_t id = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      return base::Fail(base::Code::kInvalidArgument, "a system has no number");
    }
    ids.push_back(id);
  }
  return ids;
}

base::Result<> ListEndpoints(const ApiScope& scope, net::FetchRequest& request) {
  const Json ids = BARO_TRY(SystemIds(scope));
  return Call("system.monitoring.listEndpoints", {TokenOf(scope), ids}, request);
}
base::Result<> GetNetworks(const ApiScope& scope, net::FetchRequest& request) {
  const Json ids = BARO_TRY(SystemIds(scope));
  return Call("system.getNetworkForSystems", {TokenOf(scope), ids}, request);
}
base::Result<> Logout(const ApiScope& scope, net::FetchRequest& request) {
  return Call("auth.logout", {TokenOf(scope)}, request);
}

constexpr ApiCall Rpc(std::string_view name, base::Result<> (*prepare)(const ApiScope&, net::FetchRequest&),
                      bool (*is_wanted)(const ApiScope&) = nullptr) {
  return {.name = name,
          .path = "/rpc/api",
          .method = net::Method::kPost,
          .form = AnswerForm::kXml,
          .is_secret = true,  // all have the token in their body
          .is_wanted = is_wanted,
          .prepare = prepare};
}

constexpr ApiCall Optional(ApiCall call) {
  call.is_optional = true;
  return call;
}

constexpr ApiCall kCalls[] = {Rpc("login", Login),
                              {.name = "token", .derive = Token},
                              Rpc("system groups", ListSystems),
                              {.name = "systems", .derive = Systems},
                              Rpc("endpoints", ListEndpoints, HasSystems),
                              {.name = "endpoint", .derive = Endpoints},
                              Rpc("networks", GetNetworks, HasSystems),
                              {.name = "network", .derive = Networks},
                              Optional(Rpc("logout", Logout))};

constexpr LabelRow kEndpointLabels[] = {{"__meta_uyuni_system_id", "system_id"},
                                        {"__meta_uyuni_endpoint_name", "endpoint_name"},
                                        {"__meta_uyuni_exporter", "exporter_name"},
                                        {"__meta_uyuni_proxy_module", "module"},
                                        {"__meta_uyuni_metrics_path", "path"}};
constexpr LabelRow kNetworkLabels[] = {{"__meta_uyuni_minion_hostname", "hostname"},
                                       {"__meta_uyuni_primary_fqdn", "primary_fqdn"}};

/// Names of the groups of each system, by its number.
std::map<std::string, std::string> GroupsOfSystems(const ApiScope& scope, TargetList& list) {
  std::map<std::string, std::string> groups;
  for (const Json& system : scope.answers.Of("systems")) {
    std::vector<std::string> names;
    for (const Json& group : ItemsAt(system, "system_groups")) names.push_back(list.Text(group, "name"));
    groups[list.Text(system, "id")] = fmt::format("{}", fmt::join(names, scope.record.Text("separator")));
  }
  return groups;
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  const auto groups = GroupsOfSystems(scope, list);
  std::map<std::string, const Json*> networks;
  for (const Json& network : scope.answers.Of("network")) networks[list.Text(network, "system_id")] = &network;
  for (const Json& endpoint : scope.answers.Of("endpoint")) {
    const std::string system = list.Text(endpoint, "system_id");
    LabelMap labels;
    list.Apply(kEndpointLabels, endpoint, labels);
    if (const auto found = groups.find(system); found != groups.end()) labels["__meta_uyuni_groups"] = found->second;
    std::string host;
    if (const auto found = networks.find(system); found != networks.end()) {
      list.Apply(kNetworkLabels, *found->second, labels);
      host = list.Text(*found->second, "hostname");
    }
    labels["__meta_uyuni_scheme"] = list.Text(endpoint, "tls_enabled") == "true" ? "https" : "http";
    labels["__address__"] = fmt::format("{}:{}", host, list.Text(endpoint, "port"));
    list.Add(std::move(labels));
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "uyuni", .group = "uyuni", .base = "{server}", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kUyuniProviders = kTable;

}  // namespace baro::scraper

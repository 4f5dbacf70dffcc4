// Tasks of the applications that Marathon runs.
//
// Source   Marathon REST API: GET /v2/apps.
#include <fmt/format.h>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

const std::vector<std::string>& Servers(const DiscoveryRecord& record) {
  return record.Get<std::vector<std::string>>("servers");
}

/// All servers have to be URLs; which one is asked is chosen for each request.
base::Result<ApiOrigin> FirstServer(const DiscoveryRecord& record) {
  for (const std::string& server : Servers(record)) BARO_TRY(net::ParseUrl(server));
  return ApiOrigin{.url = Servers(record).front(), .unix_socket = ""};
}

constexpr std::string_view kPath = "/v2/apps/?embed=apps.tasks";

/// Servers take turns, by the second.
base::Result<> ChooseServer(const ApiScope& scope, net::FetchRequest& request) {
  const auto& servers = Servers(scope.record);
  const auto second = static_cast<std::uint64_t>(base::ToMs(scope.clock.Now()) / 1000);
  request.url = servers[second % servers.size()];
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += kPath;
  const std::string token = BARO_TRY(scope.Secret("auth_token"));
  if (!token.empty()) request.headers.Add("Authorization", "token=" + token);
  return {};
}

constexpr ApiCall kCalls[] = {{.name = "apps", .path = kPath, .items = "apps", .prepare = ChooseServer}};

/// A port of an application, and the labels that it is given.
struct Port {
  std::string number;  ///< "0": the task's own of the same index
  LabelMap labels;
};

bool IsContainerNet(const Json& app, TargetList& list) {
  const auto networks = ItemsAt(app, "networks");
  return !networks.empty() && list.Text(networks[0], "mode") == "container";
}

std::string Number(const Json& item, std::string_view path, TargetList& list) {
  const std::string text = list.Text(item, path);
  return text.empty() ? "0" : text;
}

std::vector<Port> PortsOf(const Json& app, bool is_container_net, TargetList& list) {
  std::vector<Port> ports;
  auto mappings = ItemsAt(app, "container.portMappings");
  if (mappings.empty()) mappings = ItemsAt(app, "container.docker.portMappings");
  for (const Json& mapping : mappings) {
    ports.push_back({.number = Number(mapping, is_container_net ? "containerPort" : "hostPort", list)});
    list.ApplyMap("__meta_marathon_port_mapping_label_", mapping, "labels", ports.back().labels);
  }
  if (!ports.empty()) return ports;
  const bool is_required = list.Text(app, "requirePorts") == "true";
  for (const Json& definition : ItemsAt(app, "portDefinitions")) {
    ports.push_back({.number = is_required ? Number(definition, "port", list) : "0"});
    list.ApplyMap("__meta_marathon_port_definition_label_", definition, "labels", ports.back().labels);
  }
  return ports;
}

void AddTask(const Json& task, std::vector<Port> ports, bool is_container_net, const LabelMap& shared,
             TargetList& list) {
  const auto own = list.Texts(task, "ports");
  if (ports.empty()) ports.resize(own.size(), {.number = "0"});
  std::string host = list.Text(task, "host");
  const auto addresses = ItemsAt(task, "ipAddresses");
  if (is_container_net && !addresses.empty()) host = list.Text(addresses[0], "ipAddress");
  for (std::size_t i = 0; i < ports.size(); ++i) {
    LabelMap labels = shared;
    labels["__meta_marathon_task"] = list.Text(task, "id");
    labels["__meta_marathon_port_index"] = fmt::format("{}", i);
    labels.insert(ports[i].labels.begin(), ports[i].labels.end());
    const bool is_own = ports[i].number == "0" && own.size() == ports.size();
    list.Add(std::move(labels), host, is_own ? own[i] : ports[i].number);
    if (list.failed()) return;
  }
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  constexpr LabelRow kLabels[] = {{"__meta_marathon_app", "id"},
                                  {"__meta_marathon_image", "container.docker.image"},
                                  {"__meta_marathon_app_label_", "labels", LabelShape::kMap}};
  for (const Json& app : scope.answers.Of("apps")) {
    LabelMap shared;
    list.Apply(kLabels, app, shared);
    const bool is_container_net = IsContainerNet(app, list);
    const auto ports = PortsOf(app, is_container_net, list);
    for (const Json& task : ItemsAt(app, "tasks")) {
      if (list.failed()) return;
      AddTask(task, ports, is_container_net, shared, list);
    }
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "marathon", .group = "marathon", .origin = FirstServer, .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kMarathonProviders = kTable;

}  // namespace baro::scraper

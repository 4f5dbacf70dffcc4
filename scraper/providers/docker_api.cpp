#include "scraper/providers/docker_api.h"

#include <fmt/format.h>

namespace baro::scraper {

base::Result<ApiOrigin> DockerOrigin(const DiscoveryRecord& record) {
  const std::string& host = record.Text("host");
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kTcp = "tcp://";
  if (host.starts_with(kUnix)) return ApiOrigin{.url = "http://docker", .unix_socket = host.substr(kUnix.size())};
  if (host.starts_with(kTcp)) return ApiOrigin{.url = "http://" + host.substr(kTcp.size()), .unix_socket = ""};
  if (host.starts_with("http://") || host.starts_with("https://")) return ApiOrigin{.url = host, .unix_socket = ""};
  return base::Fail(base::Code::kInvalidArgument,
                    fmt::format("host {:?}: expected unix:///path, tcp://host:port or an http(s) URL", host));
}

base::Result<> AddDockerFilters(const ApiScope& scope, net::FetchRequest& request) {
  std::map<std::string, std::vector<std::string>> filters;
  for (const DiscoveryRecord& filter : scope.record.Get<std::vector<DiscoveryRecord>>("filters")) {
    const auto& values = filter.Get<std::vector<std::string>>("values");
    auto& all = filters[filter.Text("name")];
    all.insert(all.end(), values.begin(), values.end());
  }
  if (filters.empty()) return {};
  request.url += fmt::format("{}filters={}", request.url.find('?') == std::string::npos ? '?' : '&',
                             net::UrlEncode(Json(filters).dump(-1, ' ', false, Json::error_handler_t::replace)));
  return {};
}

std::map<std::string, LabelMap> DockerNetworkLabels(const ApiScope& scope, std::string_view prefix, TargetList& list) {
  const auto name = [prefix](std::string_view label) { return fmt::format("{}{}", prefix, label); };
  const auto flag = [&list](const Json& network, std::string_view path) {
    const std::string text = list.Text(network, path);
    return text.empty() ? "false" : text;
  };
  std::map<std::string, LabelMap> by_id;
  for (const Json& network : scope.answers.Of("networks")) {
    const std::string id = list.Text(network, "Id");
    LabelMap labels{{name("id"), id},
                    {name("name"), list.Text(network, "Name")},
                    {name("scope"), list.Text(network, "Scope")},
                    {name("internal"), flag(network, "Internal")},
                    {name("ingress"), flag(network, "Ingress")}};
    list.ApplyMap(name("label_"), network, "Labels", labels);
    by_id[id] = std::move(labels);
  }
  return by_id;
}

void AddLabels(const std::map<std::string, LabelMap>& by_id, const std::string& id, LabelMap& labels) {
  const auto found = by_id.find(id);
  if (found == by_id.end()) return;
  for (const auto& [name, value] : found->second) labels[name] = value;
}

}  // namespace baro::scraper

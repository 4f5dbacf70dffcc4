// Servers of Hetzner: the cloud's, and dedicated ones (Robot).
//
// Source   Hetzner Cloud API 1, Robot Webservice.
#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr ApiParameter kCloudParameters[] = {{"label_selector", "{label_selector}"}};
constexpr ApiCall kCloudCalls[] = {{.name = "servers",
                                    .path = "/v1/servers?per_page=50",
                                    .parameters = kCloudParameters,
                                    .items = "servers",
                                    .paging = Paging::kCursor,
                                    .next = "meta.pagination.next_page",
                                    .parameter = "page"},
                                   {.name = "networks",
                                    .path = "/v1/networks?per_page=50",
                                    .items = "networks",
                                    .paging = Paging::kCursor,
                                    .next = "meta.pagination.next_page",
                                    .parameter = "page"}};
constexpr ApiCall kRobotCalls[] = {{.name = "servers", .path = "/server"}};

constexpr LabelRow kCloudLabels[] = {{"__meta_hetzner_server_id", "id"},
                                     {"__meta_hetzner_server_name", "name"},
                                     {"__meta_hetzner_server_status", "status"},
                                     {"__meta_hetzner_public_ipv4", "public_net.ipv4.ip"},
                                     {"__meta_hetzner_public_ipv6_network", "public_net.ipv6.ip"},
                                     {"__meta_hetzner_hcloud_server_type", "server_type.name"},
                                     {"__meta_hetzner_hcloud_cpu_cores", "server_type.cores", kNumber},
                                     {"__meta_hetzner_hcloud_cpu_type", "server_type.cpu_type"},
                                     {"__meta_hetzner_hcloud_disk_size_gb", "server_type.disk", kNumber},
                                     {"__meta_hetzner_hcloud_image_name", "image.name"},
                                     {"__meta_hetzner_hcloud_image_description", "image.description"},
                                     {"__meta_hetzner_hcloud_image_os_version", "image.os_version"},
                                     {"__meta_hetzner_hcloud_image_os_flavor", "image.os_flavor"},
                                     {"__meta_hetzner_hcloud_label_", "labels", kMap},
                                     {"__meta_hetzner_hcloud_labelpresent_", "labels", kPresence}};

constexpr LabelRow kRobotLabels[] = {
    {"__meta_hetzner_server_id", "server_number"}, {"__meta_hetzner_server_name", "server_name"},
    {"__meta_hetzner_server_status", "status"},    {"__meta_hetzner_public_ipv4", "server_ip"},
    {"__meta_hetzner_robot_product", "product"},   {"__meta_hetzner_robot_cancelled", "cancelled", kBool}};

/// "8" of 8.5: whole gigabytes.
std::string WholeGigabytes(const Json& server, TargetList& list) {
  const std::string text = list.Text(server, "server_type.memory");
  return text.empty() ? "0" : text.substr(0, text.find('.'));
}

void AddLocation(const Json& server, TargetList& list, LabelMap& labels) {
  const bool is_own = FindJson(server, "location") != nullptr;  // older servers of the API have it in the datacenter
  const std::string prefix = is_own ? "location" : "datacenter.location";
  for (const char* const label : {"__meta_hetzner_hcloud_location", "__meta_hetzner_hcloud_datacenter_location"}) {
    labels[label] = list.Text(server, prefix + ".name");
    labels[fmt::format("{}_network_zone", label)] = list.Text(server, prefix + ".network_zone");
  }
}

void MakeCloud(const ApiScope& scope, TargetList& list) {
  std::map<std::string, std::string> network_names;
  for (const Json& network : scope.answers.Of("networks")) {
    network_names[list.Text(network, "id")] = list.Text(network, "name");
  }
  for (const Json& server : scope.answers.Of("servers")) {
    LabelMap labels{{"__meta_hetzner_role", "hcloud"}};
    list.Apply(kCloudLabels, server, labels);
    AddLocation(server, list, labels);
    labels["__meta_hetzner_hcloud_memory_size_gb"] = WholeGigabytes(server, list);
    for (const Json& attached : ItemsAt(server, "private_net")) {
      const auto name = network_names.find(list.Text(attached, "network"));
      if (name == network_names.end()) continue;
      labels["__meta_hetzner_hcloud_private_ipv4_" + CleanLabelName(name->second)] = list.Text(attached, "ip");
    }
    list.Add(std::move(labels), list.Text(server, "public_net.ipv4.ip"), scope.Port());
  }
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void MakeRobot(const ApiScope& scope, TargetList& list) {
  for (const Json& item : scope.answers.Of("servers")) {
    const Json* const server = FindJson(item, "server");
    if (server == nullptr) return list.Fail("expected a field server in each item");
    LabelMap labels{{"__meta_hetzner_role", "robot"}};
    list.Apply(kRobotLabels, *server, labels);
    labels["__meta_hetzner_datacenter"] = Lower(list.Text(*server, "dc"));
    labels["__meta_hetzner_robot_datacenter"] = labels["__meta_hetzner_datacenter"];
    for (const Json& subnet : ItemsAt(*server, "subnet")) {
      const std::string address = list.Text(subnet, "ip");
      if (address.find(':') == std::string::npos) continue;
      labels["__meta_hetzner_public_ipv6_network"] = fmt::format("{}/{}", address, list.Text(subnet, "mask"));
      break;
    }
    list.Add(std::move(labels), list.Text(*server, "server_ip"), scope.Port());
  }
}

constexpr ApiProvider kTable[] = {{.kind = "hetzner",
                                   .role = "hcloud",
                                   .group = "hetzner",
                                   .base = "https://api.hetzner.cloud",
                                   .calls = kCloudCalls,
                                   .targets = MakeCloud},
                                  {.kind = "hetzner",
                                   .role = "robot",
                                   .group = "hetzner",
                                   .base = "https://robot-ws.your-server.de",
                                   .calls = kRobotCalls,
                                   .targets = MakeRobot}};

}  // namespace

constinit const std::span<const ApiProvider> kHetznerProviders = kTable;

}  // namespace baro::scraper

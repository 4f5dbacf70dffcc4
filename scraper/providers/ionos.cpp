// Servers of a datacenter of IONOS.
//
// Source   IONOS Cloud API 6.
#include <map>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

constexpr ApiCall kCalls[] = {{.name = "answer", .path = "/cloudapi/v6/datacenters/{datacenter_id}/servers?depth=3"}};

constexpr LabelRow kLabels[] = {{"__meta_ionos_server_availability_zone", "properties.availabilityZone"},
                                {"__meta_ionos_server_boot_cdrom_id", "properties.bootCdrom.id"},
                                {"__meta_ionos_server_boot_volume_id", "properties.bootVolume.id"},
                                {"__meta_ionos_server_cpu_family", "properties.cpuFamily"},
                                {"__meta_ionos_server_id", "id"},
                                {"__meta_ionos_server_lifecycle", "metadata.state"},
                                {"__meta_ionos_server_name", "properties.name"},
                                {"__meta_ionos_server_state", "properties.vmState"},
                                {"__meta_ionos_server_type", "properties.type"}};

/// Puts the addresses of a network card in front.
void Prepend(const std::vector<std::string>& addresses, std::vector<std::string>& all) {
  all.insert(all.begin(), addresses.begin(), addresses.end());
}

void AddServer(const ApiScope& scope, const Json& server, const std::string& servers_id, TargetList& list) {
  std::vector<std::string> all;
  std::map<std::string, std::vector<std::string>> by_card;
  for (const Json& card : ItemsAt(server, "entities.nics.items")) {
    const bool has_name = FindJson(card, "properties.name") != nullptr;
    const auto addresses = list.Texts(card, "properties.ips");
    Prepend(addresses, all);
    Prepend(addresses, by_card[has_name ? list.Text(card, "properties.name") : "unnamed"]);
  }
  if (all.empty()) return;
  LabelMap labels{{"__meta_ionos_server_servers_id", servers_id}, {"__meta_ionos_server_ip", JoinList(all)}};
  list.Apply(kLabels, server, labels);
  for (const auto& [name, addresses] : by_card) {
    // A card without an address has ",,", as in Prometheus.
    labels["__meta_ionos_server_nic_ip_" + CleanLabelName(name)] = addresses.empty() ? ",," : JoinList(addresses);
  }
  if (const auto volumes = ItemsAt(server, "entities.volumes.items"); !volumes.empty()) {
    labels["__meta_ionos_server_boot_image_id"] = list.Text(volumes[0], "properties.image");
  }
  list.Add(std::move(labels), all[0], scope.Port());
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  for (const Json& answer : scope.answers.Of("answer")) {
    const std::string servers_id = list.Text(answer, "id");
    for (const Json& server : ItemsAt(answer, "items")) AddServer(scope, server, servers_id, list);
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "ionos", .group = "ionos", .base = "https://api.ionos.com", .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kIonosProviders = kTable;

}  // namespace baro::scraper

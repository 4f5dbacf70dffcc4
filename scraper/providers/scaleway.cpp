// Instances and Elastic Metal servers of Scaleway.
//
// Source   Scaleway APIs: Instances v1, Elastic Metal v1, IPAM v1.
#include <map>

#include <fmt/format.h>

#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

/// "fr-par" of "fr-par-1".
std::string RegionOf(const std::string& zone) { return zone.substr(0, zone.rfind('-')); }

base::Result<> AddToken(const ApiScope& scope, net::FetchRequest& request) {
  request.headers.Add("X-Auth-Token", BARO_TRY(scope.Secret("secret_key")));
  return {};
}

base::Result<> PrepareInstances(const ApiScope& scope, net::FetchRequest& request) {
  std::string tags;
  for (const std::string& tag : scope.record.Get<std::vector<std::string>>("tags_filter")) {
    tags += (tags.empty() ? "" : ",") + tag;
  }
  if (!tags.empty()) request.url += "&tags=" + net::UrlEncode(tags);
  return AddToken(scope, request);
}

base::Result<> PrepareServers(const ApiScope& scope, net::FetchRequest& request) {
  for (const std::string& tag : scope.record.Get<std::vector<std::string>>("tags_filter")) {
    request.url += "&tags=" + net::UrlEncode(tag);
  }
  return AddToken(scope, request);
}

/// The path has the zone where the API wants its region.
base::Result<> PrepareAddresses(const ApiScope& scope, net::FetchRequest& request) {
  constexpr std::string_view kBefore = "/regions/";
  const std::string zone = net::UrlEncode(scope.record.Text("zone"));
  const std::size_t at = request.url.find(kBefore);
  BARO_ASSERT(at != std::string::npos);
  request.url.replace(at + kBefore.size(), zone.size(), RegionOf(zone));
  return AddToken(scope, request);
}

/// An address that the instance's own answer has.
std::string KnownAddress(const Json& server, TargetList& list) {
  for (const char* path : {"private_ip", "public_ip.address", "ipv6.address"}) {
    if (std::string address = list.Text(server, path); !address.empty()) return address;
  }
  return "";
}

/// Only instances that have nothing but private networks need another API, for which a key may have no right.
bool NeedsAddresses(const ApiScope& scope) {
  TargetList reader;
  for (const Json& server : scope.answers.Of("servers")) {
    if (KnownAddress(server, reader).empty() && !ItemsAt(server, "private_nics").empty()) return true;
  }
  return false;
}

constexpr std::size_t kPage = 100;
constexpr ApiParameter kNameFilter[] = {{"name", "{name_filter}"}};

constexpr ApiCall kInstanceCalls[] = {{.name = "servers",
                                       .path = "/instance/v1/zones/{zone}/servers?per_page=100",
                                       .parameters = kNameFilter,
                                       .items = "servers",
                                       .paging = Paging::kFull,
                                       .parameter = "page",
                                       .page_items = kPage,
                                       .prepare = PrepareInstances},
                                      {.name = "ips",
                                       .path = "/ipam/v1/regions/{zone}/ips?page_size=100&is_ipv6=false&"
                                               "resource_type=instance_private_nic",
                                       .items = "ips",
                                       .paging = Paging::kFull,
                                       .parameter = "page",
                                       .page_items = kPage,
                                       .is_wanted = NeedsAddresses,
                                       .prepare = PrepareAddresses}};

constexpr ApiCall Metal(std::string_view name, std::string_view path, std::string_view items,
                        base::Result<> (*prepare)(const ApiScope&, net::FetchRequest&)) {
  return {.name = name,
          .path = path,
          .items = items,
          .paging = Paging::kFull,
          .parameter = "page",
          .page_items = kPage,
          .prepare = prepare};
}

constexpr ApiCall WithParameters(ApiCall call, std::span<const ApiParameter> parameters) {
  call.parameters = parameters;
  return call;
}

constexpr ApiCall kMetalCalls[] = {
    WithParameters(Metal("servers", "/baremetal/v1/zones/{zone}/servers?page_size=100", "servers", PrepareServers),
                   kNameFilter),
    Metal("offers", "/baremetal/v1/zones/{zone}/offers?page_size=100", "offers", AddToken),
    Metal("systems", "/baremetal/v1/zones/{zone}/os?page_size=100", "os", AddToken)};

constexpr LabelRow kInstanceLabels[] = {{"__meta_scaleway_instance_boot_type", "boot_type"},
                                        {"__meta_scaleway_instance_hostname", "hostname"},
                                        {"__meta_scaleway_instance_id", "id"},
                                        {"__meta_scaleway_instance_name", "name"},
                                        {"__meta_scaleway_instance_organization_id", "organization"},
                                        {"__meta_scaleway_instance_project_id", "project"},
                                        {"__meta_scaleway_instance_status", "state"},
                                        {"__meta_scaleway_instance_type", "commercial_type"},
                                        {"__meta_scaleway_instance_zone", "zone"},
                                        {"__meta_scaleway_instance_image_arch", "image.arch"},
                                        {"__meta_scaleway_instance_image_id", "image.id"},
                                        {"__meta_scaleway_instance_image_name", "image.name"},
                                        {"__meta_scaleway_instance_location_cluster_id", "location.cluster_id"},
                                        {"__meta_scaleway_instance_location_hypervisor_id", "location.hypervisor_id"},
                                        {"__meta_scaleway_instance_location_node_id", "location.node_id"},
                                        {"__meta_scaleway_instance_security_group_id", "security_group.id"},
                                        {"__meta_scaleway_instance_security_group_name", "security_group.name"},
                                        {"__meta_scaleway_instance_tags", "tags", kList},
                                        {"__meta_scaleway_instance_public_ipv6", "ipv6.address"},
                                        {"__meta_scaleway_instance_private_ipv4", "private_ip"}};

constexpr LabelRow kMetalLabels[] = {{"__meta_scaleway_baremetal_id", "id"},
                                     {"__meta_scaleway_baremetal_name", "name"},
                                     {"__meta_scaleway_baremetal_zone", "zone"},
                                     {"__meta_scaleway_baremetal_status", "status"},
                                     {"__meta_scaleway_baremetal_project_id", "project_id"},
                                     {"__meta_scaleway_baremetal_tags", "tags", kList}};

void AddPublicAddresses(const Json& server, TargetList& list, LabelMap& labels) {
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (const Json& address : ItemsAt(server, "public_ips")) {
    const std::string family = list.Text(address, "family");
    if (family == "inet") v4.push_back(list.Text(address, "address"));
    if (family == "inet6") v6.push_back(list.Text(address, "address"));
  }
  labels["__meta_scaleway_instance_public_ipv4_addresses"] = JoinList(v4);
  labels["__meta_scaleway_instance_public_ipv6_addresses"] = JoinList(v6);
  if (list.Text(server, "public_ip.family") != "inet6") {
    labels["__meta_scaleway_instance_public_ipv4"] = list.Text(server, "public_ip.address");
  }
}

/// Addresses of private network cards, by the cards' ids, without the bits of their network.
std::map<std::string, std::string> CardAddresses(const ApiScope& scope, TargetList& list) {
  std::map<std::string, std::string> addresses;
  for (const Json& item : scope.answers.Of("ips")) {
    if (list.Text(item, "is_ipv6") == "true") continue;
    const std::string address = list.Text(item, "address");
    addresses[list.Text(item, "resource.id")] = address.substr(0, address.find('/'));
  }
  return addresses;
}

void MakeInstances(const ApiScope& scope, TargetList& list) {
  const auto cards = CardAddresses(scope, list);
  for (const Json& server : scope.answers.Of("servers")) {
    LabelMap labels;
    list.Apply(kInstanceLabels, server, labels);
    labels["__meta_scaleway_instance_region"] = RegionOf(list.Text(server, "zone"));
    AddPublicAddresses(server, list, labels);
    std::string address = KnownAddress(server, list);
    if (address.empty()) {
      for (const Json& card : ItemsAt(server, "private_nics")) {
        const auto found = cards.find(list.Text(card, "id"));
        if (found == cards.end() || found->second.empty()) continue;
        address = found->second;
        labels["__meta_scaleway_instance_private_ipv4"] = address;
        break;
      }
    }
    if (!address.empty()) list.Add(std::move(labels), address, scope.Port());
  }
}

/// Items of a call by their ids.
std::map<std::string, const Json*> ById(const ApiScope& scope, std::string_view call, TargetList& list) {
  std::map<std::string, const Json*> by_id;
  for (const Json& item : scope.answers.Of(call)) by_id.try_emplace(list.Text(item, "id"), &item);
  return by_id;
}

void MakeMetal(const ApiScope& scope, TargetList& list) {
  const auto offers = ById(scope, "offers", list);
  const auto systems = ById(scope, "systems", list);
  for (const Json& server : scope.answers.Of("servers")) {
    LabelMap labels;
    list.Apply(kMetalLabels, server, labels);
    if (const auto offer = offers.find(list.Text(server, "offer_id")); offer != offers.end()) {
      labels["__meta_scaleway_baremetal_type"] = list.Text(*offer->second, "name");
    }
    if (const auto system = systems.find(list.Text(server, "install.os_id")); system != systems.end()) {
      labels["__meta_scaleway_baremetal_os_name"] = list.Text(*system->second, "name");
      labels["__meta_scaleway_baremetal_os_version"] = list.Text(*system->second, "version");
    }
    for (const Json& address : ItemsAt(server, "ips")) {
      const std::string version = list.Text(address, "version");
      if (version != "IPv4" && version != "IPv6") list.Fail(fmt::format("unknown IP version {:?}", version));
      labels.try_emplace(
          version == "IPv4" ? "__meta_scaleway_baremetal_public_ipv4" : "__meta_scaleway_baremetal_public_ipv6",
          list.Text(address, "address"));
    }
    for (const char* label : {"__meta_scaleway_baremetal_public_ipv6", "__meta_scaleway_baremetal_public_ipv4"}) {
      if (const auto found = labels.find(label); found != labels.end()) {
        labels["__address__"] = JoinHostPort(std::string(found->second), scope.Port());
      }
    }
    list.Add(std::move(labels));
  }
}

constexpr ApiProvider kTable[] = {{.kind = "scaleway",
                                   .role = "instance",
                                   .group = "scaleway",
                                   .base = "{api_url}",
                                   .calls = kInstanceCalls,
                                   .targets = MakeInstances},
                                  {.kind = "scaleway",
                                   .role = "baremetal",
                                   .group = "scaleway",
                                   .base = "{api_url}",
                                   .calls = kMetalCalls,
                                   .targets = MakeMetal}};

}  // namespace

constinit const std::span<const ApiProvider> kScalewayProviders = kTable;

}  // namespace baro::scraper

// Droplets and database clusters of DigitalOcean.
//
// Source   DigitalOcean API 2.0.
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr ApiCall kDropletCalls[] = {{.name = "droplets",
                                      .path = "/v2/droplets?per_page=200",
                                      .items = "droplets",
                                      .paging = Paging::kLink,
                                      .next = "links.pages.next"}};
constexpr ApiCall kDatabaseCalls[] = {{.name = "databases",
                                       .path = "/v2/databases?per_page=200",
                                       .items = "databases",
                                       .paging = Paging::kLink,
                                       .next = "links.pages.next"}};

constexpr LabelRow kDropletLabels[] = {{"__meta_digitalocean_droplet_id", "id"},
                                       {"__meta_digitalocean_droplet_name", "name"},
                                       {"__meta_digitalocean_image", "image.slug"},
                                       {"__meta_digitalocean_image_name", "image.name"},
                                       {"__meta_digitalocean_region", "region.slug"},
                                       {"__meta_digitalocean_size", "size_slug"},
                                       {"__meta_digitalocean_status", "status"},
                                       {"__meta_digitalocean_vpc", "vpc_uuid"},
                                       {"__meta_digitalocean_features", "features", kList},
                                       {"__meta_digitalocean_tags", "tags", kList}};

constexpr LabelRow kDatabaseLabels[] = {{"__meta_digitalocean_db_id", "id"},
                                        {"__meta_digitalocean_db_name", "name"},
                                        {"__meta_digitalocean_db_engine", "engine"},
                                        {"__meta_digitalocean_db_version", "version"},
                                        {"__meta_digitalocean_db_status", "status"},
                                        {"__meta_digitalocean_db_region", "region"},
                                        {"__meta_digitalocean_db_size", "size"},
                                        {"__meta_digitalocean_db_num_nodes", "num_nodes", kNumber},
                                        {"__meta_digitalocean_db_host", "connection.host"},
                                        {"__meta_digitalocean_db_private_host", "private_connection.host"}};

/// The first address of that kind: "public", "private".
std::string AddressOf(const Json& droplet, std::string_view family, std::string_view type, TargetList& list) {
  for (const Json& address : ItemsAt(droplet, family)) {
    if (list.Text(address, "type") == type) return list.Text(address, "ip_address");
  }
  return "";
}

void MakeDroplets(const ApiScope& scope, TargetList& list) {
  for (const Json& droplet : scope.answers.Of("droplets")) {
    if (ItemsAt(droplet, "networks.v4").empty()) continue;  // it has no address yet
    const std::string address = AddressOf(droplet, "networks.v4", "public", list);
    LabelMap labels;
    list.Apply(kDropletLabels, droplet, labels);
    labels["__meta_digitalocean_public_ipv4"] = address;
    labels["__meta_digitalocean_private_ipv4"] = AddressOf(droplet, "networks.v4", "private", list);
    labels["__meta_digitalocean_public_ipv6"] = AddressOf(droplet, "networks.v6", "public", list);
    list.Add(std::move(labels), address, scope.Port());
  }
}

void MakeDatabases(const ApiScope& scope, TargetList& list) {
  for (const Json& cluster : scope.answers.Of("databases")) {
    LabelMap labels;
    list.Apply(kDatabaseLabels, cluster, labels);
    for (const std::string& tag : list.Texts(cluster, "tags")) labels["__meta_digitalocean_db_tag_" + tag] = "true";
    std::string host = list.Text(cluster, "private_connection.host");
    if (host.empty()) host = list.Text(cluster, "connection.host");
    if (!host.empty()) labels["__address__"] = JoinHostPort(host, scope.Port());
    list.Add(std::move(labels));
  }
}

constexpr ApiProvider kTable[] = {{.kind = "digitalocean",
                                   .role = "droplets",
                                   .group = "DigitalOcean",
                                   .base = "https://api.digitalocean.com",
                                   .calls = kDropletCalls,
                                   .targets = MakeDroplets},
                                  {.kind = "digitalocean",
                                   .role = "databases",
                                   .group = "DigitalOcean Databases",
                                   .base = "https://api.digitalocean.com",
                                   .calls = kDatabaseCalls,
                                   .targets = MakeDatabases}};

}  // namespace

constinit const std::span<const ApiProvider> kDigitaloceanProviders = kTable;

}  // namespace baro::scraper

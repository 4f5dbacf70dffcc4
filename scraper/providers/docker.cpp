// Containers of a Docker daemon: a target for each of their networks and TCP ports.
#include <map>

#include <fmt/format.h>

#include "scraper/providers/docker_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr ApiCall kCalls[] = {{.name = "containers", .path = "/containers/json", .prepare = AddDockerFilters},
                              kDockerNetworks};

constexpr LabelRow kContainerLabels[] = {{"__meta_docker_container_id", "Id"},
                                         {"__meta_docker_container_network_mode", "HostConfig.NetworkMode"},
                                         {"__meta_docker_container_image", "Image"},
                                         {"__meta_docker_container_image_id", "ImageID"},
                                         {"__meta_docker_container_label_", "Labels", kMap}};

const Json* NetworksOf(const Json& container) {
  const Json* const networks = FindJson(container, "NetworkSettings.Networks");
  return networks != nullptr && networks->is_object() && !networks->empty() ? networks : nullptr;
}

/// The networks of containers, or of those whose networks they share.
///
/// Cost     each container is looked at once, however long the chains are.
class SharedNetworks {
 public:
  SharedNetworks(std::span<const Json> containers, TargetList& list) : list_(list) {
    for (const Json& container : containers) by_id_[list.Text(container, "Id")] = &container;
  }

  /// Null: there are none.
  const Json* Of(const Json& container) {
    std::vector<const Json*> chain;  // whose networks are those of its last
    const Json* networks = nullptr;
    for (const Json* at = &container; at != nullptr; at = SharesWith(*at)) {
      const auto [found, is_new] = found_.try_emplace(at, Found{});
      if (!is_new) {
        if (found->second.is_open) FailForCircle(*at);
        networks = found->second.networks;
        break;
      }
      chain.push_back(at);
      networks = NetworksOf(*at);
      if (networks != nullptr) break;
    }
    for (const Json* const member : chain) found_[member] = {.networks = networks, .is_open = false};
    return networks;
  }

 private:
  struct Found {
    const Json* networks = nullptr;
    bool is_open = true;  ///< it is being looked for
  };

  const Json* SharesWith(const Json& container) {
    constexpr std::string_view kShared = "container:";
    const std::string mode = list_.Text(container, "HostConfig.NetworkMode");
    if (!mode.starts_with(kShared)) return nullptr;
    const auto other = by_id_.find(mode.substr(kShared.size()));
    return other == by_id_.end() ? nullptr : other->second;
  }

  void FailForCircle(const Json& container) {
    list_.Fail(fmt::format("containers share each other's network in a circle: {}", list_.Text(container, "Id")));
  }

  TargetList& list_;
  std::map<std::string, const Json*> by_id_;
  std::map<const Json*, Found> found_;
};

struct Container {
  const Json& json;
  LabelMap labels;
  std::string network_mode;
};

class TargetMaker {
 public:
  TargetMaker(const ApiScope& scope, TargetList& list)
      : scope_(scope),
        list_(list),
        network_labels_(DockerNetworkLabels(scope, "__meta_docker_network_", list)),
        first_only_(scope.record.Get<bool>("match_first_network")) {}

  void Run() {
    SharedNetworks networks(scope_.answers.Of("containers"), list_);
    for (const Json& container : scope_.answers.Of("containers")) {
      if (list_.failed()) return;
      AddContainer(container, networks);
    }
  }

 private:
  void AddContainer(const Json& json, SharedNetworks& shared) {
    const auto names = list_.Texts(json, "Names");
    if (names.empty()) return;
    Container container{.json = json, .labels = {{"__meta_docker_container_name", names[0]}}, .network_mode = ""};
    list_.Apply(kContainerLabels, json, container.labels);
    container.network_mode = list_.Text(json, "HostConfig.NetworkMode");
    const Json* const networks = shared.Of(json);
    if (networks == nullptr) return;
    for (const auto& [name, network] : networks->items()) {  // by name
      if (network.is_null()) continue;
      AddNetwork(container, network);
      if (first_only_ || list_.failed()) return;
    }
  }

  void AddNetwork(const Container& container, const Json& network) {
    std::string address = list_.Text(network, "IPAddress");
    if (address.empty()) address = list_.Text(network, "GlobalIPv6Address");
    LabelMap labels = container.labels;
    labels["__meta_docker_network_ip"] = address;
    AddLabels(network_labels_, list_.Text(network, "NetworkID"), labels);
    bool has_port = false;
    for (const Json& port : ItemsAt(container.json, "Ports")) {
      if (list_.Text(port, "Type") != "tcp") continue;
      AddPort(port, address, labels);
      if (list_.failed()) return;
      has_port = true;
    }
    if (has_port) return;
    if (container.network_mode != "host") return list_.Add(std::move(labels), address, scope_.Port());
    labels["__address__"] = scope_.record.Text("host_networking_host");
    list_.Add(std::move(labels));
  }

  void AddPort(const Json& port, const std::string& address, LabelMap labels) {
    const std::string number = list_.Text(port, "PrivatePort");
    labels["__meta_docker_port_private"] = number;
    if (const std::string published = list_.Text(port, "PublicPort"); !published.empty() && published != "0") {
      labels["__meta_docker_port_public"] = published;
      labels["__meta_docker_port_public_ip"] = list_.Text(port, "IP");
    }
    list_.Add(std::move(labels), address, number);
  }

  const ApiScope& scope_;
  TargetList& list_;
  const std::map<std::string, LabelMap> network_labels_;
  const bool first_only_;
};

void MakeTargets(const ApiScope& scope, TargetList& list) { TargetMaker(scope, list).Run(); }

constexpr ApiProvider kTable[] = {
    {.kind = "docker", .group = "Docker", .origin = DockerOrigin, .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kDockerProviders = kTable;

}  // namespace baro::scraper

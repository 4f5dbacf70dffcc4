// Instances, hypervisors and load balancers of OpenStack.
//
// Source   OpenStack Compute API v2.1, Networking API v2.0, Load Balancer API v2.0.
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "scraper/providers/openstack_login.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr std::string_view kVersion = "/v2.0";

base::Result<std::string> Compute(const ApiScope& scope) { return OpenstackEndpoint(scope, "compute", ""); }
base::Result<std::string> Network(const ApiScope& scope) { return OpenstackEndpoint(scope, "network", kVersion); }
base::Result<std::string> Balancer(const ApiScope& scope) {
  return OpenstackEndpoint(scope, "load-balancer", kVersion);
}

base::Result<> PrepareServers(const ApiScope& scope, net::FetchRequest& request) {
  const bool has_query = request.url.find('?') != std::string::npos;  // of a further page
  if (scope.record.Get<bool>("all_tenants") && !has_query) request.url += "?all_tenants=true";
  return AddOpenstackToken(scope, request);
}

/// A list in pages, whose further ones are told in "<items>_links".
constexpr ApiCall List(std::string_view path, std::string_view items, std::string_view links,
                       base::Result<std::string> (*base)(const ApiScope&)) {
  return {.name = items,
          .path = path,
          .items = items,
          .paging = Paging::kRelLink,
          .next = links,
          .prepare = AddOpenstackToken,
          .base = base};
}

constexpr ApiCall kFloatingIps = List("/v2.0/floatingips", "floatingips", "floatingips_links", Network);
constexpr ApiCall kHypervisorCalls[] = {List("/os-hypervisors/detail", "hypervisors", "hypervisors_links", Compute)};
constexpr ApiCall kInstanceCalls[] = {List("/v2.0/ports", "ports", "ports_links", Network),
                                      kFloatingIps,
                                      {.name = "servers",
                                       .path = "/servers/detail",
                                       .items = "servers",
                                       .paging = Paging::kRelLink,
                                       .next = "servers_links",
                                       .prepare = PrepareServers,
                                       .base = Compute}};
constexpr ApiCall kBalancerCalls[] = {
    List("/v2.0/lbaas/loadbalancers", "loadbalancers", "loadbalancers_links", Balancer),
    List("/v2.0/lbaas/listeners", "listeners", "listeners_links", Balancer), kFloatingIps};

// --- hypervisors -----------------------------------------------------------------------------------------------------

constexpr LabelRow kHypervisorLabels[] = {
    {"__meta_openstack_hypervisor_host_ip", "host_ip"}, {"__meta_openstack_hypervisor_hostname", "hypervisor_hostname"},
    {"__meta_openstack_hypervisor_id", "id"},           {"__meta_openstack_hypervisor_state", "state"},
    {"__meta_openstack_hypervisor_status", "status"},   {"__meta_openstack_hypervisor_type", "hypervisor_type"}};

// --- instances -------------------------------------------------------------------------------------------------------

constexpr LabelRow kInstanceLabels[] = {
    {"__meta_openstack_instance_id", "id"},       {"__meta_openstack_instance_image", "image.id"},
    {"__meta_openstack_instance_name", "name"},   {"__meta_openstack_instance_status", "status"},
    {"__meta_openstack_project_id", "tenant_id"}, {"__meta_openstack_tag_", "metadata", kMap},
    {"__meta_openstack_user_id", "user_id"}};

class InstanceMaker {
 public:
  InstanceMaker(const ApiScope& scope, TargetList& list) : scope_(scope), list_(list) {
    std::unordered_map<std::string, std::string> devices;  // by port
    for (const Json& port : scope.answers.Of("ports")) devices[list.Text(port, "id")] = list.Text(port, "device_id");
    for (const Json& ip : scope.answers.Of("floatingips")) {
      const std::string fixed = list.Text(ip, "fixed_ip_address");
      const auto device = devices.find(list.Text(ip, "port_id"));
      if (fixed.empty() || device == devices.end()) continue;
      const std::string floating = list.Text(ip, "floating_ip_address");
      by_fixed_[{device->second, fixed}] = floating;
      floating_.insert(floating);
    }
  }

  void Run() {
    for (const Json& server : scope_.answers.Of("servers")) AddServer(server);
  }

 private:
  void AddServer(const Json& server) {
    // Before microversion 2.47 there is an id, from then on a name.
    std::string flavor = list_.Text(server, "flavor.original_name");
    if (flavor.empty()) flavor = list_.Text(server, "flavor.id");
    LabelMap labels{{"__meta_openstack_instance_flavor", flavor}};
    list_.Apply(kInstanceLabels, server, labels);
    const Json* const pools = FindJson(server, "addresses");
    if (pools == nullptr) return;
    if (!pools->is_object()) return list_.Fail("servers: addresses: expected an object");
    for (const auto& [pool, addresses] : pools->items()) {
      for (const Json& address : ItemsAt(addresses, "")) {
        if (list_.failed()) return;
        AddAddress(list_.Text(server, "id"), pool, list_.Text(address, "addr"), labels);
      }
    }
  }

  /// A floating address is a label of the target at the fixed one that it stands for.
  void AddAddress(const std::string& server, const std::string& pool, const std::string& address, LabelMap labels) {
    if (address.empty() || floating_.contains(address)) return;
    labels["__meta_openstack_address_pool"] = pool;
    labels["__meta_openstack_private_ip"] = address;
    if (const auto found = by_fixed_.find({server, address}); found != by_fixed_.end()) {
      labels["__meta_openstack_public_ip"] = found->second;
    }
    list_.Add(std::move(labels), address, scope_.Port());
  }

  const ApiScope& scope_;
  TargetList& list_;
  std::map<std::pair<std::string, std::string>, std::string> by_fixed_;  // floating addresses, by server and fixed one
  std::set<std::string> floating_;
};

void MakeInstances(const ApiScope& scope, TargetList& list) { InstanceMaker(scope, list).Run(); }

// --- load balancers --------------------------------------------------------------------------------------------------

constexpr LabelRow kBalancerLabels[] = {{"__meta_openstack_loadbalancer_availability_zone", "availability_zone"},
                                        {"__meta_openstack_loadbalancer_id", "id"},
                                        {"__meta_openstack_loadbalancer_name", "name"},
                                        {"__meta_openstack_loadbalancer_operating_status", "operating_status"},
                                        {"__meta_openstack_loadbalancer_provider", "provider"},
                                        {"__meta_openstack_loadbalancer_provisioning_status", "provisioning_status"},
                                        {"__meta_openstack_loadbalancer_vip", "vip_address"},
                                        {"__meta_openstack_project_id", "project_id"}};

/// The port of each load balancer's first listener that speaks of metrics, by its id.
std::unordered_map<std::string, std::string> MetricPorts(const ApiScope& scope, TargetList& list) {
  std::unordered_map<std::string, std::string> ports;
  for (const Json& listener : scope.answers.Of("listeners")) {
    if (list.Text(listener, "protocol") != "PROMETHEUS") continue;
    for (const Json& balancer : ItemsAt(listener, "loadbalancers")) {
      ports.try_emplace(list.Text(balancer, "id"), list.Text(listener, "protocol_port"));
    }
  }
  return ports;
}

void MakeBalancers(const ApiScope& scope, TargetList& list) {
  const auto ports = MetricPorts(scope, list);
  std::unordered_map<std::string, std::string> floating;  // by port
  for (const Json& ip : scope.answers.Of("floatingips")) {
    floating[list.Text(ip, "port_id")] = list.Text(ip, "floating_ip_address");
  }
  floating.erase("");
  for (const Json& balancer : scope.answers.Of("loadbalancers")) {
    const auto port = ports.find(list.Text(balancer, "id"));
    if (port == ports.end()) continue;
    LabelMap labels;
    list.Apply(kBalancerLabels, balancer, labels);
    labels["__meta_openstack_loadbalancer_tags"] = fmt::format("{}", fmt::join(list.Texts(balancer, "tags"), ","));
    if (const auto found = floating.find(list.Text(balancer, "vip_port_id")); found != floating.end()) {
      labels["__meta_openstack_loadbalancer_floating_ip"] = found->second;
    }
    list.Add(std::move(labels), list.Text(balancer, "vip_address"), port->second);
  }
}

constexpr ApiProvider Table(std::string_view role, std::span<const ApiCall> calls) {
  // The base is each service's own, from the catalogue.
  return {.kind = "openstack",
          .role = role,
          .group = "openstack",
          .base = "http://localhost",
          .login = OpenstackLogin,
          .calls = calls};
}

constexpr ApiProvider WithLabels(ApiProvider table, std::span<const LabelRow> labels, std::string_view host) {
  table.labels = labels;
  table.host = host;
  return table;
}

constexpr ApiProvider WithTargets(ApiProvider table, void (*targets)(const ApiScope&, TargetList&)) {
  table.targets = targets;
  return table;
}

constexpr ApiProvider kTable[] = {WithLabels(Table("hypervisor", kHypervisorCalls), kHypervisorLabels, "host_ip"),
                                  WithTargets(Table("instance", kInstanceCalls), MakeInstances),
                                  WithTargets(Table("loadbalancer", kBalancerCalls), MakeBalancers)};

}  // namespace

const std::span<const ApiProvider> kOpenstackProviders = kTable;

}  // namespace baro::scraper

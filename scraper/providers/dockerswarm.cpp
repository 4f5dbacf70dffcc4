// Nodes, services and tasks of a Docker Swarm.
#include <map>

#include <fmt/format.h>

#include "scraper/providers/docker_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;
using LabelsById = std::map<std::string, LabelMap>;

constexpr ApiCall kNodeCalls[] = {{.name = "nodes", .path = "/nodes", .prepare = AddDockerFilters}};
constexpr ApiCall kServiceCalls[] = {{.name = "services", .path = "/services", .prepare = AddDockerFilters},
                                     kDockerNetworks};
constexpr ApiCall kTaskCalls[] = {{.name = "tasks", .path = "/tasks", .prepare = AddDockerFilters},
                                  {.name = "services", .path = "/services"},
                                  {.name = "nodes", .path = "/nodes"},
                                  kDockerNetworks};

// Of a node, whoever asks for it.
constexpr LabelRow kNodeLabels[] = {
    {"__meta_dockerswarm_node_id", "ID"},
    {"__meta_dockerswarm_node_role", "Spec.Role"},
    {"__meta_dockerswarm_node_address", "Status.Addr"},
    {"__meta_dockerswarm_node_availability", "Spec.Availability"},
    {"__meta_dockerswarm_node_hostname", "Description.Hostname"},
    {"__meta_dockerswarm_node_platform_architecture", "Description.Platform.Architecture"},
    {"__meta_dockerswarm_node_platform_os", "Description.Platform.OS"},
    {"__meta_dockerswarm_node_status", "Status.State"},
    {"__meta_dockerswarm_node_label_", "Spec.Labels", kMap}};

constexpr LabelRow kOwnNodeLabels[] = {{"__meta_dockerswarm_node_engine_version", "Description.Engine.EngineVersion"},
                                       {"__meta_dockerswarm_node_manager_address", "ManagerStatus.Addr"},
                                       {"__meta_dockerswarm_node_manager_reachability", "ManagerStatus.Reachability"}};

constexpr LabelRow kServiceLabels[] = {{"__meta_dockerswarm_service_id", "ID"},
                                       {"__meta_dockerswarm_service_name", "Spec.Name"},
                                       {"__meta_dockerswarm_service_label_", "Spec.Labels", kMap}};

constexpr LabelRow kOwnServiceLabels[] = {
    {"__meta_dockerswarm_service_task_container_hostname", "Spec.TaskTemplate.ContainerSpec.Hostname"},
    {"__meta_dockerswarm_service_task_container_image", "Spec.TaskTemplate.ContainerSpec.Image"},
    {"__meta_dockerswarm_service_updating_status", "UpdateStatus.State"}};

constexpr LabelRow kTaskLabels[] = {{"__meta_dockerswarm_task_id", "ID"},
                                    {"__meta_dockerswarm_task_desired_state", "DesiredState"},
                                    {"__meta_dockerswarm_task_state", "Status.State"},
                                    {"__meta_dockerswarm_task_slot", "Slot", kNumber},
                                    {"__meta_dockerswarm_task_container_id", "Status.ContainerStatus.ContainerID"},
                                    {"__meta_dockerswarm_container_label_", "Spec.ContainerSpec.Labels", kMap}};

void MakeNodes(const ApiScope& scope, TargetList& list) {
  for (const Json& node : scope.answers.Of("nodes")) {
    LabelMap labels;
    list.Apply(kNodeLabels, node, labels);
    list.Apply(kOwnNodeLabels, node, labels);
    if (FindJson(node, "ManagerStatus") != nullptr) {
      const std::string leader = list.Text(node, "ManagerStatus.Leader");
      labels["__meta_dockerswarm_node_manager_leader"] = leader.empty() ? "false" : leader;
    }
    list.Add(std::move(labels), list.Text(node, "Status.Addr"), scope.Port());
  }
}

std::string ModeOf(const Json& service) {
  if (FindJson(service, "Spec.Mode.Global") != nullptr) return "global";
  return FindJson(service, "Spec.Mode.Replicated") != nullptr ? "replicated" : "";
}

LabelMap ServiceLabels(const Json& service, TargetList& list) {
  LabelMap labels{{"__meta_dockerswarm_service_mode", ModeOf(service)}};
  list.Apply(kServiceLabels, service, labels);
  return labels;
}

/// "10.0.0.3" of "10.0.0.3/24".
std::string WithoutPrefix(const std::string& address, TargetList& list) {
  const std::size_t slash = address.find('/');
  if (slash == std::string::npos || slash == 0) list.Fail(fmt::format("expected address/bits, found {:?}", address));
  return address.substr(0, slash);
}

std::vector<const Json*> TcpPorts(std::span<const Json> ports, TargetList& list) {
  std::vector<const Json*> tcp;
  for (const Json& port : ports) {
    if (list.Text(port, "Protocol") == "tcp") tcp.push_back(&port);
  }
  return tcp;
}

std::string PublishedPort(const Json& port, TargetList& list) {
  const std::string number = list.Text(port, "PublishedPort");
  return number.empty() ? "0" : number;
}

void AddServiceAddress(const ApiScope& scope, const Json& service, const std::string& host, const LabelMap& labels,
                       TargetList& list) {
  const auto ports = TcpPorts(ItemsAt(service, "Endpoint.Ports"), list);
  for (const Json* const port : ports) {
    LabelMap own = labels;
    own["__meta_dockerswarm_service_endpoint_port_name"] = list.Text(*port, "Name");
    own["__meta_dockerswarm_service_endpoint_port_publish_mode"] = list.Text(*port, "PublishMode");
    list.Add(std::move(own), host, PublishedPort(*port, list));
    if (list.failed()) return;
  }
  if (ports.empty()) list.Add(labels, host, scope.Port());
}

void MakeServices(const ApiScope& scope, TargetList& list) {
  const LabelsById networks = DockerNetworkLabels(scope, "__meta_dockerswarm_network_", list);
  for (const Json& service : scope.answers.Of("services")) {
    LabelMap common = ServiceLabels(service, list);
    list.Apply(kOwnServiceLabels, service, common);
    for (const Json& address : ItemsAt(service, "Endpoint.VirtualIPs")) {
      LabelMap labels = common;
      AddLabels(networks, list.Text(address, "NetworkID"), labels);
      AddServiceAddress(scope, service, WithoutPrefix(list.Text(address, "Addr"), list), labels, list);
      if (list.failed()) return;
    }
  }
}

class TaskMaker {
 public:
  TaskMaker(const ApiScope& scope, TargetList& list)
      : scope_(scope), list_(list), networks_(DockerNetworkLabels(scope, "__meta_dockerswarm_network_", list)) {
    for (const Json& node : scope.answers.Of("nodes")) list.Apply(kNodeLabels, node, nodes_[list.Text(node, "ID")]);
    for (const Json& service : scope.answers.Of("services")) {
      const std::string id = list.Text(service, "ID");
      services_[id] = ServiceLabels(service, list);
      ports_[id] = TcpPorts(ItemsAt(service, "Endpoint.Ports"), list);
    }
  }

  void Run() {
    for (const Json& task : scope_.answers.Of("tasks")) {
      if (list_.failed()) return;
      AddTask(task);
    }
  }

 private:
  void AddTask(const Json& task) {
    const std::string service = list_.Text(task, "ServiceID");
    LabelMap labels;
    list_.Apply(kTaskLabels, task, labels);
    AddLabels(services_, service, labels);
    AddLabels(nodes_, list_.Text(task, "NodeID"), labels);
    const auto node_address = labels.find("__meta_dockerswarm_node_address");
    for (const Json* const port : TcpPorts(ItemsAt(task, "Status.PortStatus.Ports"), list_)) {
      AddPort(*port, node_address == labels.end() ? "" : node_address->second, labels);
      if (list_.failed()) return;
    }
    for (const Json& attachment : ItemsAt(task, "NetworksAttachments")) {
      const auto addresses = list_.Texts(attachment, "Addresses");
      if (addresses.empty()) continue;  // before labels are copied for nothing
      LabelMap attached = labels;
      AddLabels(networks_, list_.Text(attachment, "Network.ID"), attached);
      for (const std::string& address : addresses) {
        AddAddress(WithoutPrefix(address, list_), ports_[service], attached);
        if (list_.failed()) return;
      }
    }
  }

  void AddAddress(const std::string& host, const std::vector<const Json*>& ports, const LabelMap& labels) {
    for (const Json* const port : ports) {
      if (list_.failed()) return;
      AddPort(*port, host, labels);
    }
    if (ports.empty()) list_.Add(labels, host, scope_.Port());
  }

  void AddPort(const Json& port, const std::string& host, LabelMap labels) {
    labels["__meta_dockerswarm_task_port_publish_mode"] = list_.Text(port, "PublishMode");
    list_.Add(std::move(labels), host, PublishedPort(port, list_));
  }

  const ApiScope& scope_;
  TargetList& list_;
  const LabelsById networks_;
  LabelsById nodes_;
  LabelsById services_;
  std::map<std::string, std::vector<const Json*>> ports_;
};

void MakeTasks(const ApiScope& scope, TargetList& list) { TaskMaker(scope, list).Run(); }

constexpr ApiProvider Role(std::string_view role, std::span<const ApiCall> calls,
                           void (*targets)(const ApiScope&, TargetList&)) {
  return {.kind = "dockerswarm",
          .role = role,
          .group = "DockerSwarm",
          .origin = DockerOrigin,
          .calls = calls,
          .targets = targets};
}

constexpr ApiProvider kTable[] = {Role("nodes", kNodeCalls, MakeNodes), Role("services", kServiceCalls, MakeServices),
                                  Role("tasks", kTaskCalls, MakeTasks)};

}  // namespace

constinit const std::span<const ApiProvider> kDockerSwarmProviders = kTable;

}  // namespace baro::scraper

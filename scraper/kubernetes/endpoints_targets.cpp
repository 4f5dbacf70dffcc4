#include <algorithm>

#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {
namespace {

LabelMap TargetOf(const ScopeTables& tables, const EndpointAddress& address, const EndpointPort& port, bool is_ready) {
  LabelMap labels{{"__address__", JoinHostPort(address.ip, fmt::format("{}", port.number.value_or(0)))}};
  SetMeta(labels, "endpoint_port_name", port.name.value_or(""));
  SetMeta(labels, "endpoint_port_protocol", port.protocol.value_or(""));
  SetMeta(labels, "endpoint_ready", is_ready ? "true" : "false");
  SetMeta(labels, "endpoint_node_name", address.node_name.value_or(""));
  SetMeta(labels, "endpoint_hostname", address.hostname);
  if (address.target) {
    SetMeta(labels, "endpoint_address_target_kind", address.target->kind);
    SetMeta(labels, "endpoint_address_target_name", address.target->name);
  }
  if (address.node_name) {
    AttachNode(tables, *address.node_name, labels);
  } else if (address.target && address.target->kind == "Node") {
    AttachNode(tables, address.target->name, labels);
  }
  return labels;
}

void AddGroup(const ScopeTables& tables, const EndpointsObject& endpoints, GroupList& groups) {
  const std::string key = KeyOf(endpoints.meta.name_space, endpoints.meta.name);
  LabelMap labels;
  SetMeta(labels, "namespace", endpoints.meta.name_space);
  if (const ServiceObject* const service = tables.services->Find(key)) SetServiceLabels(*service, labels);
  SetObjectMeta(labels, "endpoints", endpoints.meta);
  AttachNamespace(tables, endpoints.meta.name_space, labels);
  groups.Begin(fmt::format("endpoints/{}", key), std::move(labels));
  EndpointTargets targets(tables, groups);
  const auto add = [&](const std::vector<EndpointAddress>& addresses, const EndpointPort& port, bool is_ready) {
    for (const EndpointAddress& address : addresses) {
      if (groups.failed()) return;
      targets.Add(TargetOf(tables, address, port, is_ready), address.target, port.number, port.protocol.value_or(""));
    }
  };
  for (const EndpointSubset& subset : endpoints.subsets) {
    for (const EndpointPort& port : subset.ports) {
      add(subset.ready, port, true);
      add(subset.not_ready, port, false);
    }
  }
  targets.AddOtherPorts();
}

}  // namespace

const PodObject* EndpointTargets::FindPod(const std::optional<TargetRef>& target) const {
  if (!target || target->kind != "Pod") return nullptr;
  return tables_.pods->Find(KeyOf(target->name_space, target->name));
}

void EndpointTargets::Add(LabelMap labels, const std::optional<TargetRef>& target, std::optional<std::int64_t> port,
                          const std::optional<std::string>& protocol) {
  if (const PodObject* const pod = FindPod(target)) {
    SeenPod& seen = seen_[KeyOf(pod->meta.name_space, pod->meta.name)];
    seen.pod = pod;
    if (port) seen.ports.insert(*port);
    SetPodLabels(tables_, *pod, labels);
    ForEachContainer(*pod, [&](const Container& container, bool is_init) {
      if (!port) return;
      const auto found = std::ranges::find(container.ports, *port, &ContainerPort::number);
      if (found == container.ports.end()) return;
      SetContainerLabels(container, is_init, &*found, labels);
      if (protocol) SetMeta(labels, "pod_container_port_protocol", *protocol);
    });
  }
  groups_.AddTarget(std::move(labels));
}

void EndpointTargets::AddOtherPorts() {
  for (const auto& [key, seen] : seen_) {
    const PodObject& pod = *seen.pod;
    if (pod.pod_ip.empty()) continue;
    ForEachContainer(pod, [&](const Container& container, bool is_init) {
      for (const ContainerPort& port : container.ports) {
        if (seen.ports.contains(port.number) || groups_.failed()) continue;
        LabelMap labels{{"__address__", JoinHostPort(pod.pod_ip, fmt::format("{}", port.number))}};
        SetContainerLabels(container, is_init, &port, labels);
        SetPodLabels(tables_, pod, labels);
        groups_.AddTarget(std::move(labels));
      }
    });
  }
}

void AddEndpointsGroups(const ScopeTables& tables, GroupList& groups) {
  tables.endpoints->ForEach([&](const EndpointsObject& endpoints) {
    if (!groups.failed()) AddGroup(tables, endpoints, groups);
  });
}

}  // namespace baro::scraper

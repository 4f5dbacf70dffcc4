#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {
namespace {

const ServiceObject* ServiceOf(const ScopeTables& tables, const EndpointSliceObject& slice) {
  const auto name = slice.meta.labels.Find("kubernetes.io/service-name");
  return name ? tables.services->Find(KeyOf(slice.meta.name_space, *name)) : nullptr;
}

/// A service with two families of addresses has slices of both: those of the second have the same targets again.
bool IsOfSecondFamily(const EndpointSliceObject& slice, const ServiceObject* service) {
  return service != nullptr && !service->primary_family.empty() && slice.address_type != service->primary_family;
}

void SetBool(LabelMap& labels, std::string_view name, std::optional<bool> value) {
  if (value) SetMeta(labels, name, *value ? "true" : "false");
}

LabelMap TargetOf(const ScopeTables& tables, const SliceEndpoint& endpoint, const std::string& address,
                  const EndpointPort& port) {
  const std::string number = port.number ? fmt::format("{}", *port.number) : "";
  LabelMap labels{{"__address__", number.empty() ? address : JoinHostPort(address, number)}};
  SetMeta(labels, "endpointslice_port_name", port.name.value_or(""));
  SetMeta(labels, "endpointslice_port_protocol", port.protocol.value_or(""));
  SetMeta(labels, "endpointslice_port", number);
  SetMeta(labels, "endpointslice_port_app_protocol", port.app_protocol.value_or(""));
  SetBool(labels, "endpointslice_endpoint_conditions_ready", endpoint.is_ready);
  SetBool(labels, "endpointslice_endpoint_conditions_serving", endpoint.is_serving);
  SetBool(labels, "endpointslice_endpoint_conditions_terminating", endpoint.is_terminating);
  SetMeta(labels, "endpointslice_endpoint_hostname", endpoint.hostname.value_or(""));
  SetMeta(labels, "endpointslice_endpoint_node_name", endpoint.node_name.value_or(""));
  SetMeta(labels, "endpointslice_endpoint_zone", endpoint.zone.value_or(""));
  if (endpoint.target) {
    SetMeta(labels, "endpointslice_address_target_kind", endpoint.target->kind);
    SetMeta(labels, "endpointslice_address_target_name", endpoint.target->name);
  }
  endpoint.topology.ForEach([&](std::string_view name, std::string_view value) {
    SetMeta(labels, "endpointslice_endpoint_topology_", name, value);
    SetMeta(labels, "endpointslice_endpoint_topology_present_", name, "true");
  });
  if (endpoint.target && endpoint.target->kind == "Node") {
    AttachNode(tables, endpoint.target->name, labels);
  } else {
    AttachNode(tables, endpoint.node_name.value_or(""), labels);
  }
  return labels;
}

void AddGroup(const ScopeTables& tables, const EndpointSliceObject& slice, GroupList& groups) {
  const ServiceObject* const service = ServiceOf(tables, slice);
  if (IsOfSecondFamily(slice, service)) return;
  LabelMap labels;
  SetMeta(labels, "namespace", slice.meta.name_space);
  SetMeta(labels, "endpointslice_address_type", slice.address_type);
  SetObjectMeta(labels, "endpointslice", slice.meta);
  if (service != nullptr) SetServiceLabels(*service, labels);
  AttachNamespace(tables, slice.meta.name_space, labels);
  groups.Begin(fmt::format("endpointslice/{}", KeyOf(slice.meta.name_space, slice.meta.name)), std::move(labels));
  EndpointTargets targets(tables, groups);
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    for (const EndpointPort& port : slice.ports) {
      for (const std::string& address : endpoint.addresses) {
        if (groups.failed()) return;
        targets.Add(TargetOf(tables, endpoint, address, port), endpoint.target, port.number);
      }
    }
  }
  targets.AddOtherPorts();
}

}  // namespace

void AddEndpointSliceGroups(const ScopeTables& tables, GroupList& groups) {
  tables.slices->ForEach([&](const EndpointSliceObject& slice) {
    if (!groups.failed()) AddGroup(tables, slice, groups);
  });
}

}  // namespace baro::scraper

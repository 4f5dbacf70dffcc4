#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {
namespace {

LabelMap TargetOf(const ServiceObject& service, const ServicePort& port) {
  const std::string number = fmt::format("{}", port.number);
  const std::string host = fmt::format("{}.{}.svc", service.meta.name, service.meta.name_space);
  LabelMap labels{{"__address__", JoinHostPort(host, number)}};
  SetMeta(labels, "service_port_name", port.name);
  SetMeta(labels, "service_port_number", number);
  SetMeta(labels, "service_port_protocol", port.protocol);
  SetMeta(labels, "service_type", service.type);
  if (service.type == "ExternalName") {
    SetMeta(labels, "service_external_name", service.external_name);
  } else {
    SetMeta(labels, "service_cluster_ip", service.cluster_ip);
  }
  if (service.type == "LoadBalancer") {
    SetMeta(labels, "service_loadbalancer_ip",
            service.balancer_ips.empty() ? service.balancer_ip : service.balancer_ips);
  }
  return labels;
}

void AddGroup(const ScopeTables& tables, const ServiceObject& service, GroupList& groups) {
  LabelMap labels;
  SetServiceLabels(service, labels);
  AttachNamespace(tables, service.meta.name_space, labels);
  groups.Begin(fmt::format("svc/{}", KeyOf(service.meta.name_space, service.meta.name)), std::move(labels));
  for (const ServicePort& port : service.ports) groups.AddTarget(TargetOf(service, port));
}

}  // namespace

void SetServiceLabels(const ServiceObject& service, LabelMap& labels) {
  SetMeta(labels, "namespace", service.meta.name_space);
  SetObjectMeta(labels, "service", service.meta);
}

void AttachNamespace(const ScopeTables& tables, const std::string& name_space, LabelMap& labels) {
  if (!tables.attach.name_space || tables.namespaces == nullptr) return;
  if (const NamespaceObject* const found = tables.namespaces->Find(name_space)) {
    SetLabelsAndAnnotations(labels, "namespace", found->meta);
  }
}

void AddServiceGroups(const ScopeTables& tables, GroupList& groups) {
  tables.services->ForEach([&](const ServiceObject& service) {
    if (!groups.failed()) AddGroup(tables, service, groups);
  });
}

}  // namespace baro::scraper

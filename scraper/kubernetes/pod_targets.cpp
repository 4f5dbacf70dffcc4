#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {
namespace {

/// The name of the owner's owner, if it is of that kind: the Deployment of a ReplicaSet, the CronJob of a Job.
std::string_view OwnerOf(const TableOf<OwnedObject>* table, const PodObject& pod, std::string_view kind) {
  if (table == nullptr) return "";
  const OwnedObject* const owned = table->Find(KeyOf(pod.meta.name_space, pod.controller.name));
  return owned != nullptr && owned->controller.kind == kind ? std::string_view(owned->controller.name) : "";
}

void SetController(const ScopeTables& tables, const PodObject& pod, LabelMap& labels) {
  SetMeta(labels, "pod_controller_kind", pod.controller.kind);
  SetMeta(labels, "pod_controller_name", pod.controller.name);
  if (pod.controller.kind == "ReplicaSet" && tables.attach.deployment) {
    SetMeta(labels, "pod_deployment_name", OwnerOf(tables.replica_sets, pod, "Deployment"));
  }
  if (pod.controller.kind != "Job") return;
  if (tables.attach.job) SetMeta(labels, "pod_job_name", pod.controller.name);
  if (tables.attach.cron_job) SetMeta(labels, "pod_cronjob_name", OwnerOf(tables.jobs, pod, "CronJob"));
}

void AddContainer(const PodObject& pod, const Container& container, bool is_init, GroupList& groups) {
  const TextPairs& ids = is_init ? pod.init_container_ids : pod.container_ids;
  const auto add = [&](std::string address, const ContainerPort* port) {
    LabelMap labels{{"__address__", std::move(address)}};
    SetContainerLabels(container, is_init, port, labels);
    SetMeta(labels, "pod_container_id", ids.Find(container.name).value_or(""));
    groups.AddTarget(std::move(labels));
  };
  for (const ContainerPort& port : container.ports)
    add(JoinHostPort(pod.pod_ip, fmt::format("{}", port.number)), &port);
  if (container.ports.empty()) add(pod.pod_ip, nullptr);  // whoever wants it finds the port by relabelling
}

void AddGroup(const ScopeTables& tables, const PodObject& pod, GroupList& groups) {
  if (pod.pod_ip.empty()) return;                                                  // it starts, or was evicted
  if (tables.attach.node && tables.nodes->Find(pod.node_name) == nullptr) return;  // a selector leaves it out
  LabelMap labels;
  SetPodLabels(tables, pod, labels);
  SetMeta(labels, "namespace", pod.meta.name_space);
  AttachNode(tables, pod.node_name, labels);
  AttachNamespace(tables, pod.meta.name_space, labels);
  groups.Begin(fmt::format("pod/{}", KeyOf(pod.meta.name_space, pod.meta.name)), std::move(labels));
  ForEachContainer(pod,
                   [&](const Container& container, bool is_init) { AddContainer(pod, container, is_init, groups); });
}

}  // namespace

void SetPodLabels(const ScopeTables& tables, const PodObject& pod, LabelMap& labels) {
  SetMeta(labels, "pod_ip", pod.pod_ip);
  SetMeta(labels, "pod_ready", pod.ready.empty() ? "unknown" : std::string_view(pod.ready));
  SetMeta(labels, "pod_phase", pod.phase);
  SetMeta(labels, "pod_node_name", pod.node_name);
  SetMeta(labels, "pod_host_ip", pod.host_ip);
  SetMeta(labels, "pod_uid", pod.uid);
  SetObjectMeta(labels, "pod", pod.meta);
  SetController(tables, pod, labels);
}

void SetContainerLabels(const Container& container, bool is_init, const ContainerPort* port, LabelMap& labels) {
  SetMeta(labels, "pod_container_name", container.name);
  SetMeta(labels, "pod_container_image", container.image);
  SetMeta(labels, "pod_container_init", is_init ? "true" : "false");
  if (port == nullptr) return;
  SetMeta(labels, "pod_container_port_name", port->name);
  SetMeta(labels, "pod_container_port_number", fmt::format("{}", port->number));
  SetMeta(labels, "pod_container_port_protocol", port->protocol);
}

void AddPodGroups(const ScopeTables& tables, GroupList& groups) {
  tables.pods->ForEach([&](const PodObject& pod) {
    if (!groups.failed()) AddGroup(tables, pod, groups);
  });
}

}  // namespace baro::scraper

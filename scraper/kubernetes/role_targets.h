// From the objects that are kept to groups of targets: a function for each role.
//
// Source   Labels, sources and joins: Prometheus 3.14, kubernetes_sd_configs.
// Threads  Pure functions of the tables.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scraper/kubernetes/group_list.h"
#include "scraper/kubernetes/object_table.h"

namespace baro::scraper {

/// What is told of the things around a target: `attach_metadata`.
struct AttachOptions {
  bool node = false;
  bool name_space = false;
  bool deployment = false;
  bool job = false;
  bool cron_job = false;
};

/// The tables of one namespace, or of all. Borrows them; null: not watched.
struct ScopeTables {
  const TableOf<NodeObject>* nodes = nullptr;
  const TableOf<NamespaceObject>* namespaces = nullptr;
  const TableOf<PodObject>* pods = nullptr;
  const TableOf<ServiceObject>* services = nullptr;
  const TableOf<EndpointsObject>* endpoints = nullptr;
  const TableOf<EndpointSliceObject>* slices = nullptr;
  const TableOf<IngressObject>* ingresses = nullptr;
  const TableOf<OwnedObject>* replica_sets = nullptr;
  const TableOf<OwnedObject>* jobs = nullptr;
  AttachOptions attach;
};

void AddNodeGroups(const ScopeTables& tables, GroupList& groups);
void AddPodGroups(const ScopeTables& tables, GroupList& groups);
void AddServiceGroups(const ScopeTables& tables, GroupList& groups);
void AddEndpointsGroups(const ScopeTables& tables, GroupList& groups);
void AddEndpointSliceGroups(const ScopeTables& tables, GroupList& groups);
void AddIngressGroups(const ScopeTables& tables, GroupList& groups);

/// Labels of the namespace, if they are to be attached.
void AttachNamespace(const ScopeTables& tables, const std::string& name_space, LabelMap& labels);
/// Labels of the node, if they are to be attached and there is one of that name.
void AttachNode(const ScopeTables& tables, const std::string& name, LabelMap& labels);
void SetPodLabels(const ScopeTables& tables, const PodObject& pod, LabelMap& labels);
void SetServiceLabels(const ServiceObject& service, LabelMap& labels);
/// Of a container's port.
void SetContainerLabels(const Container& container, bool is_init, const ContainerPort* port, LabelMap& labels);

/// Calls `each(container, is_init)` for all containers of a pod, those that initialise last.
template <typename Each>
void ForEachContainer(const PodObject& pod, Each&& each) {
  for (const Container& container : pod.containers) each(container, false);
  for (const Container& container : pod.init_containers) each(container, true);
}

/// Targets of endpoints, joined with the pods behind them.
///
/// Threads  Confined. Borrows the tables and the list, whose last group it fills.
class EndpointTargets {
 public:
  EndpointTargets(const ScopeTables& tables, GroupList& groups) : tables_(tables), groups_(groups) {}

  /// `port`: of the endpoint, if it has one. `protocol`: what the container's port is said to have instead of its own;
  /// Prometheus takes the endpoint's for the role endpoints, and the container's for endpointslice.
  void Add(LabelMap labels, const std::optional<TargetRef>& target, std::optional<std::int64_t> port,
           const std::optional<std::string>& protocol = {});

  /// The ports of the pods' containers for which there was no endpoint: targets too.
  void AddOtherPorts();

 private:
  const PodObject* FindPod(const std::optional<TargetRef>& target) const;

  struct SeenPod {
    const PodObject* pod = nullptr;
    std::set<std::int64_t> ports;
  };

  const ScopeTables& tables_;
  GroupList& groups_;
  std::map<std::string, SeenPod> seen_;  // by key
};

}  // namespace baro::scraper

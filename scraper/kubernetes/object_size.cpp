#include "scraper/kubernetes/object_size.h"

namespace baro::scraper {
namespace {

// Texts in the objects themselves are counted with their sizes, whether they lie inside or outside: about is enough.
std::size_t Heap(const std::string& text) { return text.size(); }
std::size_t Heap(const TextPairs& pairs) { return pairs.size_bytes(); }
std::size_t Heap(const ObjectMeta& meta) {
  return Heap(meta.name_space) + Heap(meta.name) + Heap(meta.labels) + Heap(meta.annotations);
}
std::size_t Heap(const ControllerRef& ref) { return Heap(ref.kind) + Heap(ref.name); }
std::size_t Heap(const TargetRef& ref) { return Heap(ref.kind) + Heap(ref.name_space) + Heap(ref.name); }
std::size_t Heap(const ContainerPort& port) { return Heap(port.name) + Heap(port.protocol); }
std::size_t Heap(const ServicePort& port) { return Heap(port.name) + Heap(port.protocol); }

// Used by the templates, which find only what stands before them.
std::size_t Heap(const Container& container);
std::size_t Heap(const EndpointPort& port);
std::size_t Heap(const EndpointAddress& address);
std::size_t Heap(const EndpointSubset& subset);
std::size_t Heap(const SliceEndpoint& endpoint);
std::size_t Heap(const IngressRule& rule);

template <typename T>
std::size_t Heap(const std::optional<T>& value) {
  return value ? Heap(*value) : 0;
}

template <typename T>
std::size_t Heap(const std::vector<T>& list) {
  std::size_t bytes = list.capacity() * sizeof(T);
  for (const T& element : list) bytes += Heap(element);
  return bytes;
}

std::size_t Heap(const Container& container) {
  return Heap(container.name) + Heap(container.image) + Heap(container.ports);
}
std::size_t Heap(const EndpointPort& port) { return Heap(port.name) + Heap(port.protocol) + Heap(port.app_protocol); }
std::size_t Heap(const EndpointAddress& address) {
  return Heap(address.ip) + Heap(address.hostname) + Heap(address.node_name) + Heap(address.target);
}
std::size_t Heap(const EndpointSubset& subset) {
  return Heap(subset.ready) + Heap(subset.not_ready) + Heap(subset.ports);
}
std::size_t Heap(const SliceEndpoint& endpoint) {
  return Heap(endpoint.addresses) + Heap(endpoint.hostname) + Heap(endpoint.node_name) + Heap(endpoint.zone) +
         Heap(endpoint.target) + Heap(endpoint.topology);
}
std::size_t Heap(const IngressRule& rule) { return Heap(rule.host) + Heap(rule.paths); }

}  // namespace

std::size_t SizeBytes(const NamespaceObject& name_space) { return sizeof(name_space) + Heap(name_space.meta); }

std::size_t SizeBytes(const OwnedObject& owned) { return sizeof(owned) + Heap(owned.meta) + Heap(owned.controller); }

std::size_t SizeBytes(const NodeObject& node) {
  return sizeof(node) + Heap(node.meta) + Heap(node.provider_id) + Heap(node.conditions) + Heap(node.addresses);
}

std::size_t SizeBytes(const PodObject& pod) {
  return sizeof(pod) + Heap(pod.meta) + Heap(pod.controller) + Heap(pod.uid) + Heap(pod.node_name) + Heap(pod.pod_ip) +
         Heap(pod.host_ip) + Heap(pod.phase) + Heap(pod.ready) + Heap(pod.containers) + Heap(pod.init_containers) +
         Heap(pod.container_ids) + Heap(pod.init_container_ids);
}

std::size_t SizeBytes(const ServiceObject& service) {
  return sizeof(service) + Heap(service.meta) + Heap(service.type) + Heap(service.cluster_ip) +
         Heap(service.external_name) + Heap(service.balancer_ip) + Heap(service.balancer_ips) +
         Heap(service.primary_family) + Heap(service.ports);
}

std::size_t SizeBytes(const EndpointsObject& endpoints) {
  return sizeof(endpoints) + Heap(endpoints.meta) + Heap(endpoints.subsets);
}

std::size_t SizeBytes(const EndpointSliceObject& slice) {
  return sizeof(slice) + Heap(slice.meta) + Heap(slice.address_type) + Heap(slice.endpoints) + Heap(slice.ports);
}

std::size_t SizeBytes(const IngressObject& ingress) {
  return sizeof(ingress) + Heap(ingress.meta) + Heap(ingress.class_name) + Heap(ingress.rules) +
         Heap(ingress.tls_hosts);
}

}  // namespace baro::scraper

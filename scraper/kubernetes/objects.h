// Objects of Kubernetes, with the fields that discovery looks at and no others.
//
// A pod takes about 1 KiB beside its labels and annotations; as JSON it has ten times that, as a document in memory
// fifty.
//
// Source   Kubernetes API v1.34: core/v1, discovery.k8s.io/v1, networking.k8s.io/v1, apps/v1, batch/v1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scraper/kubernetes/text_pairs.h"

namespace baro::scraper {

struct ObjectMeta {
  std::string name_space;  ///< empty: the object belongs to the whole cluster
  std::string name;
  TextPairs labels;
  TextPairs annotations;

  friend bool operator==(const ObjectMeta&, const ObjectMeta&) = default;
};

/// Who made an object and keeps it: the owner with `controller: true`.
struct ControllerRef {
  std::string kind;  ///< "ReplicaSet", "Job", …; empty: there is none
  std::string name;

  friend bool operator==(const ControllerRef&, const ControllerRef&) = default;
};

/// What an address stands for.
struct TargetRef {
  std::string kind;  ///< "Pod", "Node"
  std::string name_space;
  std::string name;

  friend bool operator==(const TargetRef&, const TargetRef&) = default;
};

/// A namespace.
struct NamespaceObject {
  ObjectMeta meta;

  friend bool operator==(const NamespaceObject&, const NamespaceObject&) = default;
};

/// A ReplicaSet or Job, of which only the owner matters.
struct OwnedObject {
  ObjectMeta meta;
  ControllerRef controller;

  friend bool operator==(const OwnedObject&, const OwnedObject&) = default;
};

struct NodeObject {
  ObjectMeta meta;
  std::string provider_id;
  std::int64_t kubelet_port = 0;
  TextPairs conditions;  ///< type, status
  TextPairs addresses;   ///< type, address

  friend bool operator==(const NodeObject&, const NodeObject&) = default;
};

struct ContainerPort {
  std::string name;
  std::string protocol;
  std::int64_t number = 0;

  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
};

struct Container {
  std::string name;
  std::string image;
  std::vector<ContainerPort> ports;

  friend bool operator==(const Container&, const Container&) = default;
};

struct PodObject {
  ObjectMeta meta;
  ControllerRef controller;
  std::string uid;
  std::string node_name;
  std::string pod_ip;
  std::string host_ip;
  std::string phase;
  std::string ready;  ///< "true", "false", "unknown"; empty: nobody has said
  std::vector<Container> containers;
  std::vector<Container> init_containers;
  TextPairs container_ids;  ///< of those that have started, by their names
  TextPairs init_container_ids;

  friend bool operator==(const PodObject&, const PodObject&) = default;
};

struct ServicePort {
  std::string name;
  std::string protocol;
  std::int64_t number = 0;

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

struct ServiceObject {
  ObjectMeta meta;
  std::string type;
  std::string cluster_ip;
  std::string external_name;
  std::string balancer_ip;     ///< that was asked for
  std::string balancer_ips;    ///< that were given, joined by commas
  std::string primary_family;  ///< "IPv4" or "IPv6" of a service with two; empty: it has one
  std::vector<ServicePort> ports;

  friend bool operator==(const ServiceObject&, const ServiceObject&) = default;
};

struct EndpointPort {
  std::optional<std::string> name;
  std::optional<std::string> protocol;
  std::optional<std::string> app_protocol;
  std::optional<std::int64_t> number;

  friend bool operator==(const EndpointPort&, const EndpointPort&) = default;
};

struct EndpointAddress {
  std::string ip;
  std::string hostname;
  std::optional<std::string> node_name;
  std::optional<TargetRef> target;

  friend bool operator==(const EndpointAddress&, const EndpointAddress&) = default;
};

/// Each address with each port.
struct EndpointSubset {
  std::vector<EndpointAddress> ready;
  std::vector<EndpointAddress> not_ready;
  std::vector<EndpointPort> ports;

  friend bool operator==(const EndpointSubset&, const EndpointSubset&) = default;
};

struct EndpointsObject {
  ObjectMeta meta;
  std::vector<EndpointSubset> subsets;

  friend bool operator==(const EndpointsObject&, const EndpointsObject&) = default;
};

struct SliceEndpoint {
  std::vector<std::string> addresses;
  std::optional<bool> is_ready;
  std::optional<bool> is_serving;
  std::optional<bool> is_terminating;
  std::optional<std::string> hostname;
  std::optional<std::string> node_name;
  std::optional<std::string> zone;
  std::optional<TargetRef> target;
  TextPairs topology;  ///< the API's "deprecatedTopology"

  friend bool operator==(const SliceEndpoint&, const SliceEndpoint&) = default;
};

struct EndpointSliceObject {
  ObjectMeta meta;
  std::string address_type;
  std::vector<SliceEndpoint> endpoints;
  std::vector<EndpointPort> ports;

  friend bool operator==(const EndpointSliceObject&, const EndpointSliceObject&) = default;
};

struct IngressRule {
  std::string host;
  std::vector<std::string> paths;  ///< at least "/"

  friend bool operator==(const IngressRule&, const IngressRule&) = default;
};

struct IngressObject {
  ObjectMeta meta;
  std::optional<std::string> class_name;
  std::vector<IngressRule> rules;
  std::vector<std::string> tls_hosts;

  friend bool operator==(const IngressObject&, const IngressObject&) = default;
};

}  // namespace baro::scraper

// Objects as an API server sends them, with much that nobody asks for.
#pragma once

namespace baro::scraper {

inline constexpr const char* kNodeJson = R"({
  "metadata": {"name": "worker-1", "uid": "f9a1", "resourceVersion": "90",
    "creationTimestamp": "2026-08-01T10:00:00Z",
    "labels": {"kubernetes.io/os": "linux", "zone": "a"},
    "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
    "managedFields": [{"manager": "kubelet", "operation": "Update",
                       "fieldsV1": {"f:metadata": {"f:labels": {".": {}}}}}]},
  "spec": {"podCIDR": "10.1.0.0/24", "providerID": "cloud:///a/i-1", "taints": null},
  "status": {"capacity": {"cpu": "4", "memory": "16Gi"},
    "conditions": [{"type": "MemoryPressure", "status": "False", "reason": "KubeletHasSufficientMemory"},
                   {"type": "Ready", "status": "True"}],
    "addresses": [{"type": "Hostname", "address": "worker-1.local"}, {"type": "InternalIP", "address": "10.0.0.1"},
                  {"type": "InternalIP", "address": "fd00::1"}],
    "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
    "images": [{"names": ["registry/app@sha256:1"], "sizeBytes": 123456789}]}})";

inline constexpr const char* kPodJson = R"({
  "metadata": {"name": "web-7d-x", "generateName": "web-7d-", "namespace": "shop", "uid": "7c5b-44",
    "resourceVersion": "91",
    "labels": {"app": "web", "pod-template-hash": "7d"},
    "annotations": {"prometheus.io/scrape": "true", "note": ""},
    "ownerReferences": [{"apiVersion": "v1", "kind": "Other", "name": "o", "controller": false},
                        {"apiVersion": "apps/v1",
                         "kind": "ReplicaSet", "name": "web-7d", "uid": "u", "controller": true}]},
  "spec": {"volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
    "initContainers": [{"name": "migrate", "image": "shop/migrate:1"}],
    "containers": [
      {"name": "web", "image": "shop/web:3", "args": ["--port=8080"],
       "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090, "protocol": "UDP"}]},
      {"name": "side", "image": "shop/side:1"}],
    "nodeName": "worker-1", "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 300}]},
  "status": {"phase": "Running", "hostIP": "10.0.0.1", "podIP": "10.1.0.7", "podIPs": [{"ip": "10.1.0.7"}],
    "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False"}],
    "initContainerStatuses": [{"name": "migrate", "containerID": "containerd://m1"}],
    "containerStatuses": [{"name": "side", "containerID": "containerd://s1", "ready": true},
                          {"name": "web", "containerID": "containerd://w1", "ready": true, "restartCount": 2}]}})";

inline constexpr const char* kServiceJson = R"({
  "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "92", "labels": {"app": "web"},
    "annotations": {"team/owner": "shop"}},
  "spec": {"ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080},
                     {"name": "stats", "protocol": "TCP", "port": 9100, "targetPort": "stats"}],
    "selector": {"app": "web"}, "clusterIP": "10.2.0.9", "clusterIPs": ["10.2.0.9"], "type": "ClusterIP",
    "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
  "status": {"loadBalancer": {}}})";

inline constexpr const char* kEndpointsJson = R"({
  "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "93", "labels": {"app": "web"}},
  "subsets": [{
    "addresses": [{"ip": "10.1.0.7", "nodeName": "worker-1",
                   "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-7d-x", "uid": "7c5b-44"}}],
    "notReadyAddresses": [{"ip": "10.1.0.8", "hostname": "db-0", "targetRef": {"kind": "Node", "name": "worker-1"}}],
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]})";

inline constexpr const char* kSliceJson = R"({
  "addressType": "IPv4",
  "metadata": {"name": "web-abc", "namespace": "shop", "resourceVersion": "94",
    "labels": {"kubernetes.io/service-name": "web"}},
  "endpoints": [
    {"addresses": ["10.1.0.7"], "conditions": {"ready": true, "serving": true, "terminating": false},
     "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-7d-x"}, "nodeName": "worker-1", "zone": "a"},
    {"addresses": ["10.9.0.1"], "conditions": {"ready": null}, "hostname": "db-0",
     "deprecatedTopology": {"kubernetes.io/hostname": "h"}}],
  "ports": [{"name": "http", "protocol": "TCP", "port": 8080, "appProtocol": "h2c"}]})";

inline constexpr const char* kIngressJson = R"({
  "metadata": {"name": "front", "namespace": "shop", "resourceVersion": "95", "labels": {"tier": "edge"}},
  "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["*.shop.example", "other.example"], "secretName": "s"}],
    "rules": [{"host": "www.shop.example", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
                {"pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
                {"path": "/api", "pathType": "Prefix"}]}},
              {"host": "a.b.shop.example"}]}})";

inline constexpr const char* kNamespaceJson = R"({
  "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
  "metadata": {"name": "shop", "resourceVersion": "96", "labels": {"env": "prod"},
    "annotations": {"owner": "team-a"}}})";

inline constexpr const char* kReplicaSetJson = R"({
  "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
  "metadata": {"name": "web-7d", "namespace": "shop", "resourceVersion": "97",
    "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": true}]}})";

}  // namespace baro::scraper

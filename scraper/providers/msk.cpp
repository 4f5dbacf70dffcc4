// Brokers and controllers of Amazon MSK (Kafka): a target for each endpoint of a node.
//
// Source   Amazon MSK API 2018-11-14 (REST, JSON): ListClustersV2, DescribeClusterV2, ListNodes.
#include <fmt/format.h>

#include "scraper/providers/aws_api.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

base::Result<> Sign(const ApiScope& scope, net::FetchRequest& request) { return SignForAws(scope, "kafka", request); }

const std::vector<std::string>& GivenClusters(const ApiScope& scope) {
  return scope.record.Get<std::vector<std::string>>("clusters");
}
bool ListsClusters(const ApiScope& scope) { return GivenClusters(scope).empty(); }

std::vector<Json> GivenArns(const ApiScope& scope, TargetList& /*reader*/) {
  std::vector<Json> arns;
  for (const std::string& arn : GivenClusters(scope)) arns.push_back({{"arn", arn}});
  return arns;
}

/// Others have no nodes.
std::vector<Json> ProvisionedClusters(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> clusters;
  for (const char* const call : {"listed", "described"}) {
    for (const Json& cluster : scope.answers.Of(call)) {
      if (reader.Text(cluster, "clusterType") == "PROVISIONED") clusters.push_back(cluster);
    }
  }
  return clusters;
}

constexpr ApiCall kCalls[] = {{.name = "listed",
                               .path = "/api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100",
                               .items = "clusterInfoList",
                               .paging = Paging::kCursor,
                               .next = "nextToken",
                               .parameter = "nextToken",
                               .is_wanted = ListsClusters,
                               .prepare = Sign},
                              {.name = "arns", .derive = GivenArns},
                              {.name = "described",
                               .path = "/api/v2/clusters/{item.arn}",
                               .items = "clusterInfo",
                               .for_each = "arns",
                               .prepare = Sign},
                              {.name = "clusters", .derive = ProvisionedClusters},
                              {.name = "nodes",
                               .path = "/v1/clusters/{item.clusterArn}/nodes?maxResults=100",
                               .items = "nodeInfoList",
                               .for_each = "clusters",
                               .paging = Paging::kCursor,
                               .next = "nextToken",
                               .parameter = "nextToken",
                               .tells_round = true,
                               .prepare = Sign}};

constexpr LabelRow kClusterLabels[] = {
    {"__meta_msk_cluster_arn", "clusterArn"},
    {"__meta_msk_cluster_configuration_arn", "provisioned.currentBrokerSoftwareInfo.configurationArn"},
    {"__meta_msk_cluster_configuration_revision", "provisioned.currentBrokerSoftwareInfo.configurationRevision"},
    {"__meta_msk_cluster_kafka_version", "provisioned.currentBrokerSoftwareInfo.kafkaVersion"},
    {"__meta_msk_cluster_name", "clusterName"},
    {"__meta_msk_cluster_state", "state"},
    {"__meta_msk_cluster_tag_", "tags", kMap},
    {"__meta_msk_cluster_type", "clusterType"},
    {"__meta_msk_cluster_version", "currentVersion"}};

constexpr LabelRow kNodeLabels[] = {{"__meta_msk_node_added_time", "addedToClusterTime"},
                                    {"__meta_msk_node_arn", "nodeARN"},
                                    {"__meta_msk_node_instance_type", "instanceType"}};

constexpr LabelRow kBrokerLabels[] = {{"__meta_msk_broker_client_subnet", "clientSubnet"},
                                      {"__meta_msk_broker_client_vpc_ip", "clientVpcIpAddress"},
                                      {"__meta_msk_broker_id", "brokerId", kNumber},
                                      {"__meta_msk_node_attached_eni", "attachedENIId"}};

/// An exporter that the cluster's monitoring knows is on or off; without monitoring there is no label.
void AddExporter(const Json& cluster, std::string_view exporter, const std::string& label, TargetList& list,
                 LabelMap& labels) {
  const Json* const found = FindJson(cluster, fmt::format("provisioned.openMonitoring.prometheus.{}", exporter));
  if (found == nullptr) return;
  const LabelRow rows[] = {{label, "enabledInBroker", kBool}};
  list.Apply(rows, *found, labels);
}

void AddEndpoints(const Json& node, const std::string& index_label, const LabelMap& labels, const std::string& port,
                  TargetList& list) {
  std::size_t index = 0;
  for (const std::string& endpoint : list.Texts(node, "endpoints")) {
    if (list.failed()) return;
    LabelMap own = labels;
    own[index_label] = fmt::format("{}", index++);
    list.Add(std::move(own), endpoint, port);
  }
}

void AddNode(const Json& cluster, const Json& node, const std::string& port, TargetList& list) {
  LabelMap labels;
  list.Apply(kClusterLabels, cluster, labels);
  list.Apply(kNodeLabels, node, labels);
  AddExporter(cluster, "jmxExporter", "__meta_msk_cluster_jmx_exporter_enabled", list, labels);
  if (const Json* const broker = FindJson(node, "brokerNodeInfo")) {
    labels["__meta_msk_node_type"] = "BROKER";
    list.Apply(kBrokerLabels, *broker, labels);
    AddExporter(cluster, "nodeExporter", "__meta_msk_broker_node_exporter_enabled", list, labels);
    AddEndpoints(*broker, "__meta_msk_broker_endpoint_index", labels, port, list);
  } else if (const Json* const controller = FindJson(node, "controllerNodeInfo")) {
    labels["__meta_msk_node_type"] = "CONTROLLER";
    AddEndpoints(*controller, "__meta_msk_controller_endpoint_index", labels, port, list);
  }
}

void MakeMsk(const ApiScope& scope, TargetList& list) {
  const std::string port = scope.Port();
  const auto clusters = scope.answers.Of("clusters");
  for (const Json& node : scope.answers.Of("nodes")) {
    if (list.failed()) return;
    AddNode(clusters[node["round"].get<std::size_t>()], node["value"], port, list);
  }
}

constexpr ApiProvider kMsk = {.kind = "msk",
                              .group = "msk",
                              .base = "https://kafka.amazonaws.com",
                              .login = AwsLogin,
                              .calls = kCalls,
                              .targets = MakeMsk};
constexpr ApiProvider kTable[] = {kMsk, AwsRole(kMsk)};

}  // namespace

const std::span<const ApiProvider> kMskProviders = kTable;

}  // namespace baro::scraper

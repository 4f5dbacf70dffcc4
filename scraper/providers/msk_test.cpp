#include "scraper/providers/aws_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

constexpr const char* kHost = "https://kafka.eu-1.amazonaws.com";
constexpr const char* kCluster = R"({"clusterArn": "arn:aws:kafka:eu-1:1:cluster/k/9", "clusterName": "k",
  "clusterType": "PROVISIONED", "state": "ACTIVE", "currentVersion": "K3", "tags": {"team-x": "y"},
  "provisioned": {"currentBrokerSoftwareInfo": {"kafkaVersion": "3.6.0", "configurationArn": "arn:conf",
                                                "configurationRevision": 4},
                  "openMonitoring": {"prometheus": {"jmxExporter": {"enabledInBroker": true},
                                                    "nodeExporter": {"enabledInBroker": false}}}}})";

constexpr const char* kTargets =
    R"(__address__="b-1.k:9100" __meta_msk_broker_client_subnet="subnet-1" __meta_msk_broker_client_vpc_ip="10.0.0.1" )"
    R"(__meta_msk_broker_endpoint_index="0" __meta_msk_broker_id="1" __meta_msk_broker_node_exporter_enabled="false" )"
    R"(__meta_msk_cluster_arn="arn:aws:kafka:eu-1:1:cluster/k/9" __meta_msk_cluster_configuration_arn="arn:conf" )"
    R"(__meta_msk_cluster_configuration_revision="4" __meta_msk_cluster_jmx_exporter_enabled="true" )"
    R"(__meta_msk_cluster_kafka_version="3.6.0" __meta_msk_cluster_name="k" __meta_msk_cluster_state="ACTIVE" )"
    R"(__meta_msk_cluster_tag_team_x="y" __meta_msk_cluster_type="PROVISIONED" __meta_msk_cluster_version="K3" )"
    R"(__meta_msk_node_added_time="2024-01-02T03:04:05.678Z" __meta_msk_node_arn="arn:n/1" )"
    R"(__meta_msk_node_attached_eni="eni-1" __meta_msk_node_instance_type="m5.large" __meta_msk_node_type="BROKER")"
    "\n"
    R"(__address__="b-1-public.k:9100" __meta_msk_broker_client_subnet="subnet-1" )"
    R"(__meta_msk_broker_client_vpc_ip="10.0.0.1" )"
    R"(__meta_msk_broker_endpoint_index="1" __meta_msk_broker_id="1" __meta_msk_broker_node_exporter_enabled="false" )"
    R"(__meta_msk_cluster_arn="arn:aws:kafka:eu-1:1:cluster/k/9" __meta_msk_cluster_configuration_arn="arn:conf" )"
    R"(__meta_msk_cluster_configuration_revision="4" __meta_msk_cluster_jmx_exporter_enabled="true" )"
    R"(__meta_msk_cluster_kafka_version="3.6.0" __meta_msk_cluster_name="k" __meta_msk_cluster_state="ACTIVE" )"
    R"(__meta_msk_cluster_tag_team_x="y" __meta_msk_cluster_type="PROVISIONED" __meta_msk_cluster_version="K3" )"
    R"(__meta_msk_node_added_time="2024-01-02T03:04:05.678Z" __meta_msk_node_arn="arn:n/1" )"
    R"(__meta_msk_node_attached_eni="eni-1" __meta_msk_node_instance_type="m5.large" __meta_msk_node_type="BROKER")"
    "\n"
    R"(__address__="c-1.k:9100" __meta_msk_cluster_arn="arn:aws:kafka:eu-1:1:cluster/k/9" )"
    R"(__meta_msk_cluster_configuration_arn="arn:conf" __meta_msk_cluster_configuration_revision="4" )"
    R"(__meta_msk_cluster_jmx_exporter_enabled="true" __meta_msk_cluster_kafka_version="3.6.0" )"
    R"(__meta_msk_cluster_name="k" __meta_msk_cluster_state="ACTIVE" __meta_msk_cluster_tag_team_x="y" )"
    R"(__meta_msk_cluster_type="PROVISIONED" __meta_msk_cluster_version="K3" )"
    R"(__meta_msk_controller_endpoint_index="0" __meta_msk_node_arn="arn:n/2" __meta_msk_node_type="CONTROLLER")"
    "\n";

class MskTest : public AwsFixture {
 protected:
  MskTest() {
    const std::string nodes =
        std::string(kHost) + "/v1/clusters/arn%3Aaws%3Akafka%3Aeu-1%3A1%3Acluster%2Fk%2F9/nodes?maxResults=100";
    Say(nodes, R"({"nodeInfoList": [{"nodeARN": "arn:n/1", "instanceType": "m5.large",
      "addedToClusterTime": "2024-01-02T03:04:05.678Z",
      "brokerNodeInfo": {"attachedENIId": "eni-1", "brokerId": 1.0, "clientSubnet": "subnet-1",
                         "clientVpcIpAddress": "10.0.0.1", "endpoints": ["b-1.k", "b-1-public.k"]}},
      {"nodeARN": "arn:n/z", "zookeeperNodeInfo": {"endpoints": ["z-1.k"]}}], "nextToken": "p2"})");
    Say(nodes + "&nextToken=p2",
        R"({"nodeInfoList": [{"nodeARN": "arn:n/2", "controllerNodeInfo": {"endpoints": ["c-1.k"]}}]})");
    options_["port"] = std::int64_t{9100};
  }

  Values options_ = Options();
};

TEST_F(MskTest, EachEndpointOfANodeIsATarget) {
  const std::string list = std::string(kHost) + "/api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100";
  Say(list, R"({"clusterInfoList": [], "nextToken": "more"})");
  Say(list + "&nextToken=more", fmt::format(R"({{"clusterInfoList": [{}]}})", kCluster));
  EXPECT_EQ(Lines(Discover("msk", options_)), Lines(kTargets));
  EXPECT_THAT(std::string(servers_->requests.back().first.headers.Get("Authorization")), HasSubstr("/eu-1/kafka/"));
}

TEST_F(MskTest, NamedClustersOfWhichOthersThanProvisionedHaveNoNodes) {
  options_["role"] = "msk";
  options_["clusters"] = std::vector<std::string>{"arn:aws:kafka:eu-1:1:cluster/k/9", "arn:less"};
  const std::string describe = std::string(kHost) + "/api/v2/clusters/";
  Say(describe + "arn%3Aaws%3Akafka%3Aeu-1%3A1%3Acluster%2Fk%2F9", fmt::format(R"({{"clusterInfo": {}}})", kCluster));
  Say(describe + "arn%3Aless", R"({"clusterInfo": {"clusterArn": "arn:less", "clusterType": "SERVERLESS"}})");
  EXPECT_EQ(Lines(Discover("aws", options_)), Lines(kTargets));
  Say(describe + "arn%3Aless", R"({"message": "no such cluster"})", 404);
  EXPECT_EQ(Discover("aws", options_), "described: the server answered HTTP status 404");
}

TEST_F(MskTest, WithoutMonitoringThereAreNoLabelsOfExporters) {
  Say(std::string(kHost) + "/api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100",
      R"({"clusterInfoList": [{"clusterArn": "c", "clusterType": "PROVISIONED"}]})");
  Say(std::string(kHost) + "/v1/clusters/c/nodes?maxResults=100",
      R"({"nodeInfoList": [{"brokerNodeInfo": {"endpoints": ["b"]}}, {"nodeARN": "neither"}]})");
  EXPECT_EQ(Discover("msk", options_),
            "__address__=\"b:9100\" __meta_msk_broker_endpoint_index=\"0\" __meta_msk_broker_id=\"0\" "
            "__meta_msk_cluster_arn=\"c\" __meta_msk_cluster_type=\"PROVISIONED\" __meta_msk_node_type=\"BROKER\"\n");
}

}  // namespace
}  // namespace baro::scraper

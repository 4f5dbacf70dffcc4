#include "scraper/discovery/target_list.h"
#include "scraper/providers/aws_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

constexpr const char* kEc2 = "https://ec2.eu-1.amazonaws.com/?";

class EcsTest : public AwsFixture {
 protected:
  EcsTest() {
    FindByOperation();
    Say(R"(ListClusters {"maxResults":100})", R"({"clusterArns": ["arn:c/one"], "nextToken": "t 1"})");
    Say(R"(ListClusters {"maxResults":100,"nextToken":"t 1"})", R"({"clusterArns": ["arn:c/two"]})");
    Say(R"(DescribeClusters {"clusters":["arn:c/one","arn:c/two"],"include":["TAGS"]})",
        R"({"clusters": [{"clusterArn": "arn:c/one", "clusterName": "one", "status": "ACTIVE",
                          "tags": [{"key": "Cost-Center", "value": "7"}]},
                         {"clusterArn": "arn:c/two", "clusterName": "two"}], "failures": []})");
    Say(R"(ListTasks {"cluster":"arn:c/one","maxResults":100})",
        R"({"taskArns": ["arn:t/1", "arn:t/2"], "nextToken": "n"})");
    Say(R"(ListTasks {"cluster":"arn:c/one","maxResults":100,"nextToken":"n"})",
        R"({"taskArns": ["arn:t/3", "arn:t/4"]})");
    Say(R"(ListTasks {"cluster":"arn:c/two","maxResults":100})", R"({"taskArns": []})");
    SayTasks();
    Say(R"(DescribeServices {"cluster":"arn:c/one","include":["TAGS"],"services":["gone","web"]})",
        R"({"services": [{"clusterArn": "arn:c/one", "serviceName": "web", "serviceArn": "arn:s/web",
                          "status": "ACTIVE", "tags": [{"key": "team", "value": "w"}]}],
            "failures": [{"arn": "arn:s/gone", "reason": "MISSING"}]})");
    Say(R"(DescribeContainerInstances {"cluster":"arn:c/one","containerInstances":["arn:ci/1","arn:ci/2"]})",
        R"({"containerInstances": [{"containerInstanceArn": "arn:ci/1", "ec2InstanceId": "i-1"},
                                   {"containerInstanceArn": "arn:ci/2", "ec2InstanceId": "i-2"}]})");
    SayMachines();
  }

  void SayTasks() {
    Say(R"(DescribeTasks {"cluster":"arn:c/one","include":["TAGS"],"tasks":["arn:t/1","arn:t/2","arn:t/3","arn:t/4"]})",
        R"({"tasks": [
          {"taskArn": "arn:t/1", "clusterArn": "arn:c/one", "group": "service:web", "taskDefinitionArn": "arn:td/1",
           "availabilityZone": "eu-1a", "desiredStatus": "RUNNING", "lastStatus": "PENDING", "healthStatus": "HEALTHY",
           "launchType": "FARGATE", "platformFamily": "Linux", "platformVersion": "1.4.0",
           "tags": [{"key": "k", "value": "v"}],
           "attachments": [{"type": "Service Connect", "details": []},
             {"type": "ElasticNetworkInterface", "details": [{"name": "subnetId", "value": "subnet-1"}, {"name": "odd"},
               {"name": "networkInterfaceId", "value": "eni-1"},
               {"name": "privateIPv4Address", "value": "10.0.0.1"}]}]},
          {"taskArn": "arn:t/2", "clusterArn": "arn:c/one", "group": "family:cron", "launchType": "EC2",
           "healthStatus": "UNKNOWN", "containerInstanceArn": "arn:ci/1", "attachments": []},
          {"taskArn": "arn:t/3", "clusterArn": "arn:c/one", "group": "service:gone", "launchType": "EC2",
           "containerInstanceArn": "arn:ci/2", "attachments": [{"type": "ElasticNetworkInterface",
             "details": [{"name": "privateIPv4Address", "value": "10.0.0.3"}]}]},
          {"taskArn": "arn:t/4", "clusterArn": "arn:c/one", "group": "x", "launchType": "EXTERNAL"}]})");
  }

  void SayMachines() {
    Say(std::string(kEc2) + "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2",
        R"(<R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><subnetId>subnet-9</subnetId>
           <privateIpAddress>10.0.0.9</privateIpAddress><ipAddress>203.0.113.9</ipAddress>
           <instanceType>t4g.nano</instanceType><tagSet><item><key>Name</key><value>host</value></item></tagSet>
           </item></instancesSet></item></reservationSet><nextToken>m</nextToken></R>)");
    Say(std::string(kEc2) + "Action=DescribeInstances&Version=2016-11-15&NextToken=m&InstanceId.1=i-1&InstanceId.2=i-2",
        R"(<R><reservationSet><item><instancesSet><item><instanceId>i-2</instanceId>
           <privateIpAddress>10.0.0.8</privateIpAddress></item></instancesSet></item></reservationSet></R>)");
    Say(std::string(kEc2) + "Action=DescribeNetworkInterfaces&Version=2016-11-15&NetworkInterfaceId.1=eni-1",
        R"(<R><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>
           <association><publicIp>203.0.113.1</publicIp></association></item></networkInterfaceSet></R>)");
  }
};

constexpr const char* kTargets =
    R"(__address__="10.0.0.1:80" __meta_ecs_availability_zone="eu-1a" __meta_ecs_cluster="one" )"
    R"(__meta_ecs_cluster_arn="arn:c/one" __meta_ecs_desired_status="RUNNING" __meta_ecs_health_status="HEALTHY" )"
    R"(__meta_ecs_ip_address="10.0.0.1" __meta_ecs_last_status="PENDING" __meta_ecs_launch_type="FARGATE" )"
    R"(__meta_ecs_network_mode="awsvpc" __meta_ecs_platform_family="Linux" __meta_ecs_platform_version="1.4.0" )"
    R"(__meta_ecs_public_ip="203.0.113.1" __meta_ecs_region="eu-1" __meta_ecs_service="web" )"
    R"(__meta_ecs_service_arn="arn:s/web" __meta_ecs_service_status="ACTIVE" __meta_ecs_subnet_id="subnet-1" )"
    R"(__meta_ecs_tag_cluster_Cost_Center="7" __meta_ecs_tag_service_team="w" __meta_ecs_tag_task_k="v" )"
    R"(__meta_ecs_task_arn="arn:t/1" __meta_ecs_task_definition="arn:td/1" __meta_ecs_task_group="service:web")"
    "\n"
    R"(__address__="10.0.0.9:80" __meta_ecs_cluster="one" __meta_ecs_cluster_arn="arn:c/one" )"
    R"(__meta_ecs_container_instance_arn="arn:ci/1" __meta_ecs_ec2_instance_id="i-1" )"
    R"(__meta_ecs_ec2_instance_private_ip="10.0.0.9" __meta_ecs_ec2_instance_public_ip="203.0.113.9" )"
    R"(__meta_ecs_ec2_instance_type="t4g.nano" __meta_ecs_health_status="UNKNOWN" __meta_ecs_ip_address="10.0.0.9" )"
    R"(__meta_ecs_launch_type="EC2" __meta_ecs_network_mode="bridge" __meta_ecs_public_ip="203.0.113.9" )"
    R"(__meta_ecs_region="eu-1" __meta_ecs_subnet_id="subnet-9" __meta_ecs_tag_cluster_Cost_Center="7" )"
    R"(__meta_ecs_tag_ec2_Name="host" __meta_ecs_task_arn="arn:t/2" __meta_ecs_task_group="family:cron")"
    "\n"
    R"(__address__="10.0.0.3:80" __meta_ecs_cluster="one" __meta_ecs_cluster_arn="arn:c/one" )"
    R"(__meta_ecs_container_instance_arn="arn:ci/2" __meta_ecs_ec2_instance_id="i-2" )"
    R"(__meta_ecs_ec2_instance_private_ip="10.0.0.8" __meta_ecs_ip_address="10.0.0.3" __meta_ecs_launch_type="EC2" )"
    R"(__meta_ecs_network_mode="awsvpc" __meta_ecs_region="eu-1" __meta_ecs_tag_cluster_Cost_Center="7" )"
    R"(__meta_ecs_task_arn="arn:t/3" __meta_ecs_task_group="service:gone")"
    "\n";

TEST_F(EcsTest, TasksWithTheirClustersServicesInstancesAndInterfaces) {
  EXPECT_EQ(Lines(Discover("ecs", Options())), Lines(kTargets));
  const net::FetchRequest& first = servers_->requests.front().first;
  EXPECT_EQ(first.url, "https://ecs.eu-1.amazonaws.com/");
  EXPECT_EQ(first.method, net::Method::kPost);
  EXPECT_EQ(first.headers.Get("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(first.headers.Get("X-Amz-Target"), "AmazonEC2ContainerServiceV20141113.ListClusters");
  EXPECT_THAT(std::string(first.headers.Get("Authorization")), HasSubstr("/eu-1/ecs/aws4_request"));
  EXPECT_THAT(std::string(servers_->requests.back().first.headers.Get("Authorization")), HasSubstr("/eu-1/ec2/"));
}

TEST_F(EcsTest, AsARoleOfAwsWithNamedClustersAtAnEndpoint) {
  Values options = Options();
  options["role"] = "ecs";
  options["clusters"] = std::vector<std::string>{"arn:c/one", "two"};
  options["endpoint"] = "http://local:4566";
  Say(R"(DescribeClusters {"clusters":["arn:c/one","two"],"include":["TAGS"]})",
      R"({"clusters": [{"clusterArn": "arn:c/one", "clusterName": "one",
                        "tags": [{"key": "Cost-Center", "value": "7"}]},
                       {"clusterArn": "arn:c/two", "clusterName": "two"}]})");
  EXPECT_EQ(Lines(Discover("aws", options)), Lines(kTargets));
  EXPECT_EQ(servers_->requests.front().first.url, "http://local:4566/");
  EXPECT_THAT(servers_->requests.back().first.url, testing::StartsWith(kEc2)) << "that is another service";
}

TEST_F(EcsTest, AClusterThatIsNotThereIsAnError) {
  Values options = Options();
  options["clusters"] = std::vector<std::string>{"arn:c/one", "arn:c/no"};
  Say(R"(DescribeClusters {"clusters":["arn:c/one","arn:c/no"],"include":["TAGS"]})",
      R"({"clusters": [{"clusterArn": "arn:c/one", "clusterName": "one"}],
          "failures": [{"arn": "arn:c/no", "reason": "MISSING"}]})");
  EXPECT_EQ(Discover("ecs", options), "found_clusters: clusters: ECS does not know \"arn:c/no\"");
}

TEST_F(EcsTest, AFailureInTheMiddleKeepsTheLastGoodAnswer) {
  using namespace std::chrono_literals;
  ASSERT_EQ(Lines(Discover("ecs", Options())), Lines(kTargets));
  Say(R"(ListTasks {"cluster":"arn:c/one","maxResults":100,"nextToken":"n"})", R"({"__type": "Throttling"})", 400);
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "task_arns: the server answered HTTP status 400");
  EXPECT_EQ(Lines(Targets()), Lines(kTargets));
}

TEST_F(EcsTest, IdsGoInPartsOfWhatAnOperationTakes) {
  std::vector<std::string> arns;
  std::string listed;
  for (int i = 0; i < 101; ++i) {
    arns.push_back(fmt::format("arn:t/{:03}", i));
    listed += fmt::format("{}\"{}\"", i == 0 ? "" : ",", arns.back());
  }
  Say(R"(ListTasks {"cluster":"arn:c/one","maxResults":100})", fmt::format(R"({{"taskArns": [{}]}})", listed));
  EXPECT_THAT(Discover("ecs", Options()), testing::StartsWith("tasks: "));
  const Json body = Json::parse(servers_->requests.back().first.body);
  EXPECT_EQ(body["tasks"].size(), 100U);
  Say("DescribeTasks " + servers_->requests.back().first.body, R"({"tasks": []})");
  Say(R"(DescribeTasks {"cluster":"arn:c/one","include":["TAGS"],"tasks":["arn:t/100"]})", R"({"tasks": []})");
  EXPECT_EQ(Discover("ecs", Options()), "");
}

TEST_F(EcsTest, AnAnswerOfAnotherFormIsAnError) {
  Say(R"(ListClusters {"maxResults":100})", R"({"clusterArns": [{"arn": "x"}]})");
  EXPECT_EQ(Discover("ecs", Options()), "cluster_batches: : expected a text, number or truth value, found object");
}

}  // namespace
}  // namespace baro::scraper

#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

constexpr const char* kContainers = R"([
  {"Id": "c1", "Names": ["/shop", "/other"], "Image": "shop:7", "ImageID": "sha256:11",
   "Labels": {"com.example/team": "blue", "tier": ""},
   "HostConfig": {"NetworkMode": "front"},
   "NetworkSettings": {"Networks": {
     "front": {"NetworkID": "n1", "IPAddress": "172.20.0.5", "GlobalIPv6Address": ""},
     "back": {"NetworkID": "n2", "IPAddress": "", "GlobalIPv6Address": "fd00::5"}}},
   "Ports": [{"IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 80, "Type": "tcp"},
             {"PrivatePort": 53, "Type": "udp"}, {"PrivatePort": 9100, "Type": "tcp"}]},
  {"Id": "c2", "Names": ["/sidecar"], "Image": "side", "ImageID": "", "Labels": {},
   "HostConfig": {"NetworkMode": "container:c1"}, "NetworkSettings": {"Networks": {}}, "Ports": []},
  {"Id": "c3", "Names": ["/agent"], "Image": "agent", "Labels": null,
   "HostConfig": {"NetworkMode": "host"},
   "NetworkSettings": {"Networks": {"host": {"NetworkID": "n3", "IPAddress": "", "GlobalIPv6Address": ""}}},
   "Ports": []},
  {"Id": "c4", "Names": [], "HostConfig": {"NetworkMode": "front"}, "NetworkSettings": {"Networks": {}}},
  {"Id": "c5", "Names": ["/lost"], "HostConfig": {"NetworkMode": "container:c9"}, "NetworkSettings": {"Networks": {}}}
])";

constexpr const char* kNetworks = R"([
  {"Id": "n1", "Name": "front", "Scope": "local", "Internal": false, "Ingress": false, "Labels": {"a-b": "x"}},
  {"Id": "n2", "Name": "back", "Scope": "local", "Internal": true, "Ingress": false, "Labels": {}}])";

class DockerTest : public ProviderTest {
 protected:
  DockerTest() {
    Say("http://d:2375/containers/json", kContainers);
    Say("http://d:2375/networks", kNetworks);
  }
  Values Options(bool match_first = true) {
    return {{"host", "tcp://d:2375"},
            {"filters", std::vector<DiscoveryRecord>{}},
            {"host_networking_host", "localhost"},
            {"match_first_network", match_first}};
  }
};

TEST_F(DockerTest, ATargetForEachPortOfTheFirstNetwork) {
  const std::string c1 =
      "__meta_docker_container_id=\"c1\" __meta_docker_container_image=\"shop:7\" "
      "__meta_docker_container_image_id=\"sha256:11\" __meta_docker_container_label_com_example_team=\"blue\" "
      "__meta_docker_container_name=\"/shop\" __meta_docker_container_network_mode=\"front\" "
      "__meta_docker_network_id=\"n2\" __meta_docker_network_ingress=\"false\" "
      "__meta_docker_network_internal=\"true\" __meta_docker_network_ip=\"fd00::5\" "
      "__meta_docker_network_name=\"back\" __meta_docker_network_scope=\"local\"";
  EXPECT_EQ(Discover("docker", Options()),
            "__address__=\"[fd00::5]:8080\" " + c1 +
                " __meta_docker_port_private=\"8080\" __meta_docker_port_public=\"80\" "
                "__meta_docker_port_public_ip=\"0.0.0.0\"\n"
                "__address__=\"[fd00::5]:9100\" " +
                c1 +
                " __meta_docker_port_private=\"9100\"\n"
                "__address__=\"[fd00::5]:80\" __meta_docker_container_id=\"c2\" __meta_docker_container_image=\"side\" "
                "__meta_docker_container_name=\"/sidecar\" __meta_docker_container_network_mode=\"container:c1\" "
                "__meta_docker_network_id=\"n2\" __meta_docker_network_ingress=\"false\" "
                "__meta_docker_network_internal=\"true\" __meta_docker_network_ip=\"fd00::5\" "
                "__meta_docker_network_name=\"back\" __meta_docker_network_scope=\"local\"\n"
                "__address__=\"localhost\" __meta_docker_container_id=\"c3\" __meta_docker_container_image=\"agent\" "
                "__meta_docker_container_name=\"/agent\" __meta_docker_container_network_mode=\"host\"\n");
}

TEST_F(DockerTest, LongChainsOfSharedNetworksAreFollowedOnce) {
  std::string containers = R"([{"Id": "c0", "Names": ["/c0"], "HostConfig": {"NetworkMode": "front"},
      "NetworkSettings": {"Networks": {"front": {"NetworkID": "n1", "IPAddress": "172.20.0.5"}}}})";
  constexpr int kCount = 20'000;  // in each order: both ends of the chain come first for some
  for (int i = 1; i < kCount; ++i) {
    containers += fmt::format(R"(,{{"Id": "c{0}", "Names": ["/c{0}"], "HostConfig": {{"NetworkMode": "container:c{1}"}},
        "NetworkSettings": {{"Networks": {{}}}}}})",
                              (i * 7919) % kCount, (i * 7919) % kCount - 1);
  }
  Say("http://d:2375/containers/json", containers + "]");
  Discover("docker", Options());
  EXPECT_EQ(discovery_->status().last_error, "");
  EXPECT_EQ(discovery_->status().targets, static_cast<std::size_t>(kCount));
}

TEST_F(DockerTest, ACircleOfSharedNetworksIsAnError) {
  const auto container = [](const char* id, const char* other) {
    return fmt::format(R"({{"Id": "{0}", "Names": ["/{0}"], "HostConfig": {{"NetworkMode": "container:{1}"}}}})", id,
                       other);
  };
  Say("http://d:2375/containers/json",
      fmt::format("[{}, {}, {}]", container("a", "b"), container("b", "c"), container("c", "b")));
  EXPECT_EQ(Discover("docker", Options()), "containers share each other's network in a circle: b");
  Say("http://d:2375/containers/json", fmt::format("[{}]", container("a", "a")));
  EXPECT_EQ(Discover("docker", Options()), "containers share each other's network in a circle: a");
}

TEST_F(DockerTest, AllNetworksWhenAsked) {
  Discover("docker", Options(false));
  EXPECT_EQ(Addresses(),
            "[fd00::5]:8080 [fd00::5]:9100 172.20.0.5:8080 172.20.0.5:9100 [fd00::5]:80 172.20.0.5:80 localhost ");
  EXPECT_THAT(Targets(), HasSubstr("__meta_docker_network_label_a_b=\"x\""));
}

TEST_F(DockerTest, FiltersAndTheSocketGoIntoTheRequest) {
  Say("http://docker/containers/json?filters=%7B%22label%22%3A%5B%22a%3Db%22%2C%22c%22%5D%7D", "[]");
  Say("http://docker/networks", "[]");
  Values options = Options();
  options["host"] = "unix:///var/run/docker.sock";
  options["filters"] = std::vector<DiscoveryRecord>{Filter("label", {"a=b", "c"})};
  EXPECT_EQ(Discover("docker", options), "");
  ASSERT_EQ(servers_->requests.size(), 2U);
  EXPECT_EQ(servers_->requests[0].first.unix_socket, "/var/run/docker.sock");
}

TEST_F(DockerTest, WhatIsNotAsItShouldBeFailsTheRefresh) {
  Say("http://d:2375/networks", kNetworks, 500);
  EXPECT_EQ(Discover("docker", Options()), "networks: the server answered HTTP status 500");
  Say("http://d:2375/networks", R"([{"Id": {}}])");
  EXPECT_THAT(Discover("docker", Options()), HasSubstr("Id: expected a text"));
  Values options = Options();
  options["host"] = "npipe:////./pipe/docker_engine";
  EXPECT_THAT(Discover("docker", options), HasSubstr("expected unix:///path"));
}

TEST_F(DockerTest, ALabelIsNotCopiedForEachOfManyPorts) {
  std::string ports = R"({"PrivatePort": 1, "Type": "tcp"})";
  for (int i = 1; i < 50'000; ++i) ports += R"(,{"PrivatePort": 1, "Type": "tcp"})";
  Say("http://d:2375/containers/json",
      R"([{"Id": "c", "Names": ["/n"], "NetworkSettings": {"Networks": {"a": {"IPAddress": "1.1.1.1"}}}, )"
      R"("Labels": {"l": ")" +
          std::string(8 * 1024 * 1024, 'x') + R"("}, "Ports": [)" + ports + "]}]");
  EXPECT_EQ(Discover("docker", Options()), "labels of targets have more than 268435456 bytes");
}

constexpr const char* kNodes = R"([
  {"ID": "m1", "Spec": {"Role": "manager", "Availability": "active", "Labels": {"rack": "7"}},
   "Description": {"Hostname": "one", "Platform": {"Architecture": "x86_64", "OS": "linux"},
                   "Engine": {"EngineVersion": "26.1"}},
   "Status": {"State": "ready", "Addr": "10.1.0.1"},
   "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "10.1.0.1:2377"}},
  {"ID": "w1", "Spec": {"Role": "worker", "Availability": "drain", "Labels": {}},
   "Description": {"Hostname": "two", "Platform": {"Architecture": "arm64", "OS": "linux"},
                   "Engine": {"EngineVersion": "26.1"}},
   "Status": {"State": "down", "Addr": "10.1.0.2"}}])";

constexpr const char* kServices = R"([
  {"ID": "s1", "Spec": {"Name": "web", "Labels": {"env": "prod"}, "Mode": {"Replicated": {"Replicas": 2}},
    "TaskTemplate": {"ContainerSpec": {"Image": "web:3", "Hostname": "web-host"}}},
   "UpdateStatus": {"State": "completed"},
   "Endpoint": {"Ports": [{"Name": "http", "Protocol": "tcp", "PublishedPort": 8000, "PublishMode": "ingress"},
                          {"Protocol": "udp", "PublishedPort": 53}],
                "VirtualIPs": [{"NetworkID": "n1", "Addr": "10.0.0.3/24"}]}},
  {"ID": "s2", "Spec": {"Name": "job", "Mode": {"Global": {}}, "TaskTemplate": {}},
   "Endpoint": {"VirtualIPs": [{"NetworkID": "n9", "Addr": "10.0.0.9/24"}]}}])";

constexpr const char* kTasks = R"([
  {"ID": "t1", "ServiceID": "s1", "NodeID": "m1", "Slot": 2, "DesiredState": "running",
   "Spec": {"ContainerSpec": {"Labels": {"x.y": "z"}}},
   "Status": {"State": "running", "ContainerStatus": {"ContainerID": "cc"},
              "PortStatus": {"Ports": [{"Protocol": "tcp", "PublishedPort": 9001, "PublishMode": "host"}]}},
   "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": ["10.0.0.7/24"]}]},
  {"ID": "t2", "ServiceID": "s2", "NodeID": "gone", "DesiredState": "shutdown", "Spec": {},
   "Status": {"State": "failed"},
   "NetworksAttachments": [{"Network": {"ID": "n9"}, "Addresses": ["10.0.0.8/24"]}]}])";

class DockerSwarmTest : public ProviderTest {
 protected:
  DockerSwarmTest() {
    Say("http://d/nodes", kNodes);
    Say("http://d/services", kServices);
    Say("http://d/tasks", kTasks);
    Say("http://d/networks", kNetworks);
  }
  static Values Options(std::string role) {
    return {{"host", "http://d"}, {"filters", std::vector<DiscoveryRecord>{}}, {"role", std::move(role)}};
  }
};

TEST_F(DockerSwarmTest, Nodes) {
  EXPECT_EQ(Discover("dockerswarm", Options("nodes")),
            "__address__=\"10.1.0.1:80\" __meta_dockerswarm_node_address=\"10.1.0.1\" "
            "__meta_dockerswarm_node_availability=\"active\" __meta_dockerswarm_node_engine_version=\"26.1\" "
            "__meta_dockerswarm_node_hostname=\"one\" __meta_dockerswarm_node_id=\"m1\" "
            "__meta_dockerswarm_node_label_rack=\"7\" __meta_dockerswarm_node_manager_address=\"10.1.0.1:2377\" "
            "__meta_dockerswarm_node_manager_leader=\"true\" "
            "__meta_dockerswarm_node_manager_reachability=\"reachable\" "
            "__meta_dockerswarm_node_platform_architecture=\"x86_64\" __meta_dockerswarm_node_platform_os=\"linux\" "
            "__meta_dockerswarm_node_role=\"manager\" __meta_dockerswarm_node_status=\"ready\"\n"
            "__address__=\"10.1.0.2:80\" __meta_dockerswarm_node_address=\"10.1.0.2\" "
            "__meta_dockerswarm_node_availability=\"drain\" __meta_dockerswarm_node_engine_version=\"26.1\" "
            "__meta_dockerswarm_node_hostname=\"two\" __meta_dockerswarm_node_id=\"w1\" "
            "__meta_dockerswarm_node_platform_architecture=\"arm64\" __meta_dockerswarm_node_platform_os=\"linux\" "
            "__meta_dockerswarm_node_role=\"worker\" __meta_dockerswarm_node_status=\"down\"\n");
}

TEST_F(DockerSwarmTest, Services) {
  EXPECT_EQ(Discover("dockerswarm", Options("services")),
            "__address__=\"10.0.0.3:8000\" __meta_dockerswarm_network_id=\"n1\" "
            "__meta_dockerswarm_network_ingress=\"false\" __meta_dockerswarm_network_internal=\"false\" "
            "__meta_dockerswarm_network_label_a_b=\"x\" __meta_dockerswarm_network_name=\"front\" "
            "__meta_dockerswarm_network_scope=\"local\" __meta_dockerswarm_service_endpoint_port_name=\"http\" "
            "__meta_dockerswarm_service_endpoint_port_publish_mode=\"ingress\" __meta_dockerswarm_service_id=\"s1\" "
            "__meta_dockerswarm_service_label_env=\"prod\" __meta_dockerswarm_service_mode=\"replicated\" "
            "__meta_dockerswarm_service_name=\"web\" "
            "__meta_dockerswarm_service_task_container_hostname=\"web-host\" "
            "__meta_dockerswarm_service_task_container_image=\"web:3\" "
            "__meta_dockerswarm_service_updating_status=\"completed\"\n"
            "__address__=\"10.0.0.9:80\" __meta_dockerswarm_service_id=\"s2\" "
            "__meta_dockerswarm_service_mode=\"global\" __meta_dockerswarm_service_name=\"job\"\n");
}

TEST_F(DockerSwarmTest, Tasks) {
  EXPECT_NE(Discover("dockerswarm", Options("tasks")), "");
  EXPECT_EQ(Addresses(), "10.1.0.1:9001 10.0.0.7:8000 10.0.0.8:80 ");
  const std::string targets = Targets();
  for (const char* label :
       {"__meta_dockerswarm_container_label_x_y=\"z\"", "__meta_dockerswarm_node_hostname=\"one\"",
        "__meta_dockerswarm_service_name=\"web\"", "__meta_dockerswarm_service_mode=\"replicated\"",
        "__meta_dockerswarm_task_container_id=\"cc\"", "__meta_dockerswarm_task_desired_state=\"running\"",
        "__meta_dockerswarm_task_id=\"t1\"", "__meta_dockerswarm_task_port_publish_mode=\"host\"",
        "__meta_dockerswarm_task_port_publish_mode=\"ingress\"", "__meta_dockerswarm_task_slot=\"2\"",
        "__meta_dockerswarm_task_slot=\"0\"", "__meta_dockerswarm_task_state=\"failed\"",
        "__meta_dockerswarm_network_name=\"front\""}) {
    EXPECT_THAT(targets, HasSubstr(label));
  }
  EXPECT_THAT(targets, testing::Not(HasSubstr("engine_version"))) << "that is for the role nodes";
}

}  // namespace
}  // namespace baro::scraper

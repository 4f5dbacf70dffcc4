#include "scraper/discovery/consul_discovery.h"

#include "scraper/discovery/consul_options_for_tests.h"
#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/make_discovery.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kWeb = R"([
  {"Node": {"Node": "n1", "Address": "10.0.0.1", "Meta": {"rack-no": "7"}, "TaggedAddresses": {"lan": "10.0.0.1"}},
   "Service": {"ID": "web-1", "Service": "web", "Tags": ["blue", "v2"], "Address": "", "Port": 8080,
               "Meta": {"path": "/m"}, "Namespace": "team", "Partition": "default"},
   "Checks": [{"CheckID": "serfHealth", "Status": "passing"}, {"CheckID": "c", "Status": "warning"}]},
  {"Node": {"Node": "n2", "Address": "10.0.0.2"},
   "Service": {"ID": "web-2", "Service": "web", "Tags": null, "Address": "fd00::2", "Port": 8081},
   "Checks": []}])";

class ConsulTest : public DiscoveryTest {
 protected:
  void StartConsul(std::chrono::nanoseconds run = 1s) {
    auto discovery = MakeDiscovery(options_, Context());
    ASSERT_TRUE(discovery) << discovery.error().message();
    Start(*std::move(discovery));
    executor_.RunFor(run);
  }

  /// What is said at a path when it is asked with `index`; `next` is the index of the answer.
  void Say(const std::string& path, int index, std::string body, int next, std::chrono::milliseconds delay = 0ms,
           const std::string& more = "&dc=dc1") {
    servers_->At(fmt::format("http://c:8500/v1/{}?wait=120000ms&index={}{}", path, index, more)) = {
        .body = std::move(body), .delay = delay, .headers = {{"X-Consul-Index", std::to_string(next)}}};
  }
  std::vector<std::string> Urls() const {
    std::vector<std::string> urls;
    for (const auto& [request, options] : servers_->requests) urls.push_back(request.url);
    return urls;
  }

  std::map<std::string, DiscoveryValue, std::less<>>& values() { return options_.record.values; }

  DiscoveryOptions options_ = ConsulOptions();
};

TEST_F(ConsulTest, AllLabels) {
  Say("catalog/services", 0, R"({"web": ["blue", "v2"], "consul": []})", 5);
  Say("catalog/services", 5, "", 5, 2min);
  Say("health/service/web", 0, kWeb, 7);
  Say("health/service/web", 7, "", 7, 2min);
  Say("health/service/consul", 0, "[]", 3);
  Say("health/service/consul", 3, "", 3, 2min);
  StartConsul();
  EXPECT_EQ(Targets(),
            "__address__=\"10.0.0.1:8080\" __meta_consul_address=\"10.0.0.1\" __meta_consul_dc=\"dc1\" "
            "__meta_consul_health=\"warning\" __meta_consul_metadata_rack_no=\"7\" __meta_consul_namespace=\"team\" "
            "__meta_consul_node=\"n1\" __meta_consul_partition=\"default\" __meta_consul_service=\"web\" "
            "__meta_consul_service_id=\"web-1\" __meta_consul_service_metadata_path=\"/m\" "
            "__meta_consul_service_port=\"8080\" __meta_consul_tagged_address_lan=\"10.0.0.1\" "
            "__meta_consul_tags=\",blue,v2,\"\n"
            "__address__=\"[fd00::2]:8081\" __meta_consul_address=\"10.0.0.2\" __meta_consul_dc=\"dc1\" "
            "__meta_consul_health=\"passing\" __meta_consul_node=\"n2\" __meta_consul_service=\"web\" "
            "__meta_consul_service_address=\"fd00::2\" __meta_consul_service_id=\"web-2\" "
            "__meta_consul_service_port=\"8081\" __meta_consul_tags=\",,\"\n");
  executor_.RunFor(10min);
  EXPECT_EQ(updates_, 1) << "waits that end without news tell none";
  EXPECT_EQ(discovery_->status().targets, 2U);
}

TEST_F(ConsulTest, ServicesComeChangeAndGo) {
  Say("catalog/services", 0, R"({"web": []})", 5);
  Say("catalog/services", 5, R"({"db": [], "web": []})", 6, 40s);
  Say("catalog/services", 6, R"({"db": []})", 7, 60s);
  Say("catalog/services", 7, "", 7, 2min);
  const auto one = [](int port) {
    return fmt::format(R"([{{"Node": {{"Address": "a"}}, "Service": {{"Port": {}}}}}])", port);
  };
  Say("health/service/web", 0, one(1), 5);
  Say("health/service/web", 5, one(2), 6, 35s);
  Say("health/service/web", 6, "", 6, 2min);
  Say("health/service/db", 0, one(9), 5);
  Say("health/service/db", 5, "", 5, 2min);
  StartConsul();
  EXPECT_EQ(Addresses(), "a:1 ");
  executor_.RunFor(67s);
  EXPECT_EQ(Addresses(), "a:2 ") << "the second question comes after 30 s, its answer 35 s later";
  executor_.RunFor(5s);
  EXPECT_EQ(Addresses(), "a:9 a:2 ");
  executor_.RunFor(2min);
  EXPECT_EQ(Addresses(), "a:9 ");
}

TEST_F(ConsulTest, TheFirstTargetsAreThoseOfAllServices) {
  Say("catalog/services", 0, R"({"slow": [], "web": []})", 5);
  Say("catalog/services", 5, "", 5, 2min);
  Say("health/service/web", 0, kWeb, 7);
  Say("health/service/web", 7, "", 7, 2min);
  Say("health/service/slow", 0, R"([{"Node": {"Address": "s"}, "Service": {"Port": 1}}])", 7, 10s);
  StartConsul();
  EXPECT_EQ(updates_, 0);
  executor_.RunFor(10s);
  EXPECT_EQ(updates_, 1);
  EXPECT_EQ(Addresses(), "s:1 10.0.0.1:8080 [fd00::2]:8081 ");
}

TEST_F(ConsulTest, ParametersOfTheQuestions) {
  values()["datacenter"] = "";
  values()["namespace"] = "te am";
  values()["partition"] = "p";
  values()["allow_stale"] = true;
  values()["node_meta"] = std::map<std::string, std::string>{{"rack", "7"}};
  values()["tags"] = std::vector<std::string>{"blue", "v2"};
  values()["filter"] = "ServiceName != x";
  values()["health_filter"] = "Node.Node == n1";
  values()["services"] = std::vector<std::string>{"web", "db"};
  servers_->At("http://c:8500/v1/agent/self") = {.body = R"({"Config": {"Datacenter": "east"}})"};
  const std::string shared = "&ns=te%20am&partition=p&stale=&node-meta=rack%3A7";
  Say("catalog/services", 0, R"({"web": ["v2", "blue", "x"], "db": ["blue"], "other": ["blue", "v2"]})", 5, 0ms,
      shared + "&filter=ServiceName%20%21%3D%20x");
  Say("health/service/web", 0, kWeb, 7, 0ms, shared + "&tag=blue&tag=v2&filter=Node.Node%20%3D%3D%20n1");
  StartConsul();
  EXPECT_THAT(Targets(), HasSubstr("__meta_consul_dc=\"east\""));
  EXPECT_EQ(Urls().size(), 3U) << "web only is wanted: others are not of the services, or lack a tag";
}

TEST_F(ConsulTest, NamedServicesNeedNoCatalog) {
  values()["services"] = std::vector<std::string>{"web"};
  values()["server"] = "https://c:8501/";
  values()["path_prefix"] = "consul/";
  StartConsul();
  EXPECT_THAT(Urls(), ElementsAre("https://c:8501/consul/v1/health/service/web?wait=120000ms&index=0&dc=dc1"));
}

TEST_F(ConsulTest, AFailureKeepsWhatWasTold) {
  Say("catalog/services", 0, R"({"web": []})", 5);
  Say("catalog/services", 5, "", 5, 2min);
  Say("health/service/web", 0, kWeb, 7);
  StartConsul();
  EXPECT_EQ(Addresses(), "10.0.0.1:8080 [fd00::2]:8081 ");
  executor_.RunFor(10min);
  EXPECT_EQ(Addresses(), "10.0.0.1:8080 [fd00::2]:8081 ");
  EXPECT_EQ(discovery_->status().last_error, "web: connection refused");
  EXPECT_EQ(log_.size(), 1U);
  Say("health/service/web", 7, "{}", 8);
  executor_.RunFor(2min);
  EXPECT_EQ(discovery_->status().last_error, "web: expected a list of instances");
  Say("health/service/web", 7, "[]", 2);  // a new server, which counts anew
  Say("health/service/web", 0, "[]", 2, 1s);
  Say("health/service/web", 2, "", 2, 2min);
  executor_.RunFor(2min);
  EXPECT_EQ(discovery_->status().last_error, "");
  EXPECT_EQ(Addresses(), "");
}

TEST_F(ConsulTest, StopEndsAllQuestions) {
  Say("catalog/services", 0, R"({"web": []})", 5);
  Say("catalog/services", 5, "", 5, 2min);
  StartConsul();
  discovery_->Stop();
  const std::size_t asked = servers_->requests.size();
  executor_.RunFor(1h);
  EXPECT_EQ(servers_->requests.size(), asked);
  EXPECT_EQ(updates_, 1) << "that the one service could not be asked, before the end";
}

std::string Instances(std::size_t count) {
  std::string text = R"([{"Node": {"Address": "x"}})";
  for (std::size_t i = 1; i < count; ++i) text += R"(,{"Node": {"Address": "x"}})";
  return text + "]";
}

TEST_F(ConsulTest, TargetsOfAllServicesAreBounded) {
  values()["services"] = std::vector<std::string>{"a", "b"};
  Say("health/service/a", 0, Instances(60'000), 7);
  Say("health/service/a", 7, "", 7, 2min);
  Say("health/service/b", 0, Instances(40'001), 7, 10ms);
  StartConsul();
  EXPECT_EQ(discovery_->status().last_error, "b: with it there are more than 100000 targets");
  ASSERT_EQ(groups_.size(), 2U);
  EXPECT_EQ(groups_[0].targets.size(), 60'000U);
  EXPECT_EQ(groups_[1].targets.size(), 0U);
  Say("health/service/b", 0, Instances(40'000), 7);
  Say("health/service/b", 7, "", 7, 2min);
  executor_.RunFor(1min);
  EXPECT_EQ(discovery_->status().last_error, "");
  EXPECT_EQ(discovery_->status().targets, 100'000U);
}

TEST_F(ConsulTest, BytesOfAllServicesAreBounded) {
  const std::string a(8'000, 'a');  // each target has the name
  const std::string b(8'000, 'b');
  values()["services"] = std::vector<std::string>{a, b};
  Say("health/service/" + a, 0, Instances(20'000), 7);
  Say("health/service/" + a, 7, "", 7, 2min);
  Say("health/service/" + b, 0, Instances(20'000), 7, 10ms);
  StartConsul();
  EXPECT_EQ(discovery_->status().last_error, b + ": with it labels of targets have more than 268435456 bytes");
  ASSERT_EQ(groups_.size(), 2U);
  EXPECT_EQ(groups_[0].targets.size(), 20'000U);
}

std::vector<std::string> Names(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(fmt::format("s{}", i));
  return names;
}

TEST_F(ConsulTest, SomeServicesAtATimeAreAskedFirst) {
  values()["services"] = Names(200);
  for (const std::string& name : Names(200)) Say("health/service/" + name, 0, "[]", 7, 8s);
  StartConsul();
  EXPECT_EQ(servers_->requests.size(), 64U);
  executor_.RunFor(8s);
  EXPECT_EQ(servers_->requests.size(), 128U);
  executor_.RunFor(16s);
  EXPECT_EQ(servers_->requests.size(), 200U);
  executor_.RunFor(8s);
  EXPECT_EQ(updates_, 1);
}

TEST_F(ConsulTest, LargeAnswersAreAskedForAFewAtATime) {
  values()["services"] = Names(64);
  for (const std::string& name : Names(64)) {
    Say("health/service/" + name, 0, R"([{"Node": {"Address": "x"}, "Service": {"Port": 1}}])", 7, 100ms);
    servers_->At("http://c:8500/v1/health/service/" + name + "?wait=120000ms&index=0&dc=dc1").charged_bytes =
        kConsulBytesMax / 6;
    Say("health/service/" + name, 7, "", 7, 2min);
  }
  StartConsul(10s);
  EXPECT_EQ(updates_, 1);
  EXPECT_EQ(discovery_->status().last_error, "");
  EXPECT_EQ(discovery_->status().targets, 64U);
  EXPECT_EQ(Failures("consul"), 0);
  EXPECT_LE(servers_->requests.size(), 64U + 58U + 20U);
}

TEST_F(ConsulTest, AnAnswerThatIsTooLargeByItselfIsAnError) {
  values()["services"] = Names(3);
  for (const std::string& name : Names(3)) Say("health/service/" + name, 0, "[]", 7);
  servers_->At("http://c:8500/v1/health/service/s1?wait=120000ms&index=0&dc=dc1").charged_bytes = kConsulBytesMax + 1;
  StartConsul();
  EXPECT_EQ(discovery_->status().last_error, "s1: answers that are on their way have more than 134217728 bytes");
  EXPECT_EQ(updates_, 1);
}

TEST_F(ConsulTest, PlacesOfServicesThatGoAreGiven) {
  std::string catalog = "{";
  for (const std::string& name : Names(100)) {
    catalog += fmt::format("{}\"{}\": []", catalog.size() > 1 ? "," : "", name);
    Say("health/service/" + name, 0, "[]", 7, 1min);
  }
  Say("catalog/services", 0, catalog + "}", 5);
  Say("catalog/services", 5, R"({"new": []})", 6, 1s);
  Say("catalog/services", 6, "", 6, 2min);
  Say("health/service/new", 0, kWeb, 7);
  Say("health/service/new", 7, "", 7, 2min);
  StartConsul();
  EXPECT_EQ(servers_->requests.size(), 65U);
  executor_.RunFor(32s);
  EXPECT_EQ(Addresses(), "10.0.0.1:8080 [fd00::2]:8081 ");
}

TEST_F(ConsulTest, ManyServicesThatAreDownAreAFewLines) {
  values()["services"] = Names(500);
  StartConsul();
  EXPECT_EQ(log_.size(), 5U);
  executor_.RunFor(10min);
  ASSERT_EQ(log_.size(), 6U) << "each error is new once";
  EXPECT_THAT(log_[5], HasSubstr("discovery failed for 495 more services"));
  EXPECT_GT(Failures("consul"), 2'000);
}

TEST(ConsulAnswer, HealthIsTheWorst) {
  const auto health = [](const std::string& checks) {
    const auto group = ParseConsulInstances(R"([{"Node": {"Address": "a"}, "Checks": [)" + checks + "]}]", {});
    return group ? group->targets[0].at("__meta_consul_health") : group.error().message();
  };
  EXPECT_EQ(health(""), "passing");
  EXPECT_EQ(health(R"({"Status": "critical"}, {"Status": "warning"})"), "critical");
  EXPECT_EQ(health(R"({"CheckID": "_node_maintenance", "Status": "critical"})"), "maintenance");
  EXPECT_EQ(health(R"({"CheckID": "_service_maintenance:web", "Status": "critical"}, {"Status": "critical"})"),
            "maintenance");
}

}  // namespace
}  // namespace baro::scraper

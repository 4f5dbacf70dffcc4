// Tables of what runs or registers services: recorded-like answers, all labels.
#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

class ClusterTest : public ProviderTest {};

TEST_F(ClusterTest, Nomad) {
  Say("http://n:4646/v1/services?namespace=default&region=global&stale=",
      R"([{"Namespace": "default", "Services": [{"ServiceName": "web app", "Tags": ["a"]}, {"ServiceName": "db"}]},
      {"Namespace": "other", "Services": null}])");
  Say("http://n:4646/v1/service/web%20app?namespace=default&region=global&stale=",
      R"([{"ID": "id1", "ServiceName": "web app", "Address": "10.0.0.1", "Port": 8080, "Datacenter": "dc1",
      "NodeID": "node1", "Namespace": "default", "Tags": ["a", "b"]}])");
  Say("http://n:4646/v1/service/db?namespace=default&region=global&stale=", "[]");
  EXPECT_EQ(Discover("nomad", {{"server", "http://n:4646"},
                               {"namespace", "default"},
                               {"region", "global"},
                               {"allow_stale", true},
                               {"tag_separator", ","}}),
            "__address__=\"10.0.0.1:8080\" __meta_nomad_address=\"10.0.0.1\" __meta_nomad_dc=\"dc1\" "
            "__meta_nomad_namespace=\"default\" __meta_nomad_node_id=\"node1\" __meta_nomad_service=\"web app\" "
            "__meta_nomad_service_address=\"10.0.0.1\" __meta_nomad_service_id=\"id1\" "
            "__meta_nomad_service_port=\"8080\" __meta_nomad_tags=\",a,b,\"\n");
}

TEST_F(ClusterTest, Puppetdb) {
  Say("http://p/base/pdb/query/v4",
      R"([{"certname": "h.example", "resource": "49af", "type": "Class", "title": "Nginx", "exported": false,
      "tags": ["nginx", "class"], "file": "/etc/site.pp", "environment": "prod",
      "parameters": {"port": 443, "tls": true, "a-b": ["x", 1, false], "none": null, "sub": {"k.1": "v",
      "empty": []}}}])");
  const std::string shared =
      "__address__=\"h.example:80\" __meta_puppetdb_certname=\"h.example\" __meta_puppetdb_environment=\"prod\" "
      "__meta_puppetdb_exported=\"false\" __meta_puppetdb_file=\"/etc/site.pp\"";
  const std::string rest =
      " __meta_puppetdb_query=\"resources {}\" __meta_puppetdb_resource=\"49af\" "
      "__meta_puppetdb_tags=\",nginx,class,\" __meta_puppetdb_title=\"Nginx\" __meta_puppetdb_type=\"Class\"\n";
  Values options{{"url", "http://p/base"}, {"query", "resources {}"}, {"include_parameters", false}};
  EXPECT_EQ(Discover("puppetdb", options), shared + rest);
  EXPECT_EQ(servers_->requests[0].first.method, net::Method::kPost);
  EXPECT_EQ(servers_->requests[0].first.body, R"({"query":"resources {}"})");
  options["include_parameters"] = true;
  EXPECT_EQ(Discover("puppetdb", options),
            shared +
                " __meta_puppetdb_parameter_a_b=\"x,1,false\" __meta_puppetdb_parameter_port=\"443\" "
                "__meta_puppetdb_parameter_sub_k_1=\"v\" __meta_puppetdb_parameter_tls=\"true\"" +
                rest);
}

TEST_F(ClusterTest, Eureka) {
  Say("http://e:8761/eureka/apps", R"(<applications><versions__delta>1</versions__delta>
    <application><name>SHOP</name><instance><instanceId>h:shop:1</instanceId><hostName>h.example</hostName>
      <app>SHOP</app><ipAddr>10.0.0.1</ipAddr><status>UP</status><port enabled="true">8080</port>
      <securePort enabled="false">8443</securePort><countryId>1</countryId>
      <dataCenterInfo class="x"><name>MyOwn</name><metadata><instance-id>i-1</instance-id></metadata></dataCenterInfo>
      <metadata><management.port>8090</management.port></metadata>
      <homePageUrl>http://h/</homePageUrl><statusPageUrl>http://h/info</statusPageUrl>
      <healthCheckUrl>http://h/health</healthCheckUrl><vipAddress>shop</vipAddress>
      <secureVipAddress>shops</secureVipAddress></instance></application>
    <application><name>BARE</name><instance><instanceId>b</instanceId><hostName>b.example</hostName>
      <metadata class="java.util.Collections$EmptyMap"/></instance></application></applications>)");
  EXPECT_EQ(Discover("eureka", {{"server", "http://e:8761/eureka"}}),
            "__address__=\"h.example:8080\" __meta_eureka_app_instance_country_id=\"1\" "
            "__meta_eureka_app_instance_datacenterinfo_metadata_instance_id=\"i-1\" "
            "__meta_eureka_app_instance_datacenterinfo_name=\"MyOwn\" "
            "__meta_eureka_app_instance_healthcheck_url=\"http://h/health\" "
            "__meta_eureka_app_instance_homepage_url=\"http://h/\" __meta_eureka_app_instance_hostname=\"h.example\" "
            "__meta_eureka_app_instance_id=\"h:shop:1\" __meta_eureka_app_instance_ip_addr=\"10.0.0.1\" "
            "__meta_eureka_app_instance_metadata_management_port=\"8090\" __meta_eureka_app_instance_port=\"8080\" "
            "__meta_eureka_app_instance_port_enabled=\"true\" __meta_eureka_app_instance_secure_port=\"8443\" "
            "__meta_eureka_app_instance_secure_port_enabled=\"false\" "
            "__meta_eureka_app_instance_secure_vip_address=\"shops\" __meta_eureka_app_instance_status=\"UP\" "
            "__meta_eureka_app_instance_statuspage_url=\"http://h/info\" "
            "__meta_eureka_app_instance_vip_address=\"shop\" __meta_eureka_app_name=\"SHOP\" instance=\"h:shop:1\"\n"
            "__address__=\"b.example:80\" __meta_eureka_app_instance_country_id=\"0\" "
            "__meta_eureka_app_instance_hostname=\"b.example\" __meta_eureka_app_instance_id=\"b\" "
            "__meta_eureka_app_name=\"BARE\" instance=\"b\"\n");
}

TEST_F(ClusterTest, Marathon) {
  Say("http://m:8080/v2/apps/?embed=apps.tasks", R"({"apps": [
    {"id": "/mapped", "labels": {"team-x": "y"}, "container": {"docker": {"image": "i:1"},
      "portMappings": [{"containerPort": 80, "hostPort": 0, "labels": {"m": "1"}}, {"hostPort": 9001}]},
     "tasks": [{"id": "t1", "host": "a", "ports": [31000, 31001]}]},
    {"id": "/net", "networks": [{"mode": "container"}], "container": {"portMappings": [{"containerPort": 80}]},
     "tasks": [{"id": "t2", "host": "b", "ipAddresses": [{"ipAddress": "10.0.0.2"}]}]},
    {"id": "/defined", "requirePorts": true, "portDefinitions": [{"port": 1234, "labels": {"d": "2"}}],
     "tasks": [{"id": "t3", "host": "c", "ports": [1234]}]},
    {"id": "/plain", "tasks": [{"id": "t4", "host": "d", "ports": [5]}, {"id": "t5", "host": "e", "ports": [6]}]}]})");
  EXPECT_EQ(
      Discover("marathon", {{"servers", std::vector<std::string>{"http://m:8080/"}}, {"auth_token", Secret("tok")}}),
      "__address__=\"a:31000\" __meta_marathon_app=\"/mapped\" __meta_marathon_app_label_team_x=\"y\" "
      "__meta_marathon_image=\"i:1\" __meta_marathon_port_index=\"0\" __meta_marathon_port_mapping_label_m=\"1\" "
      "__meta_marathon_task=\"t1\"\n"
      "__address__=\"a:9001\" __meta_marathon_app=\"/mapped\" __meta_marathon_app_label_team_x=\"y\" "
      "__meta_marathon_image=\"i:1\" __meta_marathon_port_index=\"1\" __meta_marathon_task=\"t1\"\n"
      "__address__=\"10.0.0.2:80\" __meta_marathon_app=\"/net\" __meta_marathon_port_index=\"0\" "
      "__meta_marathon_task=\"t2\"\n"
      "__address__=\"c:1234\" __meta_marathon_app=\"/defined\" __meta_marathon_port_definition_label_d=\"2\" "
      "__meta_marathon_port_index=\"0\" __meta_marathon_task=\"t3\"\n"
      "__address__=\"d:5\" __meta_marathon_app=\"/plain\" __meta_marathon_port_index=\"0\" "
      "__meta_marathon_task=\"t4\"\n"
      "__address__=\"e:6\" __meta_marathon_app=\"/plain\" __meta_marathon_port_index=\"0\" "
      "__meta_marathon_task=\"t5\"\n");
  EXPECT_EQ(servers_->requests[0].first.headers.Get("Authorization"), "token=tok");
}

TEST_F(ClusterTest, Triton) {
  Values options{{"role", "container"},
                 {"endpoint", "cmon.example"},
                 {"dns_suffix", "t.example"},
                 {"version", std::int64_t{1}},
                 {"groups", std::vector<std::string>{"a", "b"}},
                 {"port", std::int64_t{9163}}};
  Say("https://cmon.example:9163/v1/discover?groups=a%2Cb",
      R"({"containers": [{"groups": ["a"], "server_uuid": "srv", "vm_alias": "al", "vm_brand": "lx",
      "vm_image_uuid": "img", "vm_uuid": "vm1"}]})");
  EXPECT_EQ(Discover("triton", options),
            "__address__=\"vm1.t.example:9163\" __meta_triton_groups=\",a,\" __meta_triton_machine_alias=\"al\" "
            "__meta_triton_machine_brand=\"lx\" __meta_triton_machine_id=\"vm1\" __meta_triton_machine_image=\"img\" "
            "__meta_triton_server_id=\"srv\"\n");
  options["role"] = "cn";
  options["groups"] = std::vector<std::string>{};
  Say("https://cmon.example:9163/v1/gz/discover", R"({"cns": [{"server_uuid": "cn1", "server_hostname": "node1"}]})");
  EXPECT_EQ(Discover("triton", options),
            "__address__=\"cn1.t.example:9163\" __meta_triton_machine_alias=\"node1\" "
            "__meta_triton_machine_id=\"cn1\"\n");
}

TEST_F(ClusterTest, Kuma) {
  const std::string url = "http://k:5676/v3/discovery:monitoringassignments";
  Say(url, R"({"version_info": "7", "resources": [
    {"@type": "type.googleapis.com/kuma.observability.v1.MonitoringAssignment", "mesh": "default", "service": "web",
     "labels": {"team-a": "x"}, "targets": [{"name": "dp-1", "scheme": "http", "address": "10.0.0.1:5670",
       "metrics_path": "/metrics", "labels": {"team-a": "ignored", "own": "y"}}]}]})");
  EXPECT_EQ(Discover("kuma", {{"server", "http://k:5676"}, {"client_id", "me"}}),
            "__address__=\"10.0.0.1:5670\" __meta_kuma_dataplane=\"dp-1\" __meta_kuma_label_own=\"y\" "
            "__meta_kuma_label_team_a=\"x\" __meta_kuma_mesh=\"default\" __meta_kuma_service=\"web\" "
            "__metrics_path__=\"/metrics\" __scheme__=\"http\" instance=\"dp-1\"\n");
  EXPECT_THAT(servers_->requests[0].first.body, HasSubstr(R"("node":{"id":"me"})"));
  Say(url, R"({"resources": [{"@type": "other"}]})");
  EXPECT_THAT(Discover("kuma", {{"server", "http://k:5676"}, {"client_id", ""}}), HasSubstr("found other"));
}

}  // namespace
}  // namespace baro::scraper

// Tables of hosting companies whose requests are signed, and of Uyuni.
#include "scraper/discovery/xml_answer.h"
#include "scraper/providers/provider_fixture.h"
#include "scraper/providers/xml_rpc.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HostingTest : public ProviderTest {
 protected:
  const net::FetchRequest& Request(std::size_t index) const { return servers_->requests.at(index).first; }
  static std::string Header(const net::FetchRequest& request, std::string_view name) {
    return std::string(request.headers.Get(name));
  }
};

class OvhTest : public HostingTest {
 protected:
  static constexpr const char* kBase = "https://eu.api.ovh.com/1.0";

  Values Options(const std::string& service) {
    return {{"endpoint", "ovh-eu"},
            {"application_key", "ak"},
            {"application_secret", Secret("as")},
            {"consumer_key", Secret("ck")},
            {"service", service}};
  }
  void SayAt(const std::string& path, std::string body, int status = 200) {
    Say(kBase + path, std::move(body), status);
  }

  void SetUp() override { SayAt("/auth/time", "1699999995"); }  // five seconds behind this clock
};

TEST_F(OvhTest, DedicatedServers) {
  SayAt("/dedicated/server", R"(["abcde", "old", "gone", "six/ty"])");
  SayAt("/dedicated/server/abcde", R"({"ip": "203.0.113.4", "commercialRange": "Advance-1", "rack": "R1",
    "supportLevel": "pro", "linkSpeed": 1000, "noIntervention": false, "name": "abcde", "state": "ok",
    "datacenter": "gra3", "os": "debian11_64", "reverse": "abcde.example", "serverId": 1234, "rootDevice": null})");
  SayAt("/dedicated/server/abcde/ips",
        R"(["203.0.113.9/31", "203.0.113.4/32", "0.0.0.0", "2001:0db8:0000:0000:0000:0000:0000:0001/64"])");
  SayAt("/dedicated/server/old", R"({"message": "This service is expired"})", 460);
  SayAt("/dedicated/server/old/ips", R"({"message": "This service is expired"})", 460);
  SayAt("/dedicated/server/gone", "{}", 404);
  SayAt("/dedicated/server/gone/ips", "{}", 404);
  SayAt("/dedicated/server/six%2Fty", R"({"name": "six/ty", "noIntervention": true})");
  SayAt("/dedicated/server/six%2Fty/ips", R"(["2001:0db8:0::2"])");
  EXPECT_EQ(
      Discover("ovhcloud", Options("dedicated_server")),
      "__address__=\"203.0.113.4\" __meta_ovhcloud_dedicated_server_commercial_range=\"Advance-1\" "
      "__meta_ovhcloud_dedicated_server_datacenter=\"gra3\" __meta_ovhcloud_dedicated_server_ipv4=\"203.0.113.4\" "
      "__meta_ovhcloud_dedicated_server_link_speed=\"1000\" __meta_ovhcloud_dedicated_server_name=\"abcde\" "
      "__meta_ovhcloud_dedicated_server_no_intervention=\"false\" "
      "__meta_ovhcloud_dedicated_server_os=\"debian11_64\" __meta_ovhcloud_dedicated_server_rack=\"R1\" "
      "__meta_ovhcloud_dedicated_server_reverse=\"abcde.example\" "
      "__meta_ovhcloud_dedicated_server_server_id=\"1234\" __meta_ovhcloud_dedicated_server_state=\"ok\" "
      "__meta_ovhcloud_dedicated_server_support_level=\"pro\" instance=\"abcde\"\n"
      "__address__=\"2001:db8::2\" __meta_ovhcloud_dedicated_server_ipv6=\"2001:db8::2\" "
      "__meta_ovhcloud_dedicated_server_link_speed=\"0\" __meta_ovhcloud_dedicated_server_name=\"six/ty\" "
      "__meta_ovhcloud_dedicated_server_no_intervention=\"true\" "
      "__meta_ovhcloud_dedicated_server_server_id=\"0\" instance=\"six/ty\"\n");
  EXPECT_EQ(Header(Request(0), "X-Ovh-Signature"), "") << "the time is asked for without a name";
  EXPECT_EQ(Header(Request(1), "X-Ovh-Application"), "ak");
  EXPECT_EQ(Header(Request(1), "X-Ovh-Consumer"), "ck");
  EXPECT_EQ(Header(Request(1), "X-Ovh-Timestamp"), "1699999995");
  EXPECT_EQ(Header(Request(1), "X-Ovh-Signature"), "$1$9fc5a07327b44252953435a4f8ee05cd31266aed");
}

TEST_F(OvhTest, PrivateServers) {
  SayAt("/vps", R"(["v1"])");
  SayAt("/vps/v1", R"({"offerType": "ssd", "displayName": "shop", "zone": "Region1", "cluster": "c1", "name": "v1",
    "vcore": 1, "state": "running", "keymap": null, "netbootMode": "local", "memoryLimit": 2048,
    "model": {"name": "vps-value", "maximumAdditionnalIp": 16, "offer": "VPS v", "disk": 40, "version": "2019v1",
              "vcore": 2, "memory": 4096, "datacenter": ["GRA", "SBG"]}})");
  SayAt("/vps/v1/ips", R"(["192.0.2.1/32", "2001:db8::3"])");
  EXPECT_EQ(Discover("ovhcloud", Options("vps")),
            "__address__=\"192.0.2.1\" __meta_ovhcloud_vps_cluster=\"c1\" "
            "__meta_ovhcloud_vps_datacenter=\"[GRA SBG]\" __meta_ovhcloud_vps_disk=\"40\" "
            "__meta_ovhcloud_vps_display_name=\"shop\" __meta_ovhcloud_vps_ipv4=\"192.0.2.1\" "
            "__meta_ovhcloud_vps_ipv6=\"2001:db8::3\" __meta_ovhcloud_vps_maximum_additional_ip=\"16\" "
            "__meta_ovhcloud_vps_memory=\"4096\" __meta_ovhcloud_vps_memory_limit=\"2048\" "
            "__meta_ovhcloud_vps_model_name=\"vps-value\" __meta_ovhcloud_vps_model_vcore=\"2\" "
            "__meta_ovhcloud_vps_name=\"v1\" __meta_ovhcloud_vps_netboot_mode=\"local\" "
            "__meta_ovhcloud_vps_offer=\"VPS v\" __meta_ovhcloud_vps_offer_type=\"ssd\" "
            "__meta_ovhcloud_vps_state=\"running\" __meta_ovhcloud_vps_vcore=\"1\" "
            "__meta_ovhcloud_vps_version=\"2019v1\" __meta_ovhcloud_vps_zone=\"Region1\" instance=\"v1\"\n");
  EXPECT_EQ(Header(Request(1), "X-Ovh-Signature"), "$1$556ae272bed8b87aee5dab65edef68651e09eb85");
}

TEST_F(OvhTest, WhatIsNotAsExpected) {
  SayAt("/vps", R"(["v1"])");
  SayAt("/vps/v1", "{}", 403);
  EXPECT_EQ(Discover("ovhcloud", Options("vps")), "vps: the server answered HTTP status 403");
  SayAt("/vps/v1", R"({"name": "v1"})");
  SayAt("/vps/v1/ips", R"(["here"])");
  EXPECT_EQ(Discover("ovhcloud", Options("vps")), "\"here\" is no address");
  SayAt("/auth/time", R"({"time": 1})");
  EXPECT_EQ(Discover("ovhcloud", Options("vps")), "clock: the time of the server is no number");
  Values values = Options("vps");
  values["endpoint"] = "ovh-mars";
  EXPECT_THAT(Discover("ovhcloud", values), StartsWith("unknown endpoint \"ovh-mars\": want one of ovh-eu, ovh-ca"));
  values["endpoint"] = "http://ovh.example/x/";
  Say("http://ovh.example/x/auth/time", "1");
  Say("http://ovh.example/x/vps", "[]");
  EXPECT_EQ(Discover("ovhcloud", values), "");
}

TEST_F(HostingTest, Outscale) {
  servers_->key = [](const net::FetchRequest& request) { return request.url + " " + request.body; };
  const std::string url = "https://api.eu-west-2.outscale.com/api/v1/ReadVms ";
  Say(url + "{}", R"({"Vms": [{"VmId": "i-1", "State": "running", "PrivateIp": "10.0.0.4", "PublicIp": "203.0.113.4",
    "Placement": {"SubregionName": "eu-west-2a", "Tenancy": "default"},
    "Tags": [{"Key": "Name", "Value": "web"}, {"Key": "a/b", "Value": "1"}, {"Key": "", "Value": "x"}, {"Key": "e",
    "Value": ""}]}, {"VmId": "i-2", "State": "pending"}], "NextPageToken": "t/1"})");
  Say(url + R"({"NextPageToken":"t/1"})",
      R"({"Vms": [{"VmId": "i-3", "State": "stopped", "PublicIp": "203.0.113.5"}]})");
  const Values values = {{"endpoint", ""}, {"region", "eu-west-2"}, {"access_key", "AK"}, {"secret_key", Secret("SK")}};
  EXPECT_EQ(Discover("outscale", values),
            "__address__=\"10.0.0.4:80\" __meta_outscale_vm_instance_id=\"i-1\" "
            "__meta_outscale_vm_private_ip=\"10.0.0.4\" __meta_outscale_vm_public_ip=\"203.0.113.4\" "
            "__meta_outscale_vm_region=\"eu-west-2\" __meta_outscale_vm_state=\"running\" "
            "__meta_outscale_vm_subregion=\"eu-west-2a\" __meta_outscale_vm_tag_Name=\"web\" "
            "__meta_outscale_vm_tag_a_b=\"1\"\n"
            "__address__=\"203.0.113.5:80\" __meta_outscale_vm_instance_id=\"i-3\" "
            "__meta_outscale_vm_public_ip=\"203.0.113.5\" __meta_outscale_vm_region=\"eu-west-2\" "
            "__meta_outscale_vm_state=\"stopped\"\n");
  EXPECT_EQ(Request(0).method, net::Method::kPost);
  EXPECT_THAT(Header(Request(1), "Authorization"),
              StartsWith("AWS4-HMAC-SHA256 Credential=AK/20231114/eu-west-2/oapi/aws4_request, SignedHeaders="));
}

TEST(XmlRpc, CallsAndAnswers) {
  EXPECT_EQ(XmlRpcCall("a.b", std::vector<Json>{"<&>", 7, Json::array({1, 2})}),
            "<?xml version=\"1.0\"?><methodCall><methodName>a.b</methodName><params>"
            "<param><value><string>&lt;&amp;&gt;</string></value></param><param><value><int>7</int></value></param>"
            "<param><value><array><data><value><int>1</int></value><value><int>2</int></value></data></array></value>"
            "</param></params></methodCall>");
  const auto read = [](const std::string& value) {
    const auto document =
        ParseXmlAnswer("<methodResponse><params><param><value>" + value + "</value></param></params></methodResponse>");
    EXPECT_TRUE(document);
    const auto answer = ReadXmlRpcAnswer(*document);
    return answer ? answer->dump() : answer.error().message();
  };
  EXPECT_EQ(read("plain"), R"("plain")");
  EXPECT_EQ(read("<string>a&lt;b</string>"), R"("a<b")");
  EXPECT_EQ(read("<i4>7</i4>"), R"("7")");
  EXPECT_EQ(read("<boolean>1</boolean>"), "true");
  EXPECT_EQ(read("<boolean>0</boolean>"), "false");
  EXPECT_EQ(read("<array><data></data></array>"), "[]");
  EXPECT_EQ(read("<array><data><value>a</value><value><int>1</int></value></data></array>"), R"(["a","1"])");
  EXPECT_EQ(read("<struct/>"), "{}");
  EXPECT_EQ(read("<struct><member><name>a</name><value><array><data><value><struct><member><name>b</name>"
                 "<value>c</value></member></struct></value></data></array></value></member></struct>"),
            R"({"a":[{"b":"c"}]})");
  EXPECT_EQ(read("<int>1</int><int>2</int>"), "a value of type int is no text");
  EXPECT_EQ(read("<int>1</int><i4>2</i4>"), "a value is of no or several types");
  EXPECT_EQ(read("<struct><member><value>c</value></member></struct>"), "a member of a struct has no name or value");
  const auto fault = ParseXmlAnswer(
      "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>2950</int></value></member>"
      "<member><name>faultString</name><value>Either the password or username is incorrect.</value></member></struct>"
      "</value></fault></methodResponse>");
  EXPECT_EQ(ReadXmlRpcAnswer(*fault).error().message(),
            "the server says: Either the password or username is incorrect. (fault 2950)");
  EXPECT_FALSE(ReadXmlRpcAnswer(Json::object()));
}

class UyuniTest : public HostingTest {
 protected:
  void SetUp() override {
    servers_->key = [](const net::FetchRequest& request) {
      const std::size_t from = request.body.find("<methodName>") + 12;
      return request.url + " " + request.body.substr(from, request.body.find('<', from) - from);
    };
    SayTo("auth.login", "<value><string>tok&amp;en</string></value>");
    SayTo("system.listSystemGroupsForSystemsWithEntitlement",
          Array(Struct({{"id", "<int>10</int>"},
                        {"system_groups", "<array><data><value>" + Struct({{"id", "<int>1</int>"}, {"name", "prod"}}) +
                                              "</value><value>" + Struct({{"id", "<int>2</int>"}, {"name", "web"}}) +
                                              "</value></data></array>"}})));
    SayTo("system.monitoring.listEndpoints", Array(Struct({{"system_id", "<int>10</int>"},
                                                           {"endpoint_name", "node"},
                                                           {"exporter_name", "node_exporter"},
                                                           {"module", ""},
                                                           {"path", ""},
                                                           {"port", "<int>9100</int>"},
                                                           {"tls_enabled", "<boolean>0</boolean>"}}),
                                                   Struct({{"system_id", "<int>10</int>"},
                                                           {"endpoint_name", "pg"},
                                                           {"exporter_name", "postgres_exporter"},
                                                           {"module", "postgres"},
                                                           {"path", "/proxy"},
                                                           {"port", "<int>9999</int>"},
                                                           {"tls_enabled", "<boolean>1</boolean>"}})));
    SayTo("system.getNetworkForSystems", Array(Struct({{"system_id", "<int>10</int>"},
                                                       {"ip", "10.0.0.10"},
                                                       {"hostname", "m1"},
                                                       {"primary_fqdn", "m1.example"}})));
    SayTo("auth.logout", "<value><int>1</int></value>");
  }

  void SayTo(const std::string& method, const std::string& value, int status = 200) {
    Say("https://uyuni.example/rpc/api " + method,
        "<?xml version=\"1.0\"?><methodResponse><params><param>" + value + "</param></params></methodResponse>",
        status);
  }
  static std::string Struct(const std::vector<std::pair<std::string, std::string>>& members) {
    std::string text;
    for (const auto& [name, value] : members) {
      text += "<member><name>" + name + "</name><value>" + value + "</value></member>";
    }
    return "<struct>" + text + "</struct>";
  }
  template <typename... Items>
  static std::string Array(const Items&... items) {
    return "<value><array><data>" + (("<value>" + items + "</value>") + ...) + "</data></array></value>";
  }

  Values values_ = {{"server", "https://uyuni.example/"},
                    {"username", "u"},
                    {"password", Secret("p<w")},
                    {"entitlement", "monitoring_entitled"},
                    {"separator", ","}};
};

TEST_F(UyuniTest, Endpoints) {
  EXPECT_EQ(Discover("uyuni", values_),
            "__address__=\"m1:9100\" __meta_uyuni_endpoint_name=\"node\" __meta_uyuni_exporter=\"node_exporter\" "
            "__meta_uyuni_groups=\"prod,web\" __meta_uyuni_minion_hostname=\"m1\" "
            "__meta_uyuni_primary_fqdn=\"m1.example\" __meta_uyuni_scheme=\"http\" __meta_uyuni_system_id=\"10\"\n"
            "__address__=\"m1:9999\" __meta_uyuni_endpoint_name=\"pg\" __meta_uyuni_exporter=\"postgres_exporter\" "
            "__meta_uyuni_groups=\"prod,web\" __meta_uyuni_metrics_path=\"/proxy\" __meta_uyuni_minion_hostname=\"m1\" "
            "__meta_uyuni_primary_fqdn=\"m1.example\" __meta_uyuni_proxy_module=\"postgres\" "
            "__meta_uyuni_scheme=\"https\" __meta_uyuni_system_id=\"10\"\n");
  ASSERT_EQ(servers_->requests.size(), 5U);
  EXPECT_THAT(Request(0).body, HasSubstr("<string>p&lt;w</string></value></param><param><value><int>600</int>"));
  EXPECT_THAT(Request(2).body, HasSubstr("<string>tok&amp;en</string></value></param><param><value><array><data>"
                                         "<value><int>10</int></value></data></array>"));
  for (const auto& [request, options] : servers_->requests) EXPECT_EQ(options.redirects_max, 0U);
}

TEST_F(UyuniTest, NoSystemsAndErrors) {
  SayTo("auth.logout", "", 500);
  SayTo("system.listSystemGroupsForSystemsWithEntitlement", "<value><array><data></data></array></value>");
  EXPECT_EQ(Discover("uyuni", values_), "");
  EXPECT_EQ(servers_->requests.size(), 3U) << "nothing to ask for; that the logout fails is no matter";
  SayTo("system.listSystemGroupsForSystemsWithEntitlement", "<value>x</value>");
  EXPECT_EQ(Discover("uyuni", values_), "systems: system groups: expected a list");
  Say("https://uyuni.example/rpc/api auth.login",
      "<methodResponse><fault><value><struct><member><name>faultString</name><value>no</value></member></struct>"
      "</value></fault></methodResponse>");
  EXPECT_EQ(Discover("uyuni", values_), "token: login: the server says: no (fault )");
}

}  // namespace
}  // namespace baro::scraper

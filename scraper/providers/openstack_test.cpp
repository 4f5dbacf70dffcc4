#include "scraper/discovery/target_list.h"
#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

constexpr const char* kCatalog = R"({"token": {"catalog": [
  {"type": "identity", "endpoints": [{"interface": "public", "region": "R", "url": "http://id/v3"}]},
  {"type": "compute", "endpoints": [{"interface": "internal", "region": "R", "url": "http://inner/v2.1"},
     {"interface": "public", "region": "Q", "url": "http://q/v2.1"},
     {"interface": "public", "region_id": "R", "url": "http://nova/v2.1/"}]},
  {"type": "network", "endpoints": [{"interface": "public", "region": "R", "url": "http://net/v2.0"}]},
  {"type": "load-balancer", "endpoints": [{"interface": "public", "region": "R", "url": "http://lb/load"}]}]}})";

class OpenstackTest : public ProviderTest {
 protected:
  OpenstackTest() {
    SayToken("http://id/identity/v3/auth/tokens", kCatalog);
    Say("http://net/v2.0/floatingips", R"({"floatingips": []})");
    Say("http://net/v2.0/ports", R"({"ports": []})");
  }

  static Values Options(std::string role) {
    return {{"identity_endpoint", "http://id/identity/"},
            {"username", "u"},
            {"userid", ""},
            {"password", Secret("pw")},
            {"project_name", "proj"},
            {"project_id", ""},
            {"domain_name", "Default"},
            {"domain_id", ""},
            {"application_credential_name", ""},
            {"application_credential_id", ""},
            {"application_credential_secret", Secret("")},
            {"role", std::move(role)},
            {"region", "R"},
            {"all_tenants", false},
            {"availability", "public"}};
  }
  void SayToken(const std::string& url, const std::string& body) {
    Say(url, body, 201);
    servers_->At(url).headers.Set("X-Subject-Token", "KT");
  }
  /// What Keystone was asked.
  Json Auth() const { return Json::parse(servers_->requests[0].first.body)["auth"]; }
};

TEST_F(OpenstackTest, Hypervisors) {
  Say("http://nova/v2.1/os-hypervisors/detail", R"({"hypervisors": [{"id": 1, "hypervisor_hostname": "h1",
    "host_ip": "10.0.0.1", "state": "up", "status": "enabled", "hypervisor_type": "QEMU"}, {"id": "uuid-2",
    "host_ip": "10.0.0.2"}]})");
  EXPECT_EQ(Discover("openstack", Options("hypervisor")),
            "__address__=\"10.0.0.1:80\" __meta_openstack_hypervisor_host_ip=\"10.0.0.1\" "
            "__meta_openstack_hypervisor_hostname=\"h1\" __meta_openstack_hypervisor_id=\"1\" "
            "__meta_openstack_hypervisor_state=\"up\" __meta_openstack_hypervisor_status=\"enabled\" "
            "__meta_openstack_hypervisor_type=\"QEMU\"\n"
            "__address__=\"10.0.0.2:80\" __meta_openstack_hypervisor_host_ip=\"10.0.0.2\" "
            "__meta_openstack_hypervisor_id=\"uuid-2\"\n");
  EXPECT_EQ(servers_->requests.back().first.headers.Get("X-Auth-Token"), "KT");
  EXPECT_EQ(servers_->requests[0].second.redirects_max, 0U);
  EXPECT_EQ(Auth(), Json::parse(R"({"identity": {"methods": ["password"], "password": {"user": {"name": "u",
    "domain": {"name": "Default"}, "password": "pw"}}}, "scope": {"project": {"name": "proj",
    "domain": {"name": "Default"}}}})"));
}

TEST_F(OpenstackTest, InstancesWithFloatingAddressesOnAllPages) {
  Values options = Options("instance");
  options["all_tenants"] = true;
  Say("http://net/v2.0/ports", R"({"ports": [{"id": "p1", "device_id": "s1"}],
    "ports_links": [{"rel": "previous", "href": "x"}, {"rel": "next", "href": "https://inside/v2.0/ports?marker=p1"}]})");
  Say("http://net/v2.0/ports?marker=p1", R"({"ports": [{"id": "p2", "device_id": "s2"}]})");
  Say("http://net/v2.0/floatingips", R"({"floatingips": [
    {"floating_ip_address": "203.0.113.1", "fixed_ip_address": "10.0.0.1", "port_id": "p1"},
    {"floating_ip_address": "203.0.113.7", "fixed_ip_address": null, "port_id": null},
    {"floating_ip_address": "203.0.113.8", "fixed_ip_address": "10.0.0.8", "port_id": "unknown"}]})");
  Say("http://nova/v2.1/servers/detail?all_tenants=true",
      R"({"servers": [{"id": "s1", "name": "web", "status": "ACTIVE",
    "tenant_id": "t", "user_id": "us", "flavor": {"id": "42"}, "image": {"id": "im"}, "metadata": {"env-x": "prod"},
    "addresses": {"private": [{"addr": "10.0.0.1", "version": 4}, {"addr": "203.0.113.1", "version": 4}],
                  "v6": [{"addr": "2001:db8::1", "version": 6}]}}],
    "servers_links": [{"rel": "next", "href": "http://inside/servers/detail?all_tenants=true&marker=s1"}]})");
  Say("http://nova/v2.1/servers/detail?all_tenants=true&marker=s1", R"({"servers": [{"id": "s2", "image": "",
    "flavor": {"original_name": "m1.small"}, "addresses": {"n": [{"addr": "10.0.0.2"}]}},
    {"id": "s3", "flavor": {"id": "1"}, "addresses": {}}]})");
  EXPECT_EQ(Discover("openstack", options),
            "__address__=\"10.0.0.1:80\" __meta_openstack_address_pool=\"private\" "
            "__meta_openstack_instance_flavor=\"42\" __meta_openstack_instance_id=\"s1\" "
            "__meta_openstack_instance_image=\"im\" __meta_openstack_instance_name=\"web\" "
            "__meta_openstack_instance_status=\"ACTIVE\" __meta_openstack_private_ip=\"10.0.0.1\" "
            "__meta_openstack_project_id=\"t\" __meta_openstack_public_ip=\"203.0.113.1\" "
            "__meta_openstack_tag_env_x=\"prod\" __meta_openstack_user_id=\"us\"\n"
            "__address__=\"[2001:db8::1]:80\" __meta_openstack_address_pool=\"v6\" "
            "__meta_openstack_instance_flavor=\"42\" __meta_openstack_instance_id=\"s1\" "
            "__meta_openstack_instance_image=\"im\" __meta_openstack_instance_name=\"web\" "
            "__meta_openstack_instance_status=\"ACTIVE\" __meta_openstack_private_ip=\"2001:db8::1\" "
            "__meta_openstack_project_id=\"t\" __meta_openstack_tag_env_x=\"prod\" __meta_openstack_user_id=\"us\"\n"
            "__address__=\"10.0.0.2:80\" __meta_openstack_address_pool=\"n\" "
            "__meta_openstack_instance_flavor=\"m1.small\" __meta_openstack_instance_id=\"s2\" "
            "__meta_openstack_private_ip=\"10.0.0.2\"\n");
}

TEST_F(OpenstackTest, LoadBalancersWithAListenerForMetrics) {
  Say("http://lb/load/v2.0/lbaas/loadbalancers", R"({"loadbalancers": [
    {"id": "lb1", "name": "front", "operating_status": "ONLINE", "provisioning_status": "ACTIVE",
     "availability_zone": "az", "vip_address": "10.0.0.5", "vip_port_id": "vp", "provider": "amphora",
     "project_id": "t", "tags": ["a", "b"]}, {"id": "lb2", "vip_address": "10.0.0.6"}],
    "loadbalancers_links": [{"rel": "next", "href": "http://lb/load/v2.0/lbaas/loadbalancers?marker=lb2"}]})");
  Say("http://lb/load/v2.0/lbaas/loadbalancers?marker=lb2",
      R"({"loadbalancers": [{"id": "lb3", "vip_address": "10.0.0.7", "tags": []}]})");
  Say("http://lb/load/v2.0/lbaas/listeners", R"({"listeners": [
    {"protocol": "HTTP", "protocol_port": 80, "loadbalancers": [{"id": "lb1"}, {"id": "lb2"}]},
    {"protocol": "PROMETHEUS", "protocol_port": 8088, "loadbalancers": [{"id": "lb1"}, {"id": "lb3"}]},
    {"protocol": "PROMETHEUS", "protocol_port": 9, "loadbalancers": [{"id": "lb1"}]}]})");
  Say("http://net/v2.0/floatingips",
      R"({"floatingips": [{"floating_ip_address": "203.0.113.5", "port_id": "vp"}, {"floating_ip_address": "x"}]})");
  EXPECT_EQ(Discover("openstack", Options("loadbalancer")),
            "__address__=\"10.0.0.5:8088\" __meta_openstack_loadbalancer_availability_zone=\"az\" "
            "__meta_openstack_loadbalancer_floating_ip=\"203.0.113.5\" __meta_openstack_loadbalancer_id=\"lb1\" "
            "__meta_openstack_loadbalancer_name=\"front\" __meta_openstack_loadbalancer_operating_status=\"ONLINE\" "
            "__meta_openstack_loadbalancer_provider=\"amphora\" "
            "__meta_openstack_loadbalancer_provisioning_status=\"ACTIVE\" __meta_openstack_loadbalancer_tags=\"a,b\" "
            "__meta_openstack_loadbalancer_vip=\"10.0.0.5\" __meta_openstack_project_id=\"t\"\n"
            "__address__=\"10.0.0.7:8088\" __meta_openstack_loadbalancer_id=\"lb3\" "
            "__meta_openstack_loadbalancer_vip=\"10.0.0.7\"\n");
}

TEST_F(OpenstackTest, WhoAsksAndForWhat) {
  const auto ask = [&](Values options) {
    servers_->requests.clear();
    const std::string told = Discover("openstack", std::move(options));
    return servers_->requests.empty() ? told : Auth().dump();
  };
  Values options = Options("hypervisor");
  options["username"] = "";
  options["userid"] = "uid";
  options["project_name"] = "";
  options["project_id"] = "pid";
  EXPECT_EQ(ask(options), R"({"identity":{"methods":["password"],"password":{"user":{"id":"uid","password":"pw"}}},)"
                          R"("scope":{"project":{"id":"pid"}}})");
  options["userid"] = "";
  EXPECT_EQ(ask(options), "token: to ask for a token, a user (username or userid) is needed");
  options["username"] = "u";
  options["domain_name"] = "";
  EXPECT_EQ(ask(options), "token: to ask for a token, a domain (domain_id or domain_name) beside a name is needed");
  options["password"] = Secret("");
  EXPECT_EQ(ask(options),
            "token: to ask for a token, a password or an application credential with its secret is needed");
  options["application_credential_secret"] = Secret("acs");
  EXPECT_EQ(ask(options), "token: to ask for a token, the id or name of the application credential is needed");
  options["application_credential_id"] = "aci";
  EXPECT_EQ(ask(options), R"({"identity":{"application_credential":{"id":"aci","secret":"acs"},)"
                          R"("methods":["application_credential"]}})");
  options["application_credential_id"] = "";
  options["application_credential_name"] = "acn";
  options["domain_id"] = "d";
  EXPECT_EQ(ask(options), R"({"identity":{"application_credential":{"name":"acn","secret":"acs",)"
                          R"("user":{"domain":{"id":"d"},"name":"u"}},"methods":["application_credential"]}})");
  options["identity_endpoint"] = "http://id/v2.0/";
  EXPECT_EQ(ask(options), "token: Keystone's API v2.0 is not supported, v3 is: http://id/v2.0");
}

TEST_F(OpenstackTest, VariablesStandForTheFields) {
  Values options = Options("hypervisor");
  options["identity_endpoint"] = "";
  EXPECT_EQ(Discover("openstack", options),
            "token: to ask for a token, the field identity_endpoint or the variable OS_AUTH_URL is needed");
  environment_ = {{"OS_AUTH_URL", "http://env/v3"}, {"OS_USERNAME", "eu"},     {"OS_PASSWORD", "epw"},
                  {"OS_PASSCODE", "123"},           {"OS_TENANT_ID", "old"},   {"OS_PROJECT_ID", "new"},
                  {"OS_DOMAIN_NAME", "Default"},    {"OS_TENANT_NAME", "name"}};
  SayToken("http://env/v3/auth/tokens", kCatalog);
  Say("http://nova/v2.1/os-hypervisors/detail", R"({"hypervisors": []})");
  servers_->requests.clear();
  EXPECT_EQ(Discover("openstack", options), "");
  EXPECT_EQ(Auth(), Json::parse(R"({"identity": {"methods": ["password", "totp"],
    "password": {"user": {"name": "eu", "domain": {"name": "Default"}, "password": "epw"}},
    "totp": {"user": {"name": "eu", "domain": {"name": "Default"}, "passcode": "123"}}},
    "scope": {"project": {"id": "new"}}})"));
  environment_["OS_SYSTEM_SCOPE"] = "all";
  servers_->requests.clear();
  EXPECT_EQ(Discover("openstack", options), "");
  EXPECT_EQ(Auth()["scope"].dump(), R"({"system":{"all":true}})");
}

TEST_F(OpenstackTest, TheCatalogueHasToHaveTheService) {
  Values options = Options("hypervisor");
  options["availability"] = "admin";
  EXPECT_EQ(Discover("openstack", options),
            "hypervisors: Keystone's catalogue has no admin endpoint of a service \"compute\" in region \"R\"");
  options["availability"] = "internal";
  Say("http://inner/v2.1/os-hypervisors/detail", R"({"hypervisors": []})");
  EXPECT_EQ(Discover("openstack", options), "");
  Say("http://id/identity/v3/auth/tokens", kCatalog, 201);
  servers_->At("http://id/identity/v3/auth/tokens").headers = {};
  EXPECT_EQ(Discover("openstack", options), "hypervisors: Keystone answered without a token");
}

TEST_F(OpenstackTest, AFailureInTheMiddleKeepsTheLastGoodAnswer) {
  using namespace std::chrono_literals;
  Say("http://nova/v2.1/servers/detail",
      R"({"servers": [{"id": "s", "flavor": {"id": "1"}, "addresses": {"n": [{"addr": "10.0.0.2"}]}}]})");
  ASSERT_THAT(Discover("openstack", Options("instance")), HasSubstr("10.0.0.2:80"));
  Say("http://nova/v2.1/servers/detail",
      R"({"servers": [], "servers_links": [{"rel": "next", "href": "http://nova/v2.1/servers/detail?marker=s"}]})");
  executor_.RunFor(61s);
  EXPECT_EQ(discovery_->status().last_error, "servers: connection refused");
  EXPECT_THAT(Targets(), HasSubstr("10.0.0.2:80"));
}

}  // namespace
}  // namespace baro::scraper

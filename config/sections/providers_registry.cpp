// Discoveries that ask a register of services: DNS, Consul, ZooKeeper, an HTTP server, and managers of machines.
#include <algorithm>

#include <fmt/format.h>

#include "config/sections/provider_table.h"

namespace baro::config {
namespace {

using enum FieldType;
using scraper::DiscoveryOptions;

constexpr ProviderField kConsulFields[] = {{"server", kText, "localhost:8500", Need::kFilled},
                                           {"path_prefix", kText},
                                           {"token", kSecret},
                                           {"datacenter", kText},
                                           {"namespace", kText},
                                           {"partition", kText},
                                           {"tag_separator", kText, ","},
                                           {"scheme", kText, "http"},
                                           {"username", kText},
                                           {"password", kSecret},
                                           {"allow_stale", kBool, "true", Need::kShown},
                                           {"refresh_interval", kDuration, "30s"},
                                           {"services", kTextList},
                                           {"tags", kTextList},
                                           {"node_meta", kTextMap},
                                           {"filter", kText},
                                           {"health_filter", kText}};

void CheckConsul(Mapping& mapping, const DiscoveryOptions& options) {
  const bool has_user =
      !options.record.Text("username").empty() || options.record.Get<net::SecretSource>("password").is_set();
  if (has_user && options.http.basic_auth) mapping.Fail("basic_auth", "give username and password, or basic_auth");
  if (has_user && (options.http.authorization || options.http.oauth2)) {
    mapping.Fail("username", "give username and password, authorization or oauth2");
  }
  if (options.record.Get<net::SecretSource>("token").is_set() && (options.http.authorization || options.http.oauth2)) {
    mapping.Fail("token", "give one of token, authorization and oauth2");
  }
}

constexpr std::string_view kDnsTypes[] = {"SRV", "A", "AAAA", "MX", "NS"};
constexpr ProviderField kDnsFields[] = {
    {"names", kTextList, "", Need::kFilled},
    {"refresh_interval", kDuration, "30s"},
    {.name = "type", .type = kChoice, .standard = "SRV", .choices = kDnsTypes, .ignore_case = true},
    {"port", kInteger, "0", Need::kShown}};

void CheckDns(Mapping& mapping, const DiscoveryOptions& options) {
  if (options.record.Text("type") != "SRV" && options.record.Get<std::int64_t>("port") == 0) {
    mapping.Fail("port", fmt::format("records of type {} have no port: the field \"port\" is needed",
                                     options.record.Text("type")));
  }
}

constexpr ProviderField kEurekaFields[] = {{"server", kHostUrl, "", Need::kFilled},
                                           {"refresh_interval", kDuration, "30s"}};

constexpr ProviderField kHttpFields[] = {{"refresh_interval", kDuration, "60s"}, {"url", kHttpUrl, "", Need::kFilled}};

constexpr ProviderField kPuppetdbFields[] = {{"refresh_interval", kDuration, "60s"},
                                             {"url", kHttpUrl, "", Need::kFilled},
                                             {"query", kText, "", Need::kFilled},
                                             {"include_parameters", kBool, "", Need::kShown},
                                             {"port", kInteger, "80", Need::kShown}};

constexpr ProviderField kUyuniFields[] = {{"server", kUrl, "", Need::kFilled},
                                          {"username", kText, "", Need::kFilled},
                                          {"password", kSecret, "", Need::kFilled},
                                          {"entitlement", kText, "monitoring_entitled"},
                                          {"separator", kText, ","},
                                          {"refresh_interval", kDuration, "1m"}};

constexpr ProviderField kZookeeperFields[] = {
    {"servers", kTextList, "", Need::kFilled}, {"paths", kTextList, "", Need::kFilled}, {"timeout", kDuration, "10s"}};

void CheckZookeeper(Mapping& mapping, const DiscoveryOptions& options) {
  for (const std::string& path : options.record.Get<std::vector<std::string>>("paths")) {
    if (!path.starts_with('/')) mapping.Fail("paths", fmt::format("expected paths from \"/\", found \"{}\"", path));
  }
}

constexpr Provider kTable[] = {
    {.kind = "consul", .fields = kConsulFields, .check = CheckConsul},
    {.kind = "dns", .http = ProviderHttp::kNone, .fields = kDnsFields, .check = CheckDns},
    {.kind = "eureka", .fields = kEurekaFields},
    {.kind = "http", .fields = kHttpFields},
    {.kind = "nerve", .http = ProviderHttp::kNone, .fields = kZookeeperFields, .check = CheckZookeeper},
    {.kind = "puppetdb", .fields = kPuppetdbFields},
    {.kind = "serverset", .http = ProviderHttp::kNone, .fields = kZookeeperFields, .check = CheckZookeeper},
    {.kind = "uyuni", .fields = kUyuniFields}};

}  // namespace

constinit const std::span<const Provider> kRegistryProviders = kTable;

}  // namespace baro::config

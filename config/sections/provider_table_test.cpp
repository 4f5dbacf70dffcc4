#include "config/sections/provider_table.h"

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace baro::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

base::Result<Config> Parse(std::string_view kind, std::string_view item) {
  return ParseConfig(fmt::format("scrape_configs:\n  - job_name: a\n    {}_sd_configs:\n      - {{{}}}\n", kind, item),
                     "dir/p.yml", base::RealFileSystem(), {});
}

std::string ErrorOf(std::string_view kind, std::string_view item) {
  const auto config = Parse(kind, item);
  return config ? "no error" : config.error().message();
}

TEST(ProviderTable, HasEveryKindOnceInOrder) {
  std::set<std::string_view> kinds;
  std::string_view last;
  for (const Provider& provider : Providers()) {
    EXPECT_TRUE(kinds.insert(provider.kind).second) << provider.kind;
    EXPECT_LT(last, provider.kind);
    last = provider.kind;
    std::set<std::string_view> names;
    for (const ProviderField& field : provider.fields) {
      EXPECT_TRUE(names.insert(field.name).second) << provider.kind << "." << field.name;
      EXPECT_EQ(field.type == FieldType::kChoice, !field.choices.empty()) << provider.kind << "." << field.name;
    }
  }
  EXPECT_EQ(kinds.size(), 35U);  // the 37 of Prometheus 3.14 without static and file
}

TEST(ProviderTable, DefaultsAreInForce) {
  const auto config = Parse("consul", "services: [nginx], tags: [a, b], node_meta: {rack: '1'}");
  ASSERT_TRUE(config) << config.error().message();
  const auto& record = config->jobs[0].other_discoveries[0].record;
  EXPECT_EQ(record.Text("server"), "localhost:8500");
  EXPECT_TRUE(record.Get<bool>("allow_stale"));
  EXPECT_EQ(record.Get<std::chrono::milliseconds>("refresh_interval"), 30s);
  EXPECT_THAT(record.Get<std::vector<std::string>>("tags"), ElementsAre("a", "b"));
  EXPECT_EQ((record.Get<std::map<std::string, std::string>>("node_meta").at("rack")), "1");
}

TEST(ProviderTable, RecordsInsideRecordsAreRead) {
  const auto config =
      Parse("kubernetes",
            "role: pod, kubeconfig_file: k.yml, namespaces: {names: [x]}, attach_metadata: {node: true}, "
            "selectors: [{role: pod, label: 'a=b'}, {role: node}]");
  ASSERT_TRUE(config) << config.error().message();
  const auto& record = config->jobs[0].other_discoveries[0].record;
  EXPECT_EQ(record.Text("kubeconfig_file"), "dir/k.yml");
  EXPECT_FALSE(record.Get<bool>("namespaces.own_namespace"));
  EXPECT_THAT(record.Get<std::vector<std::string>>("namespaces.names"), ElementsAre("x"));
  EXPECT_TRUE(record.Get<bool>("attach_metadata.node"));
  EXPECT_FALSE(record.Get<bool>("attach_metadata.cronjob"));
  const auto& selectors = record.Get<std::vector<scraper::DiscoveryRecord>>("selectors");
  ASSERT_EQ(selectors.size(), 2U);
  EXPECT_EQ(selectors[0].Text("label"), "a=b");
}

TEST(ProviderTable, MistakesAreToldWithFieldAndWhatWasExpected) {
  struct Row {
    const char* kind;
    const char* item;
    const char* want;
  };
  constexpr Row kRows[] = {
      {"consul", "servr: x",
       "dir/p.yml:4:10: scrape_configs[0].consul_sd_configs[0].servr: unknown field; did you mean"},
      {"consul", "server: ' '", "consul_sd_configs[0].server: the field \"server\" is needed"},
      {"consul", "token: a, authorization: {credentials: b}", "token: give one of token, authorization and oauth2"},
      {"consul", "username: a, basic_auth: {username: b}", "basic_auth: give username and password, or basic_auth"},
      {"consul", "allow_stale: maybe", "allow_stale: expected true or false, found \"maybe\""},
      {"dns", "names: [a], type: a", "the field \"port\" is needed"},
      {"dns", "names: [a], type: TXT", "type: expected one of SRV, A, AAAA, MX, NS, found \"TXT\""},
      {"dns", "type: SRV", "the field \"names\" is needed"},
      {"ec2", "filters: [{name: a}]", "ec2_sd_configs[0].filters[0]: the field \"values\" is needed"},
      {"ec2", "port: x", "port: expected a whole number"},
      {"aws", "region: a", "the field \"role\" is needed: one of ec2, ecs"},
      {"http", "url: 'ftp://x'", "url: expected a URL that begins with http:// or https://, found \"ftp://x\""},
      {"http", "refresh_interval: 5s", "the field \"url\" is needed"},
      {"kuma", "server: localhost", "server: expected a URL with scheme and host"},
      {"docker", "host: '://x'", "host: expected a URL, found \"://x\": the scheme"},
      {"kubernetes", "role: pod, selectors: [{role: service}]", "role pod takes selectors of pod, node only"},
      {"kubernetes", "role: pod, selectors: [{role: pod, label: '=x'}]", "is not a valid label key"},
      {"kubernetes", "role:", "the field \"role\" is needed"},
      {"kubernetes", "role: pod, follow_redirects: false", "the HTTP client's fields need api_server"},
      {"marathon", "servers: [a], auth_token: x, basic_auth: {username: a}", "auth_token: give one of auth_token"},
      {"oci", "region: a", "auth api_key needs the field \"tenancy\""},
      {"oci", "region: a, auth: instance_principal, user: x", "user: auth instance_principal does not take"},
      {"oci", "region: a, auth: instance_principal, refresh_interval: 0s", "refresh_interval: expected a duration"},
      {"openstack", "role: instance, region: a, availability: x", "availability: expected one of public, internal"},
      {"scaleway", "role: instance, project_id: x, access_key: y, secret_key: z", "secret_key: expected a UUID"},
      {"serverset", "servers: [a], paths: [b]", "paths: expected paths from \"/\", found \"b\""},
      {"stackit", "region: ''", "region: give a region or an endpoint"},
      {"triton", "account: a, dns_suffix: b, endpoint: c, role: d", "role: expected one of container, cn"},
      {"triton", "account: a, dns_suffix: b, endpoint: c, basic_auth: {}", "basic_auth: unknown field"},
  };
  for (const Row& row : kRows) EXPECT_THAT(ErrorOf(row.kind, row.item), HasSubstr(row.want)) << row.kind << row.item;
}

TEST(ProviderTable, SecretsAreNotInMessages) {
  EXPECT_THAT(ErrorOf("scaleway", "role: instance, project_id: x, access_key: y, secret_key: canary"),
              testing::Not(HasSubstr("canary")));
  EXPECT_THAT(ErrorOf("http", "url: 'ftp://u:canary@h'"), testing::Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace baro::config

#include "scraper/zookeeper/member.h"

#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

std::optional<LabelMap> Serverset(std::string_view text) { return ReadServersetMember(base::AsBytes(text), "/s/m_1"); }
std::optional<LabelMap> Nerve(std::string_view text) { return ReadNerveMember(base::AsBytes(text), "/n/i-1"); }

TEST(ZookeeperMember, Serverset) {
  const auto labels = Serverset(R"({
      "serviceEndpoint": {"host": "web-1", "port": 31000},
      "additionalEndpoints": {"health-check": {"host": "web-1", "port": 31001},
                              "thrift": {"host": "fd00::1", "port": 7}},
      "status": "ALIVE", "shard": 3, "more": [1]})");
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, (LabelMap{{"__address__", "web-1:31000"},
                               {"__meta_serverset_path", "/s/m_1"},
                               {"__meta_serverset_endpoint_host", "web-1"},
                               {"__meta_serverset_endpoint_port", "31000"},
                               {"__meta_serverset_endpoint_host_health_check", "web-1"},
                               {"__meta_serverset_endpoint_port_health_check", "31001"},
                               {"__meta_serverset_endpoint_host_thrift", "fd00::1"},
                               {"__meta_serverset_endpoint_port_thrift", "7"},
                               {"__meta_serverset_status", "ALIVE"},
                               {"__meta_serverset_shard", "3"}}));
}

TEST(ZookeeperMember, Nerve) {
  const auto labels = Nerve(R"({"host": "fd00::2", "port": 8080, "name": "i-1", "weight": 1.5})");
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, (LabelMap{{"__address__", "[fd00::2]:8080"},
                               {"__meta_nerve_path", "/n/i-1"},
                               {"__meta_nerve_endpoint_host", "fd00::2"},
                               {"__meta_nerve_endpoint_port", "8080"},
                               {"__meta_nerve_endpoint_name", "i-1"}}));
}

TEST(ZookeeperMember, NamesOfFieldsMayBeInAnyCase) {
  const auto labels = Serverset(R"({"ServiceEndpoint": {"HOST": "a", "Port": 1}, "STATUS": "DEAD"})");
  ASSERT_TRUE(labels);
  EXPECT_EQ(labels->at("__address__"), "a:1");
  EXPECT_EQ(labels->at("__meta_serverset_status"), "DEAD");
}

TEST(ZookeeperMember, WhatIsMissingOrNullIsEmptyOrZero) {
  for (const char* text : {"{}", "null", R"({"serviceEndpoint": null, "additionalEndpoints": null, "shard": null})"}) {
    const auto labels = Serverset(text);
    ASSERT_TRUE(labels) << text;
    EXPECT_EQ(*labels, (LabelMap{{"__address__", ":0"},
                                 {"__meta_serverset_path", "/s/m_1"},
                                 {"__meta_serverset_endpoint_port", "0"},
                                 {"__meta_serverset_shard", "0"}}))
        << text;
  }
  const auto labels = Serverset(R"({"additionalEndpoints": {"a": null}})");
  ASSERT_TRUE(labels);
  EXPECT_EQ(labels->at("__meta_serverset_endpoint_port_a"), "0");
}

TEST(ZookeeperMember, OthersAreNoMembers) {
  for (const char* text :
       {"", "10.0.0.1", "[]", "7", "\"a\"", "{\"serviceEndpoint\": 7}", "{\"status\": 1}", "{\"shard\": 1.5}",
        "{\"shard\": 18446744073709551615}", "{\"shard\": \"1\"}", "{\"serviceEndpoint\": {\"port\": \"80\"}}",
        "{\"additionalEndpoints\": []}", "{\"additionalEndpoints\": {\"a\": 1}}", "{} x"}) {
    EXPECT_FALSE(Serverset(text)) << text;
  }
  for (const char* text : {"", "[]", "{\"host\": 1}", "{\"port\": 1.5}", "{\"name\": []}"}) {
    EXPECT_FALSE(Nerve(text)) << text;
  }
}

}  // namespace
}  // namespace baro::scraper

#include "net/http/proxy_rules.h"

#include <map>

#include <gtest/gtest.h>

namespace baro::net::http {
namespace {

TEST(NoProxyList, KnowsHostsDomainsNetworksAndPorts) {
  struct Row {
    const char* list;
    const char* url;
    bool want;
  };
  constexpr Row kRows[] = {
      {"", "http://a.test/", false},
      {"*", "http://a.test/", true},
      {"a.test", "http://a.test/", true},
      {"a.test", "http://b.a.test:9/", true},
      {"a.test", "http://xa.test/", false},
      {" A.Test ,,", "http://a.test/", true},
      {".a.test", "http://a.test/", false},
      {".a.test", "http://b.a.test/", true},
      {"*.a.test", "http://a.test/", false},
      {"*.a.test", "http://b.a.test/", true},
      {"a.test:80", "http://a.test/", true},
      {"a.test:80", "https://a.test/", false},
      {"a.test:x", "http://a.test/", false},
      {"10.0.0.0/8", "http://10.200.1.1/", true},
      {"10.0.0.0/8", "http://11.0.0.1/", false},
      {"10.16.0.0/12", "http://10.31.1.1/", true},
      {"10.16.0.0/12", "http://10.32.1.1/", false},
      {"10.0.0.0/33", "http://10.0.0.1/", false},
      {"0.0.0.0/0", "http://1.2.3.4/", true},
      {"0.0.0.0/0", "http://[::2]/", false},
      {"10.0.0.1", "http://10.0.0.1:9100/", true},
      {"10.0.0.1", "http://10.0.0.2/", false},
      {"10.0.0.1:9100", "http://10.0.0.1:9100/", true},
      {"10.0.0.1:9100", "http://10.0.0.1/", false},
      {"::2", "http://[::2]/", true},
      {"[::2]:81", "http://[::2]:81/", true},
      {"fd00::/8", "http://[fd12::1]/", true},
      {"::ffff:10.0.0.1", "http://10.0.0.1/", true},
      {"x,y,a.test", "http://a.test/", true},
  };
  for (const Row& row : kRows) {
    EXPECT_EQ(NoProxyList(row.list).Matches(*ParseUrl(row.url)), row.want) << row.list << " " << row.url;
  }
}

std::string Chosen(const ProxyRules& rules, std::string_view url) {
  const Url* const proxy = rules.For(*ParseUrl(url));
  return proxy == nullptr ? "" : proxy->HostHeader();
}

TEST(ProxyRules, ThisMachineIsAskedThroughAProxyOnlyWithoutAListOfExceptions) {
  const auto no_environment = [](const std::string&) { return std::string(); };
  const auto plain = ProxyRules::Make({.url = "http://p:1"}, no_environment);
  ASSERT_TRUE(plain);
  EXPECT_EQ(Chosen(*plain, "http://localhost/"), "p:1");
  EXPECT_EQ(Chosen(*plain, "https://a.test/"), "p:1");
  const auto listed = ProxyRules::Make({.url = "http://p:1", .no_proxy = "a.test"}, no_environment);
  for (const char* url : {"http://localhost/", "http://127.1.2.3/", "http://[::1]/", "https://a.test/"}) {
    EXPECT_EQ(Chosen(*listed, url), "") << url;
  }
  EXPECT_EQ(Chosen(*listed, "http://b.test/"), "p:1");
  EXPECT_EQ(Chosen(ProxyRules(), "http://b.test/"), "");
}

TEST(ProxyRules, TheEnvironmentNamesProxiesForEachScheme) {
  std::map<std::string, std::string> variables = {
      {"HTTP_PROXY", "p:1"}, {"https_proxy", "https://user:x@q:2"}, {"NO_PROXY", "b.test"}};
  const auto environment = [&](const std::string& name) { return variables[name]; };
  const auto rules = ProxyRules::Make({.from_environment = true}, environment);
  ASSERT_TRUE(rules) << rules.error().message();
  EXPECT_EQ(Chosen(*rules, "http://a.test/"), "p:1");
  EXPECT_EQ(Chosen(*rules, "https://a.test/"), "q:2");
  EXPECT_EQ(Chosen(*rules, "https://b.test/"), "");
  EXPECT_EQ(Chosen(*rules, "http://localhost/"), "");
  variables["HTTP_PROXY"] = "socks5://p";
  EXPECT_EQ(Chosen(*ProxyRules::Make({.from_environment = true}, environment), "http://a.test/"), "p");  // 1080
  variables["HTTP_PROXY"] = "socks4://p:1";
  EXPECT_EQ(ProxyRules::Make({.from_environment = true}, environment).error().code(), base::Code::kUnsupported);
}

TEST(ProxyRules, SocksHasLimitsOfItsOwn) {
  const auto made = [](std::string url) { return ProxyRules::Make({.url = std::move(url)}, ProcessEnvironment); };
  EXPECT_TRUE(made("SOCKS5h://u:p@[::1]:9"));
  const auto refused = made("socks5://u:" + std::string(300, 'p') + "@p:1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "proxy_url: user and password of a SOCKS proxy have at most 255 bytes, the user at least one");
}

TEST(ProxyRules, WhatIsNoHeaderIsRefusedWithoutItsValue) {
  const auto made = ProxyRules::Make({.url = "http://p:1", .connect_headers = {{"X", {base::Secret("a\nsecret")}}}},
                                     ProcessEnvironment);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), "proxy_connect_header: \"X\" is no header");
}

}  // namespace
}  // namespace baro::net::http

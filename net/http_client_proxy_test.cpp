// Calls through proxies: our client, a proxy and a target over real sockets.
#include <cstdlib>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/testing/test_client.h"
#include "net/testing/test_proxy.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using base::Secret;
using ::testing::AllOf;
using testing::Certificate;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestProxy;

struct ProxyTest : ::testing::Test, testing::TestClient {
  testing::TestServer target;
  Certificate authority = testing::MakeCertificate("authority", nullptr);
  Certificate own = testing::MakeCertificate("127.0.0.1", &authority);
  Certificate named = testing::MakeCertificate("target.test", &authority);
  const std::string text = std::string(300'000, 'x');

  ~ProxyTest() override { client.reset(); }

  void StartTarget(const Certificate* certificate = nullptr) {
    target.Add("/", [this](const HttpRequest& request, const auto&) {
      EXPECT_FALSE(request.headers.Has("Proxy-Authorization"));
      EXPECT_FALSE(request.headers.Has("X-For-The-Proxy"));
      return HttpResponse::Text(200, text);
    });
    HttpServerOptions options;
    if (certificate != nullptr) {
      options.tls = TlsServerOptions{.cert = certificate->cert, .key = {.value = Secret(certificate->key)}};
    }
    target.Start(std::move(options));
  }
  std::string TargetUrl(std::string_view scheme, std::string_view host) const {
    return std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(target.port()) + "/";
  }
  HttpClientOptions Options(std::string proxy) const {
    HttpClientOptions options;
    options.proxy.url = std::move(proxy);
    options.tls.ca = authority.cert;
    return options;
  }
};

TEST_F(ProxyTest, TunnelsToHttpsTargetsWithHeadersOfItsOwn) {
  StartTarget(&named);
  TestProxy proxy;
  auto options = Options(proxy.url("us%65r:p%3Aw@"));
  options.proxy.connect_headers["X-For-The-Proxy"] = {Secret("one"), Secret("two")};
  Make(options);
  for (const bool is_reused : {false, true}) {
    const auto answer = Get(TargetUrl("https", "target.test"));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_TRUE(answer->body == text);
    EXPECT_EQ(answer->is_reused_connection, is_reused);
  }
  EXPECT_THAT(proxy.heads(),
              ElementsAre(AllOf(StartsWith("CONNECT target.test:" + std::to_string(target.port()) + " HTTP/1.1\r\n"),
                                HasSubstr("\r\nX-For-The-Proxy: one\r\nX-For-The-Proxy: two\r\n"),
                                HasSubstr("\r\nProxy-Authorization: Basic dXNlcjpwOnc=\r\n"))));  // "user:p:w"
}

TEST_F(ProxyTest, AConnectHeaderMayBeTheProxysAuthorization) {
  StartTarget(&named);
  TestProxy proxy;
  auto options = Options(proxy.url("user:pw@"));
  options.proxy.connect_headers["Proxy-Authorization"] = {Secret("Bearer mine")};
  Make(options);
  EXPECT_TRUE(Get(TargetUrl("https", "target.test")));
  EXPECT_THAT(proxy.heads(),
              ElementsAre(AllOf(HasSubstr("\r\nProxy-Authorization: Bearer mine\r\n"), Not(HasSubstr("Basic")))));
}

TEST_F(ProxyTest, SpeaksToTheProxyOverTlsAndToTheTargetOverTlsInside) {
  StartTarget(&named);
  TestProxy proxy(&own);
  Make(Options(proxy.url("user:pw@")));
  EXPECT_EQ(Get("http://plain.test/x")->body, "proxied");
  for (const bool is_reused : {false, true}) {
    const auto answer = Get(TargetUrl("https", "target.test"));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_TRUE(answer->body == text);
    EXPECT_EQ(answer->is_reused_connection, is_reused);
  }
  const auto heads = proxy.heads();
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_THAT(heads[0], AllOf(StartsWith("GET http://plain.test/x HTTP/1.1\r\n"), HasSubstr("Proxy-Authorization")));
  EXPECT_THAT(heads[1], AllOf(StartsWith("CONNECT target.test:"), HasSubstr("Proxy-Authorization")));
}

TEST_F(ProxyTest, ChecksTheCertificatesOfBoth) {
  StartTarget(&named);
  TestProxy proxy(&own);
  auto options = Options(proxy.url());
  Make(options);
  EXPECT_THAT(ErrorOf(TargetUrl("https", "other.test")),
              AllOf(HasSubstr("TLS handshake with other.test:"), HasSubstr("hostname mismatch")));
  client.reset();
  options.tls.ca = testing::MakeCertificate("stranger", nullptr).cert;
  Make(options);
  EXPECT_THAT(ErrorOf(TargetUrl("https", "target.test")),
              AllOf(HasSubstr("TLS handshake with 127.0.0.1:"), HasSubstr("certificate verify failed")));
}

TEST_F(ProxyTest, NamesTheProxyThatRefuses) {
  testing::RawServer refusing({testing::AnswersOnce("HTTP/1.1 407 x\r\nContent-Length: 3\r\n\r\nno!")});
  Make(Options("http://user:pw@127.0.0.1:" + std::to_string(refusing.port())));
  EXPECT_EQ(ErrorOf("https://target.test/"), "asking the proxy 127.0.0.1:" + std::to_string(refusing.port()) +
                                                 " for target.test:443: status 407 Proxy Authentication Required");
}

TEST_F(ProxyTest, AsksExceptionsDirectly) {
  StartTarget();
  TestProxy proxy;
  auto options = Options(proxy.url());
  Make(options);
  EXPECT_EQ(Get(TargetUrl("http", "127.0.0.1"))->body, "proxied");
  client.reset();
  const auto seen = proxy.heads().size();
  options.proxy.no_proxy = "elsewhere.test";
  Make(options);
  EXPECT_TRUE(Get(TargetUrl("http", "127.0.0.1"))->body == text) << "with exceptions, this machine is one too";
  EXPECT_EQ(proxy.heads().size(), seen);
  EXPECT_EQ(Get("http://target.test/")->body, "proxied");
  client.reset();
  options.proxy.no_proxy = "*";
  Make(options);
  EXPECT_THAT(ErrorOf("http://target.invalid/"), Not(HasSubstr("proxy")));
  EXPECT_EQ(proxy.heads().size(), seen + 1);
}

TEST_F(ProxyTest, ChoosesAnewAfterARedirect) {
  StartTarget();
  TestProxy proxy;
  testing::RawServer away({testing::AnswersOnce(
      "HTTP/1.1 302 x\r\nLocation: http://target.test/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")});
  auto options = Options(proxy.url());
  options.proxy.no_proxy = "x.test";
  options.basic_auth = BasicAuthOptions{.username = "u"};
  Make(options);
  EXPECT_EQ(Get(away.url("/"))->body, "proxied");
  EXPECT_THAT(proxy.heads(),
              ElementsAre(AllOf(StartsWith("GET http://target.test/ "), Not(HasSubstr("Authorization")))));
}

TEST_F(ProxyTest, FindsProxiesInTheEnvironment) {
  StartTarget();
  TestProxy proxy;
  const std::map<const char*, std::string> variables = {
      {"HTTP_PROXY", proxy.url()}, {"HTTPS_PROXY", ""}, {"NO_PROXY", ".invalid"}};
  for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  HttpClientOptions options;
  options.proxy.from_environment = true;
  Make(options);
  for (const auto& [name, value] : variables) ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(Get("http://target.test/")->body, "proxied");
  EXPECT_EQ(proxy.heads().size(), 1U);
  EXPECT_TRUE(Get(TargetUrl("http", "127.0.0.1"))->body == text);
  EXPECT_THAT(ErrorOf("http://x.invalid/"), Not(HasSubstr("proxy")));
  EXPECT_EQ(proxy.heads().size(), 1U);
}

}  // namespace
}  // namespace baro::net

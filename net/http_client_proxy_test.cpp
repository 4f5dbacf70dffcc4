// Calls through proxies: our client, a proxy and a target over real sockets.
#include <poll.h>

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

/// Passes bytes on in both directions until one of them ends.
void Forward(int a, int b) {
  char piece[16 * 1024];
  while (true) {
    pollfd waits[2] = {{.fd = a, .events = POLLIN, .revents = 0}, {.fd = b, .events = POLLIN, .revents = 0}};
    ::poll(waits, 2, -1);
    for (const int from : {0, 1}) {
      if (waits[from].revents == 0) continue;
      const auto got = ::recv(waits[from].fd, piece, sizeof piece, 0);
      if (got <= 0) return;
      ::send(waits[1 - from].fd, piece, static_cast<std::size_t>(got), MSG_NOSIGNAL);
    }
  }
}

/// A SOCKS proxy that wants the user `u` with the password `p`, and leads to a port of this machine.
testing::RawServer::Script LeadsTo(int port, std::string& asked) {
  return [port, &asked](testing::RawSocket& socket) {
    using namespace std::string_literals;
    EXPECT_EQ(socket.ReadBytes(4), "\5\2\0\2"s);
    socket.Send("\5\2"s);
    EXPECT_EQ(socket.ReadBytes(5), "\1\1u\1p"s);
    socket.Send("\1\0"s);
    asked = socket.ReadBytes(5);
    asked += socket.ReadBytes(static_cast<unsigned char>(asked.back()) + 2U);
    for (const char byte : "\5\0\0\3\4name\1\2"s) socket.Send({&byte, 1});
    const testing::RawSocket target = testing::RawSocket::Connect(port);
    Forward(socket.descriptor(), target.descriptor());
  };
}

TEST_F(ProxyTest, GoesThroughSocksToTargetsWithAndWithoutTls) {
  for (const char* const scheme : {"http", "https"}) {
    testing::TestServer server;
    server.Add("/", [this](const HttpRequest& request, const auto&) {
      EXPECT_EQ(request.target, "/") << "no full URL: nobody on the way reads it";
      EXPECT_FALSE(request.headers.Has("Proxy-Authorization"));
      return HttpResponse::Text(200, text);
    });
    HttpServerOptions server_options;
    if (scheme == std::string_view("https")) {
      server_options.tls = TlsServerOptions{.cert = named.cert, .key = {.value = Secret(named.key)}};
    }
    server.Start(std::move(server_options));
    std::string asked;
    testing::RawServer proxy({LeadsTo(server.port(), asked)});
    Make(Options("socks5h://u:p@127.0.0.1:" + std::to_string(proxy.port())));
    for (const bool is_reused : {false, true}) {
      const auto answer = Get(std::string(scheme) + "://target.test:258/");
      ASSERT_TRUE(answer) << answer.error().message();
      EXPECT_TRUE(answer->body == text);
      EXPECT_EQ(answer->is_reused_connection, is_reused);
    }
    client.reset();
    EXPECT_EQ(asked, std::string_view("\5\1\0\3\13target.test\1\2", 18)) << "the proxy resolves the name";
  }
}

TEST_F(ProxyTest, NamesTheSocksProxyThatRefusesOrBreaksOff) {
  using namespace std::string_literals;
  const struct Row {
    std::string answer;
    base::Code code;
    const char* want;
  } rows[] = {{"\5\377"s, base::Code::kPermissionDenied, "it wants a user and a password, or another proof"},
              {"\5\0\5\4\0\1"s, base::Code::kIo, "it answered 4 (host unreachable)"},
              {"\5\0\5\0\0\3\377x"s, base::Code::kIo, "end of file"},
              {"HTTP/1.1 200 OK\r\n\r\n", base::Code::kCorruption, "no answer of SOCKS 5: version 72"}};
  for (const Row& row : rows) {
    testing::RawServer refusing({[&](testing::RawSocket& socket) {
      socket.Send(row.answer);
      socket.EndSending();
      socket.ReadToEnd();
    }});
    Make(Options("socks5://127.0.0.1:" + std::to_string(refusing.port())));
    const auto answer = Get("https://target.test/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), row.code) << row.want;
    EXPECT_EQ(answer.error().message(), "asking the SOCKS proxy 127.0.0.1:" + std::to_string(refusing.port()) +
                                            " for target.test:443: " + row.want);
    client.reset();
  }
}

TEST_F(ProxyTest, ASocksProxyThatSaysNothingCostsTheConnectTimeout) {
  testing::Flag release;
  testing::RawServer silent({[&](testing::RawSocket&) { release.Wait(); }});
  Make(Options("socks5://127.0.0.1:" + std::to_string(silent.port())));
  const auto answer = Get("http://target.test/", {.connect_timeout = std::chrono::milliseconds(50)});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), base::Code::kTimeout);
  EXPECT_THAT(answer.error().message(), HasSubstr("while asking the SOCKS proxy 127.0.0.1:"));
  release.Raise();
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

// TLS on both sides: our client against our server, over real sockets.
#include <fstream>
#include <future>

#include <gtest/gtest.h>

#include "base/executor.h"
#include "net/http_client.h"
#include "net/raw_socket_for_tests.h"
#include "net/testing/certificate.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using base::Code;
using base::Secret;
using testing::Certificate;
using testing::MakeCertificate;
using testing::RawSocket;
using testing::TestServer;

struct TlsTest : ::testing::Test, TestServer {
  base::ThreadExecutor executor{1};
  Certificate authority = MakeCertificate("test authority", nullptr);
  Certificate address = MakeCertificate("127.0.0.1", &authority);

  void StartTls(TlsServerOptions tls) {
    Add("/", [](const HttpRequest& request, const auto&) {
      return HttpResponse::Text(200, (request.is_tls ? "tls" : "plain") + std::string(100'000, 'x'));
    });
    Start({.tls = std::move(tls)});
  }
  TlsServerOptions Server(const Certificate& own) { return {.cert = own.cert, .key = {.value = Secret(own.key)}}; }

  base::Result<FetchResponse> Get(TlsClientOptions tls, int calls = 1) {
    HttpClientOptions options;
    options.tls = std::move(tls);
    auto client = HttpClient::Make(std::move(options), {.threads = &threads, .executor = &executor});
    if (!client) return std::unexpected(client.error());
    base::Result<FetchResponse> last = FetchResponse{};
    for (int i = 0; i < calls; ++i) {
      std::promise<base::Result<FetchResponse>> promise;
      (*client)->Fetch({.url = url("/", "https")}, {}, [&](auto answer) { promise.set_value(std::move(answer)); });
      last = promise.get_future().get();
    }
    return last;
  }
};

TEST_F(TlsTest, SpeaksWithAServerWhoseAuthorityIsTrustedAndKeepsTheConnection) {
  StartTls(Server(address));
  const auto answer = Get({.ca = authority.cert}, 3);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, "tls" + std::string(100'000, 'x'));
  EXPECT_TRUE(answer->is_reused_connection);
}

TEST_F(TlsTest, RefusesUntrustedServersAndWrongNames) {
  const Certificate other = MakeCertificate("example.org", &authority);
  StartTls(Server(other));
  const auto untrusted = Get({});
  ASSERT_FALSE(untrusted);
  EXPECT_NE(untrusted.error().message().find("certificate verify failed (unable to get local issuer certificate)"),
            std::string::npos)
      << untrusted.error().message();
  const auto wrong_name = Get({.ca = authority.cert});
  ASSERT_FALSE(wrong_name);
  EXPECT_NE(wrong_name.error().message().find("IP address mismatch"), std::string::npos)
      << wrong_name.error().message();
  EXPECT_TRUE(Get({.ca = authority.cert, .server_name = "example.org"}));
  EXPECT_FALSE(Get({.ca = authority.cert, .server_name = "example.com"}));
  EXPECT_TRUE(Get({.insecure_skip_verify = true}));
}

TEST_F(TlsTest, AsksForClientCertificatesAsTold) {
  auto options = Server(address);
  options.client_auth = ClientAuth::kRequireAndVerifyClientCert;
  options.client_ca = authority.cert;
  StartTls(std::move(options));
  const Certificate mine = MakeCertificate("me", &authority);
  const Certificate strangers_authority = MakeCertificate("stranger", nullptr);
  const Certificate stranger = MakeCertificate("me", &strangers_authority);
  EXPECT_TRUE(Get({.ca = authority.cert, .cert = mine.cert, .key = {.value = Secret(mine.key)}}));
  EXPECT_FALSE(Get({.ca = authority.cert}));
  EXPECT_FALSE(Get({.ca = authority.cert, .cert = stranger.cert, .key = {.value = Secret(stranger.key)}}));
}

TEST_F(TlsTest, HoldsToTheVersionsThatBothAllow) {
  auto options = Server(address);
  options.min_version = TlsVersion::kTls13;
  StartTls(std::move(options));
  EXPECT_TRUE(Get({.ca = authority.cert}));
  EXPECT_FALSE(Get({.ca = authority.cert, .max_version = TlsVersion::kTls12}));
}

TEST_F(TlsTest, AnswersPlainHttpWithAHint) {
  StartTls(Server(address));
  auto socket = RawSocket::Connect(port());
  socket.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = socket.ReadToEnd();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_NE(answer.find("HTTPS"), std::string::npos);
}

TEST_F(TlsTest, TakesRenewedFilesAndKeepsTheOldOnesWhenTheNewAreBroken) {
  const std::string base = ::testing::TempDir() + "/net_tls_" + std::to_string(::getpid());
  const auto write = [](const std::string& path, const std::string& text) { std::ofstream(path) << text; };
  write(base + ".crt", address.cert);
  write(base + ".key", address.key);
  StartTls({.cert_file = base + ".crt", .key = {.file = base + ".key"}});
  EXPECT_TRUE(Get({.ca = authority.cert}));

  write(base + ".crt", "broken");
  for (int i = 0; i < 15; ++i) {
    ASSERT_TRUE(Get({.ca = authority.cert}));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const Certificate new_authority = MakeCertificate("new authority", nullptr);
  const Certificate renewed = MakeCertificate("127.0.0.1", &new_authority);
  write(base + ".key", renewed.key);
  write(base + ".crt", renewed.cert);
  while (!Get({.ca = new_authority.cert})) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ::unlink((base + ".crt").c_str());
  ::unlink((base + ".key").c_str());
}

TEST_F(TlsTest, ConnectsAnewWhenItsFilesAreRenewed) {
  const std::string path = ::testing::TempDir() + "/net_tls_ca_" + std::to_string(::getpid());
  std::ofstream(path) << authority.cert;
  StartTls(Server(address));
  HttpClientOptions options;
  options.tls.ca_file = path;
  const auto client = HttpClient::Make(std::move(options), {.threads = &threads, .executor = &executor});
  ASSERT_TRUE(client) << client.error().message();
  const auto is_reused = [&] {
    std::promise<base::Result<FetchResponse>> promise;
    (*client)->Fetch({.url = url("/", "https")}, {}, [&](auto answer) { promise.set_value(std::move(answer)); });
    const auto answer = promise.get_future().get();
    return answer && answer->is_reused_connection;
  };
  EXPECT_FALSE(is_reused());
  EXPECT_TRUE(is_reused());
  std::ofstream(path) << authority.cert << MakeCertificate("another authority", nullptr).cert;
  while (is_reused()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(is_reused());
  ::unlink(path.c_str());
}

TEST(TlsOptions, AreRefusedWhenTheyContradict) {
  IoThreads threads(1);
  base::ComputePool pool({.threads = 1});
  const Router router;
  const HttpServerParts parts{.router = &router, .threads = &threads, .pool = &pool};
  const Certificate authority = MakeCertificate("authority", nullptr);
  const Certificate one = MakeCertificate("one", &authority);
  const Certificate two = MakeCertificate("two", &authority);
  std::vector<TlsServerOptions> bad(6, {.cert = one.cert, .key = {.value = Secret(one.key)}});
  bad[0].key.value = Secret(two.key);
  bad[1].key.value = Secret();
  bad[2].cert_file = "/also/a/file";
  bad[3].client_auth = ClientAuth::kRequireAndVerifyClientCert;
  bad[4].min_version = TlsVersion::kTls13;
  bad[4].max_version = TlsVersion::kTls12;
  bad[5].ciphers = "no such cipher";
  for (const auto& tls : bad) {
    EXPECT_FALSE(HttpServer::Start({.listen_addresses = {"127.0.0.1:0"}, .tls = tls}, parts));
  }
}

}  // namespace
}  // namespace baro::net

// Calls that carry OAuth2 tokens: our client, a token endpoint and a target over real sockets.
#include <atomic>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/testing/certificate.h"
#include "net/testing/test_client.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Secret;
using ::testing::HasSubstr;
using testing::TestServer;

struct OAuth2ClientTest : ::testing::Test, testing::TestClient {
  TestServer endpoint;
  std::atomic<int> tokens = 0;  // given out
  std::string life = R"(, "expires_in": 3600)";
  std::mutex mutex;
  HttpRequest asked;  // the endpoint's last request

  TestServer target;
  std::string accepted;  // the only token that is taken; empty: any

  void StartEndpoint(HttpServerOptions options = {}) {
    endpoint.Add("/token", [this](const HttpRequest& request, const auto&) {
      const std::lock_guard lock(mutex);
      asked = request;
      const std::string number = std::to_string(++tokens);
      return HttpResponse::Json(200, R"({"token_type": "bearer", "access_token": "t)" + number + "\"" + life + "}");
    });
    endpoint.Start(std::move(options));
  }
  void StartTarget() {
    target.Add("/", [this](const HttpRequest& request, const auto&) {
      const std::string given(request.headers.Get("Authorization"));
      const bool is_taken = accepted.empty() || given == "Bearer " + accepted;
      return HttpResponse::Text(is_taken ? 200 : 401, given + " " + request.body);
    });
    target.Start();
  }
  HttpClientOptions Options(std::string_view scheme = "http") const {
    HttpClientOptions options;
    options.oauth2 = OAuth2Options{
        .client_id = "me", .client_secret = {.value = Secret("s3cret")}, .token_url = endpoint.url("/token", scheme)};
    return options;
  }
  std::string BodyOf(const std::string& url) {
    const auto answer = Get(url);
    return answer ? answer->body : answer.error().message();
  }
};

TEST_F(OAuth2ClientTest, AsksAsToldAndSharesOneToken) {
  StartEndpoint();
  StartTarget();
  auto options = Options();
  options.oauth2->scopes = {"read", "metrics"};
  options.oauth2->endpoint_params = {{"resource", "a&b"}};
  Make(options);
  constexpr int kCalls = 20;
  std::vector<std::promise<base::Result<FetchResponse>>> answers(kCalls);
  for (auto& answer : answers) {
    client->Fetch({.url = target.url("/")}, {}, [&](auto got) { answer.set_value(std::move(got)); });
  }
  for (auto& answer : answers) {
    const auto got = answer.get_future().get();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->body, "Bearer t1 ");
  }
  EXPECT_EQ(tokens, 1);
  EXPECT_EQ(asked.headers.Get("Authorization"), "Basic bWU6czNjcmV0");  // "me:s3cret"
  EXPECT_EQ(asked.params.Get("grant_type"), "client_credentials");
  EXPECT_EQ(asked.params.Get("scope"), "read metrics");
  EXPECT_EQ(asked.params.Get("resource"), "a&b");
}

TEST_F(OAuth2ClientTest, FetchesAnotherWhenTheTokenEnds) {
  life = R"(, "expires_in": 10)";  // is not used in its last ten seconds
  StartEndpoint();
  StartTarget();
  Make(Options());
  for (const char* want : {"Bearer t1 ", "Bearer t2 ", "Bearer t3 "}) EXPECT_EQ(BodyOf(target.url("/")), want);
}

TEST_F(OAuth2ClientTest, TriesOnceMoreWithANewTokenWhenItsTokenIsNotTaken) {
  StartEndpoint();
  StartTarget();
  Make(Options());
  accepted = "t1";
  EXPECT_EQ(BodyOf(target.url("/")), "Bearer t1 ");
  accepted = "t2";
  const auto answer = Fetch({.method = Method::kPost, .url = target.url("/"), .body = "body"});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "Bearer t2 body");
  EXPECT_EQ(tokens, 2);
}

TEST_F(OAuth2ClientTest, AServerThatTakesNoTokenDoesNotMakeItFetchForEachCall) {
  StartEndpoint();
  StartTarget();
  Make(Options());
  accepted = "none";
  for (int i = 0; i < 5; ++i) {
    const auto answer = Get(target.url("/"));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 401);
  }
  EXPECT_EQ(tokens, 2);
}

TEST_F(OAuth2ClientTest, ANewSecretInItsFileGetsANewToken) {
  const std::string path = ::testing::TempDir() + "/net_client_secret_" + std::to_string(::getpid());
  const auto write = [&](std::string_view text) { std::ofstream(path) << text; };
  StartEndpoint();
  StartTarget();
  auto options = Options();
  options.oauth2->client_secret = {.file = path};
  Make(options);
  EXPECT_THAT(BodyOf(target.url("/")), HasSubstr(path));
  write("first\n");
  EXPECT_EQ(BodyOf(target.url("/")), "Bearer t1 ");
  EXPECT_EQ(BodyOf(target.url("/")), "Bearer t1 ");
  write("the second\n");
  EXPECT_EQ(BodyOf(target.url("/")), "Bearer t2 ");
  EXPECT_EQ(asked.headers.Get("Authorization"), "Basic bWU6dGhlK3NlY29uZA==");  // "me:the+second"
  ::unlink(path.c_str());
}

TEST_F(OAuth2ClientTest, GivesTheTokenToNoOtherHost) {
  StartEndpoint();
  StartTarget();
  const std::string away = "http://localhost:" + std::to_string(target.port()) + "/";
  testing::RawServer sends_away({testing::AnswersOnce("HTTP/1.1 307 x\r\nLocation: " + away +
                                                      "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")});
  Make(Options());
  EXPECT_EQ(BodyOf(sends_away.url("/")), " ");
  EXPECT_EQ(tokens, 1);
}

TEST_F(OAuth2ClientTest, ACallersOwnAuthorizationNeedsNoToken) {
  StartEndpoint();
  StartTarget();
  Make(Options());
  const auto answer = Fetch({.url = target.url("/"), .headers = {{"Authorization", "Mine x"}}});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, "Mine x ");
  EXPECT_EQ(tokens, 0);
}

TEST_F(OAuth2ClientTest, SpeaksTlsWithTheEndpointByItsOwnOptions) {
  const auto authority = testing::MakeCertificate("authority", nullptr);
  const auto own = testing::MakeCertificate("127.0.0.1", &authority);
  HttpServerOptions server;
  server.tls = TlsServerOptions{.cert = own.cert, .key = {.value = Secret(own.key)}};
  StartEndpoint(std::move(server));
  StartTarget();
  auto options = Options("https");
  options.tls.ca = authority.cert;  // is for targets
  Make(options);
  EXPECT_THAT(BodyOf(target.url("/")), ::testing::AllOf(HasSubstr("oauth2: asking https://127.0.0.1:"),
                                                        HasSubstr("/token for a token: TLS handshake with"),
                                                        HasSubstr("certificate verify failed")));
  options.oauth2->tls.ca = authority.cert;
  Make(options);
  EXPECT_EQ(BodyOf(target.url("/")), "Bearer t1 ");
}

TEST_F(OAuth2ClientTest, AsksTheEndpointThroughItsOwnProxy) {
  StartTarget();
  std::promise<std::string> seen;
  testing::RawServer proxy({[&](testing::RawSocket& socket) {
    seen.set_value(socket.ReadMessage());
    socket.Send(testing::Ok(R"({"access_token": "p"})", "Connection: close\r\n"));
  }});
  HttpClientOptions options;
  options.oauth2 =
      OAuth2Options{.client_id = "me", .token_url = "http://auth.invalid/token", .proxy = {.url = proxy.url("/")}};
  Make(options);
  EXPECT_EQ(BodyOf(target.url("/")), "Bearer p ");
  EXPECT_THAT(seen.get_future().get(), ::testing::StartsWith("POST http://auth.invalid/token HTTP/1.1\r\n"));
}

TEST_F(OAuth2ClientTest, SaysWhatTheEndpointSaidAndNeverASecret) {
  StartTarget();
  struct Row {
    std::string answer;
    Code code;
    const char* want;
  };
  const std::string denied = R"({"error": "invalid_client", "error_description": "who?"})";
  const Row kRows[] = {
      {"HTTP/1.1 401 x\r\nContent-Length: " + std::to_string(denied.size()) + "\r\n\r\n" + denied,
       Code::kPermissionDenied, "status 401, \"invalid_client\", \"who?\""},
      {"HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy", Code::kIo, "status 503"},
      {"HTTP/1.1 302 x\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", Code::kLimitExceeded, "0 redirects"},
      {testing::Ok("<html>"), Code::kCorruption, "no JSON object"},
      {testing::Ok(R"({"token": "x"})"), Code::kCorruption, "no access_token"},
      {testing::Ok(std::string(1 << 20, ' ')), Code::kLimitExceeded, "limit of 1048576 bytes"}};
  for (const Row& row : kRows) {
    testing::RawServer server({testing::AnswersOnce(row.answer)});
    HttpClientOptions options;
    options.oauth2 = OAuth2Options{.client_id = "me",
                                   .client_secret = {.value = Secret("s3cret")},
                                   .token_url = "http://u:hidden@127.0.0.1:" + std::to_string(server.port()) + "/t"};
    Make(options);
    const auto answer = Get(target.url("/"));
    ASSERT_FALSE(answer) << row.want;
    const std::string& message = answer.error().message();
    EXPECT_EQ(answer.error().code(), row.code) << message;
    EXPECT_THAT(message, HasSubstr(row.want));
    EXPECT_THAT(message, HasSubstr("oauth2: asking http://127.0.0.1:" + std::to_string(server.port()) + "/t"));
    EXPECT_THAT(message, ::testing::Not(HasSubstr("hidden")));
    EXPECT_THAT(message, ::testing::Not(HasSubstr("s3cret")));
    client.reset();
  }
}

TEST_F(OAuth2ClientTest, AnEndpointThatDoesNotAnswerEndsTheCallInItsTime) {
  StartTarget();
  testing::Flag release;
  testing::RawServer silent({[&](testing::RawSocket&) { release.Wait(); }});
  HttpClientOptions options;
  options.oauth2 = OAuth2Options{.client_id = "me", .token_url = silent.url("/token")};
  Make(options);
  const auto answer = Get(target.url("/"), {.timeout = 50ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message(), "timeout of 50ms exceeded while waiting for an OAuth2 token");
  client.reset();  // with the fetch of the token still under way
  release.Raise();
}

TEST_F(OAuth2ClientTest, StandsAlone) {
  auto options = HttpClientOptions{.basic_auth = BasicAuthOptions{}, .oauth2 = OAuth2Options{.token_url = "http://a/"}};
  EXPECT_FALSE(HttpClient::Make(options, {.threads = &threads, .executor = &executor}));
}

}  // namespace
}  // namespace baro::net

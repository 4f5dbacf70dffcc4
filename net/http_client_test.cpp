#include "net/http_client.h"

#include <atomic>
#include <fstream>
#include <future>
#include <random>

#include <gtest/gtest.h>

#include "base/executor.h"
#include "base/fixed_budget.h"
#include "net/http/content_encoder.h"
#include "net/raw_socket_for_tests.h"
#include "net/testing/test_client.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using namespace std::chrono_literals;
using base::Code;
using testing::Answers;
using testing::AnswersOnce;
using testing::Flag;
using testing::Ok;
using testing::RawServer;
using testing::RawSocket;
using testing::TestServer;
struct HttpClientTest : ::testing::Test, testing::TestClient {};

TEST_F(HttpClientTest, SendsWhatItIsToldAndReadsTheAnswer) {
  std::promise<std::string> seen;
  RawServer server({[&](RawSocket& socket) {
    seen.set_value(socket.ReadMessage());
    socket.Send(Ok("hello", "X-A: 1\r\nContent-Type: text/plain\r\n"));
  }});
  const auto answer = Fetch({.method = Method::kPost,
                             .url = server.url("/a?b=c"),
                             .headers = {{"Accept", "text/plain"}, {"Host", "ignored"}},
                             .body = "body"});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->headers.Get("x-a"), "1");
  EXPECT_FALSE(answer->is_reused_connection);
  EXPECT_EQ(seen.get_future().get(), "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                         "\r\nUser-Agent: Barograph\r\nAccept-Encoding: gzip\r\nAccept: text/plain\r\n"
                                         "Content-Length: 4\r\n\r\nbody");
}

TEST_F(HttpClientTest, KeepsConnectionsAndUnderstandsAllFramings) {
  std::atomic<int> connections = 0;
  const auto script = [&](RawSocket& socket) {
    ++connections;
    for (int i = 0;; ++i) {
      if (!socket.ReadUntil("\r\n\r\n").ends_with("\r\n\r\n")) return;
      if (i == 0) socket.Send(Ok("length"));
      if (i == 1)
        socket.Send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nchu\r\n4;x=y\r\nnked\r\n0\r\nT: 1\r\n\r\n");
      if (i == 2) socket.Send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n" + Ok("interim"));
      if (i == 3) socket.Send("HTTP/1.1 204 No Content\r\n\r\n");
      if (i == 4) {
        socket.Send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        return;
      }
    }
  };
  RawServer server({script});
  for (const auto* want : {"length", "chunked", "interim", "", "until the end", "length"}) {
    const auto answer = Get(server.url("/"));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->body, want);
  }
  EXPECT_EQ(connections, 2);
  client.reset();
}

TEST_F(HttpClientTest, GoesThroughAUnixSocketAndKeepsThatConnectionToItself) {
  const std::string path = ::testing::TempDir() + "http_client_" + std::to_string(::getpid()) + ".sock";
  std::promise<std::string> seen;
  RawServer by_socket(path, {[&](RawSocket& socket) {
                               seen.set_value(socket.ReadUntil("\r\n\r\n"));
                               socket.Send(
                                   "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/b\r\nContent-Length: 0\r\n"
                                   "Connection: close\r\n\r\n");
                             },
                             AnswersOnce(Ok("by socket", "Connection: close\r\n"))});
  RawServer by_port({Answers(Ok("by port"))});
  Make({.proxy = {.url = by_port.url("/")}});
  for (const bool is_second : {false, true}) {
    const auto answer = Fetch({.url = by_port.url(is_second ? "/b" : "/a"), .unix_socket = path});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->body, "by socket");
  }
  EXPECT_TRUE(seen.get_future().get().starts_with(
      "GET /a HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(by_port.port()) + "\r\n"));
  EXPECT_EQ(Get(by_port.url("/"))->body, "by port");
  const auto gone = Fetch({.url = "http://docker/", .unix_socket = path + ".gone"});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().message(), "connect to " + path + ".gone: no such file or directory");
  EXPECT_EQ(Fetch({.url = "http://docker/", .unix_socket = std::string(200, 'x')}).error().code(),
            Code::kInvalidArgument);
  client.reset();
  ::unlink(path.c_str());
}

TEST_F(HttpClientTest, TriesAgainOnceWhenAKeptConnectionWasClosed) {
  RawServer server({[](RawSocket& socket) {
                      socket.ReadUntil("\r\n\r\n");
                      socket.Send(Ok("one"));
                      socket.ReadUntil("\r\n\r\n");  // and closes instead of answering
                    },
                    AnswersOnce(Ok("two"))});
  EXPECT_EQ(Get(server.url("/"))->body, "one");
  const auto second = Get(server.url("/"));
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(second->body, "two");
}

TEST_F(HttpClientTest, SaysPreciselyWhatWentWrong) {
  struct Row {
    std::string answer, want;
    Code code;
  };
  const Row kRows[] = {
      {"", "the connection was closed before the end of the header", Code::kCorruption},
      {"garbage\r\n\r\n", "the answer is not HTTP/1.1: bad version", Code::kCorruption},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
       "the connection was closed in the middle of the body, after 5 bytes", Code::kCorruption},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: br\r\n\r\n12345",
       "the answer's Content-Encoding \"br\" is none that was asked for", Code::kUnsupported},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n12345",
       "gzip body is damaged near byte 2: incorrect header check", Code::kCorruption},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), "header exceeds the limit of 65536 bytes",
       Code::kLimitExceeded},
  };
  for (const auto& row : kRows) {
    RawServer server({AnswersOnce(row.answer)});
    const auto answer = Get(server.url("/"));
    ASSERT_FALSE(answer) << row.want;
    EXPECT_EQ(answer.error().message(), row.want);
    EXPECT_EQ(answer.error().code(), row.code) << row.want;
  }
  EXPECT_EQ(ErrorOf("http://127.0.0.1:1/"), "connect to 127.0.0.1:1: connection refused");
  EXPECT_EQ(ErrorOf("ftp://x/"), "URL has a scheme that is not http or https: \"ftp://x/\"");
  EXPECT_NE(ErrorOf("http://no-such-host.invalid/").find("look up \"no-such-host.invalid\": "), std::string::npos);
}

TEST_F(HttpClientTest, NamesAResetWhereverItComes) {
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort";
  for (const std::size_t sent : {std::size_t{0}, std::size_t{9}, start.size()}) {
    RawServer server({[&](RawSocket& socket) {
      socket.ReadUntil("\r\n\r\n");
      socket.Send(start.substr(0, sent));
      socket.Reset();
    }});
    const auto answer = Get(server.url("/"));
    ASSERT_FALSE(answer) << "after " << sent << " bytes";
    EXPECT_NE(answer.error().message().find("reset"), std::string::npos) << answer.error().message();
  }
}

TEST_F(HttpClientTest, TakesAnAnswerInSingleBytes) {
  RawServer server({[](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    for (const char byte : std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")) {
      socket.Send({&byte, 1});
      std::this_thread::sleep_for(1ms);  // so that each travels alone
    }
  }});
  const auto answer = Get(server.url("/"));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, "abc");
}

TEST_F(HttpClientTest, KnowsLocalhostWhereTheResolverDoesNot) {
  EXPECT_EQ(ErrorOf("http://nobody-has-this-name.localhost:1/").substr(0, 11), "connect to ");
}

TEST_F(HttpClientTest, SaysInWhichPartTheTimeWasUp) {
  Flag release;
  const auto stall = [&](std::string before) {
    return [&release, before](RawSocket& socket) {
      socket.ReadUntil("\r\n\r\n");
      socket.Send(before);
      release.Wait();
    };
  };
  {
    RawServer header({stall("")});
    RawServer body({stall("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + std::string(2048, 'x'))});
    // Long enough that what comes before the stall is through on a busy machine too.
    EXPECT_EQ(ErrorOf(header.url("/"), {.timeout = 2s}), "timeout of 2s exceeded while waiting for the answer");
    EXPECT_EQ(ErrorOf(body.url("/"), {.timeout = 2s}),
              "timeout of 2s exceeded while reading the body (2.0 KiB received)");
    release.Raise();
  }
}

TEST_F(HttpClientTest, DecodesBodiesWithinTheLimitAndReusesMemory) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "metric{i=\"" + std::to_string(i) + "\"} 1\n";
  for (const auto coding : {ContentCoding::kGzip, ContentCoding::kZstd, ContentCoding::kDeflate}) {
    std::string encoded;
    ASSERT_TRUE(http::EncodeContent(coding, text, encoded));
    RawServer server({Answers(Ok(encoded, "Content-Encoding: " + std::string(ContentCodingName(coding)) + "\r\n"))});
    std::string memory;
    memory.reserve(1 << 20);
    const char* place = memory.data();
    const auto answer = Fetch({.url = server.url("/"), .reuse = std::move(memory)}, {.accept_zstd = true});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->body, text);
    EXPECT_EQ(answer->body.data(), place) << ContentCodingName(coding);
    EXPECT_EQ(answer->wire_body_bytes, encoded.size());
    const auto refused = Get(server.url("/"), {.body_bytes_max = text.size()});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "body exceeds the limit of " + std::to_string(text.size()) + " bytes");
    client.reset();
  }
  RawServer plain({Answers(Ok(text))});
  EXPECT_EQ(Get(plain.url("/"), {.body_bytes_max = text.size() + 1})->body, text);
  EXPECT_EQ(Get(plain.url("/"), {.body_bytes_max = text.size()}).error().code(), Code::kLimitExceeded);
  client.reset();
}

TEST_F(HttpClientTest, BodiesAreChargedToABudgetUntilTheyAreTaken) {
  const std::string text(100'000, 'x');
  std::string encoded;
  ASSERT_TRUE(http::EncodeContent(ContentCoding::kGzip, text, encoded));
  for (const std::string& answer : {Ok(text), Ok(encoded, "Content-Encoding: gzip\r\n")}) {
    RawServer server({Answers(answer)});
    const auto small = std::make_shared<base::FixedBudget>("bodies", 99'999);
    const auto refused = Get(server.url("/"), {.budget = small});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "bodies have more than 99999 bytes");
    const auto enough = std::make_shared<base::FixedBudget>("bodies", 200'000);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(Get(server.url("/"), {.budget = enough}));
    for (const auto& budget : {small, enough}) {  // what was taken comes back, when the callbacks have returned
      while (!budget->TakeBytes(99'999)) std::this_thread::yield();
    }
    client.reset();
  }
}

TEST_F(HttpClientTest, StopsBombsAndEndlessBodies) {
  std::string bomb;
  const auto encoder = http::ContentEncoder::Make(ContentCoding::kGzip);
  const std::string zeros(1 << 20, '\0');
  for (int i = 0; i < 64; ++i) encoder->Write(zeros, i == 63, bomb);
  RawServer bombs({Answers(Ok(bomb, "Content-Encoding: gzip\r\n"))});
  EXPECT_NE(ErrorOf(bombs.url("/")).find("body expands more than 200:1"), std::string::npos);
  const auto endless = [](std::string header, std::string piece) {
    return [=](RawSocket& socket) {
      socket.ReadUntil("\r\n\r\n");
      socket.Send("HTTP/1.1 200 OK\r\n" + header + "\r\n");
      while (socket.Send(piece)) {
      }
    };
  };
  RawServer chunks({endless("Transfer-Encoding: chunked\r\n", "4\r\naaaa\r\n")});
  RawServer until_end({endless("", std::string(1000, 'a'))});
  EXPECT_EQ(ErrorOf(chunks.url("/"), {.body_bytes_max = 100'000}), "body exceeds the limit of 100000 bytes");
  EXPECT_EQ(ErrorOf(until_end.url("/"), {.body_bytes_max = 100'000}), "body exceeds the limit of 100000 bytes");
  client.reset();
}

TEST_F(HttpClientTest, DecodesLargeBodiesWhileTheyCome) {
  std::mt19937_64 random(3);
  std::string text;
  while (text.size() < (8 << 20)) text += std::to_string(random()) + "\n";
  std::string encoded;
  ASSERT_TRUE(http::EncodeContent(ContentCoding::kGzip, text, encoded));
  ASSERT_GT(encoded.size(), std::size_t{3} << 20);
  RawServer server({Answers(Ok(encoded, "Content-Encoding: gzip\r\n"))});
  const auto answer = Get(server.url("/"));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(answer->body == text);
  EXPECT_EQ(Get(server.url("/"), {.body_bytes_max = 6 << 20}).error().code(), Code::kLimitExceeded);
  client.reset();
}

TEST_F(HttpClientTest, FollowsRedirectsButGivesCredentialsToNobodyElse) {
  std::vector<std::string> seen(2);
  RawServer other({[&](RawSocket& socket) {
    seen[1] = socket.ReadUntil("\r\n\r\n");
    socket.Send(Ok("elsewhere"));
  }});
  const std::string away = "http://localhost:" + std::to_string(other.port()) + "/x";
  RawServer server({[&](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send("HTTP/1.1 302 Found\r\nLocation: ../b?c\r\nContent-Length: 0\r\n\r\n");
    seen[0] = socket.ReadUntil("\r\n\r\n");
    socket.Send("HTTP/1.1 307 Temporary Redirect\r\nLocation: " + away + "\r\nContent-Length: 4\r\n\r\naway");
  }});
  HttpClientOptions options;
  options.basic_auth = BasicAuthOptions{.username = "user", .password = {.value = base::Secret("pass")}};
  options.headers["X-Tenant"] = {.secrets = {base::Secret("t1")}};
  Make(options);
  const auto answer =
      Fetch({.url = server.url("/a/a"), .headers = {{"Cookie", "c=1"}, {"X-Free", "1"}, {"X-Auth-Token", "t"}}});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, "elsewhere");
  EXPECT_EQ(answer->redirects, 2U);
  EXPECT_EQ(answer->final_url, away);
  EXPECT_TRUE(seen[0].starts_with("GET /b?c HTTP/1.1\r\n")) << seen[0];
  EXPECT_NE(seen[0].find("Authorization: Basic dXNlcjpwYXNz\r\nX-Tenant: t1\r\n"), std::string::npos) << seen[0];
  for (const auto* secret : {"Authorization", "X-Tenant", "Cookie", "X-Auth-Token"}) {
    EXPECT_EQ(seen[1].find(secret), std::string::npos);
  }
  EXPECT_NE(seen[1].find("X-Free: 1\r\n"), std::string::npos);
  client.reset();
}

TEST_F(HttpClientTest, StopsGoingInCircles) {
  RawServer server({Answers("HTTP/1.1 301 Moved Permanently\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")});
  EXPECT_EQ(ErrorOf(server.url("/")), "stopped after 10 redirects");
  HttpClientOptions options;
  options.follow_redirects = false;
  Make(options);
  EXPECT_EQ(Get(server.url("/"))->status, 301);
  client.reset();
}

TEST_F(HttpClientTest, ReadsCredentialFilesAgainWhenTheyChange) {
  const std::string path = ::testing::TempDir() + "/net_token_" + std::to_string(::getpid());
  const auto write = [&](std::string_view text) { std::ofstream(path) << text; };
  TestServer server;
  server.Add("/", [](const HttpRequest& request, const auto&) {
    return HttpResponse::Text(200, std::string(request.headers.Get("Authorization")));
  });
  server.Start();
  HttpClientOptions options;
  options.authorization = AuthorizationOptions{.credentials = {.file = path}};
  Make(options);
  EXPECT_NE(ErrorOf(server.url("/")).find(path), std::string::npos);
  write("first\n");
  EXPECT_EQ(Get(server.url("/"))->body, "Bearer first");
  write("second, longer\n");
  EXPECT_EQ(Get(server.url("/"))->body, "Bearer second, longer");
  ::unlink(path.c_str());
  EXPECT_EQ(Get(server.url("/"))->body, "Bearer second, longer");
  write("bad\nvalue");
  EXPECT_EQ(ErrorOf(server.url("/")),
            "the value configured for header Authorization has control characters or outer spaces");
  ::unlink(path.c_str());
}

TEST_F(HttpClientTest, GoesThroughAProxy) {
  std::promise<std::string> seen;
  RawServer proxy({[&](RawSocket& socket) {
    seen.set_value(socket.ReadUntil("\r\n\r\n"));
    socket.Send(Ok("proxied"));
  }});
  HttpClientOptions options;
  options.proxy.url = "http://u:p@127.0.0.1:" + std::to_string(proxy.port());
  Make(options);
  EXPECT_EQ(Get("http://target.invalid:81/x")->body, "proxied");
  const auto request = seen.get_future().get();
  EXPECT_TRUE(request.starts_with("GET http://target.invalid:81/x HTTP/1.1\r\nHost: target.invalid:81\r\n")) << request;
  EXPECT_NE(request.find("Proxy-Authorization: Basic dTpw\r\n"), std::string::npos);
  client.reset();

  RawServer refusing({AnswersOnce("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!")});
  options.proxy.url = "http://127.0.0.1:" + std::to_string(refusing.port());
  Make(options);
  EXPECT_NE(ErrorOf("https://target.invalid/").find("asking the proxy"), std::string::npos);
}

TEST_F(HttpClientTest, RefusesContradictingOptions) {
  std::vector<HttpClientOptions> bad(6);
  bad[0].basic_auth.emplace();
  bad[0].authorization.emplace();
  bad[1].authorization = AuthorizationOptions{.type = "Basic"};
  bad[2].headers["Authorization"] = {.values = {"x"}};
  bad[3].headers["Bad Name"] = {.values = {"x"}};
  bad[4].proxy.url = "socks4://x:1";
  bad[5].tls.ca = "no certificate";
  for (const auto& options : bad) {
    EXPECT_FALSE(HttpClient::Make(options, {.threads = &threads, .executor = &executor}));
  }
}

TEST_F(HttpClientTest, CancelsOneCallOrAllAtItsEnd) {
  Flag release;
  Flag connected;
  RawServer server({[&](RawSocket&) {
    connected.Raise();
    release.Wait();
  }});
  Make();
  std::promise<base::Result<FetchResponse>> first;
  const auto id = client->Fetch({.url = server.url("/")}, {}, [&](auto answer) { first.set_value(std::move(answer)); });
  connected.Wait();
  client->Cancel(id);
  client->Cancel(id);
  EXPECT_EQ(first.get_future().get().error().code(), Code::kCancelled);

  std::vector<std::promise<base::Result<FetchResponse>>> others(20);
  for (auto& other : others) {
    client->Fetch({.url = server.url("/")}, {}, [&](auto answer) { other.set_value(std::move(answer)); });
  }
  client.reset();
  for (auto& other : others) EXPECT_EQ(other.get_future().get().error().code(), Code::kCancelled);
  release.Raise();
}

TEST_F(HttpClientTest, TalksToOurOwnServerInParallel) {
  TestServer server({.threads = 2});
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "metric{i=\"" + std::to_string(i) + "\"} 1\n";
  server.Add("/metrics", [&](const HttpRequest& request, const auto&) {
    return HttpResponse::Text(200, text + std::string(request.params.Get("i")));
  });
  server.Start();
  Make();
  constexpr int kCalls = 500;
  std::atomic<int> good = 0;
  std::atomic<int> left = kCalls;
  Flag done;
  for (int i = 0; i < kCalls; ++i) {
    client->Fetch({.url = server.url("/metrics?i=" + std::to_string(i))}, {.accept_zstd = i % 2 == 0},
                  [&, i](const base::Result<FetchResponse>& answer) {
                    if (answer && answer->body == text + std::to_string(i)) ++good;
                    if (--left == 0) done.Raise();
                  });
  }
  done.Wait();
  EXPECT_EQ(good, kCalls);
}

}  // namespace
}  // namespace baro::net

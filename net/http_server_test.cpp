#include "net/http_server.h"

#include <gtest/gtest.h>

#include "base/cancel.h"
#include "net/content_decoder.h"
#include "net/raw_socket_for_tests.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using namespace std::chrono_literals;
using testing::RawSocket;
using testing::TestServer;

HttpResponse Echo(const HttpRequest& request, const base::CancelToken&) {
  std::string text(MethodName(request.method));
  text += " " + request.path;
  for (const auto& [name, value] : request.params) text += " " + name + "=" + value;
  if (!request.body.empty()) text += " body=" + std::to_string(request.body.size());
  return HttpResponse::Text(200, text);
}

std::string BodyOf(const std::string& message) { return message.substr(message.find("\r\n\r\n") + 4); }
std::string StatusOf(const std::string& message) { return message.substr(0, message.find("\r\n")); }

struct HttpServerTest : ::testing::Test, TestServer {
  void StartEcho(HttpServerOptions options = {}) {
    Add("/echo", Echo);
    Add("/inline", Echo, Run::kInline);
    Start(std::move(options));
  }
};

TEST_F(HttpServerTest, KeepsTheConnectionAndAnswersOneRequestAfterTheOther) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(socket.Send("GET /echo?i=" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto answer = socket.ReadMessage();
    EXPECT_EQ(StatusOf(answer), "HTTP/1.1 200 OK");
    EXPECT_EQ(BodyOf(answer), "GET /echo i=" + std::to_string(i));
  }
  socket.Send("GET /inline HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto last = socket.ReadToEnd();
  EXPECT_NE(last.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(BodyOf(last), "GET /inline");
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  std::string requests;
  for (int i = 0; i < 20; ++i) {
    requests += "POST " + std::string(i % 2 == 0 ? "/echo" : "/inline") + "?i=" + std::to_string(i) +
                " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  }
  socket.Send(requests);
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(socket.ReadMessage().find("i=" + std::to_string(i) + " body=3"), std::string::npos) << i;
  }
}

TEST_F(HttpServerTest, TakesARequestInSingleBytesAndInChunks) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: application/x-www-form-urlencoded\r\n\r\n5\r\na=1&b\r\n3;ext=1\r\n=+2\r\n0\r\n\r\n";
  for (const char c : request) ASSERT_TRUE(socket.Send(std::string_view(&c, 1)));
  EXPECT_EQ(BodyOf(socket.ReadMessage()), "POST /echo a=1 b= 2 body=8");
}

TEST_F(HttpServerTest, AnswersHeadWithoutBodyAndOptionsWithAllow) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  socket.Send("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nOPTIONS /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto answers = socket.ReadToEnd();
  EXPECT_NE(answers.find("Content-Length: 10\r\n"), std::string::npos) << answers;
  EXPECT_NE(answers.find("\r\n\r\nHTTP/1.1 204 No Content\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"), std::string::npos)
      << answers;
}

TEST_F(HttpServerTest, SendsContinueOnlyWhenTheBodyIsWelcome) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  socket.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.Send("abcd");
  EXPECT_EQ(BodyOf(socket.ReadMessage()), "POST /echo body=4");
  socket.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(StatusOf(socket.ReadToEnd()), "HTTP/1.1 413 Content Too Large");
}

TEST_F(HttpServerTest, RefusesWhatCouldBeReadInTwoWays) {
  StartEcho({.header_bytes_max = 2000});
  struct Row {
    std::string request;
    std::string_view status;
  };
  const Row kRows[] = {
      {"GET /echo HTTP/1.1\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: u@a\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "400"},
      {"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n", "400"},
      {std::string("GET /echo HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 37), "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n", "400"},
      {"GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /echo\r\nHost: a\r\n\r\n", "400"},
      {"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nExpect: coffee\r\n\r\n", "417"},
      {"GET /echo?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nX: " + std::string(3000, 'x') + "\r\n\r\n", "431"},
      {"GET /" + std::string(5000, 'x'), "431"},
      {"\x16\x03\x01\x02garbage\r\n\r\n", "400"},
  };
  for (const auto& row : kRows) {
    auto socket = RawSocket::Connect(port());
    socket.Send(row.request);
    const auto answer = socket.ReadToEnd();
    EXPECT_EQ(StatusOf(answer).substr(0, 12), "HTTP/1.1 " + std::string(row.status)) << row.request << "\n" << answer;
    EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << "more than one answer to " << row.request;
  }
  // And what is legal, if odd, is served.
  for (const std::string request :
       {"\r\nGET /echo HTTP/1.1\r\nHost: a\r\n", "GET /echo HTTP/1.1\r\nhost:a:9090\r\n",
        "GET http://a/echo HTTP/1.1\r\nHost: a\r\n", "GET /echo HTTP/1.1\r\nHost: [::1]:9\r\n"}) {
    auto socket = RawSocket::Connect(port());
    socket.Send(request + "Connection: close\r\n\r\n");
    EXPECT_EQ(BodyOf(socket.ReadToEnd()), "GET /echo") << request;
  }
}

TEST_F(HttpServerTest, LimitsBodiesDeclaredOrReal) {
  AddRoute({.methods = {Method::kPost}, .path = "/small", .body_bytes_max = 10, .handler = Echo});
  Start();
  auto exact = RawSocket::Connect(port());
  exact.Send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_EQ(BodyOf(exact.ReadMessage()), "POST /small body=10");
  auto declared = RawSocket::Connect(port());
  declared.Send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  const auto answer = declared.ReadToEnd();
  EXPECT_EQ(StatusOf(answer), "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(BodyOf(answer), "the body of 11 bytes exceeds the limit of 10\n");
  auto real = RawSocket::Connect(port());
  real.Send(
      "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n01234\r\n0\r\n\r\n");
  EXPECT_EQ(StatusOf(real.ReadToEnd()), "HTTP/1.1 413 Content Too Large");
}

TEST_F(HttpServerTest, StopsAChunkHeaderThatDoesNotEnd) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  socket.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  const std::string extension(8192, 'x');
  for (int i = 0; i < 100 && socket.Send(extension); ++i) {
  }
  EXPECT_EQ(StatusOf(socket.ReadToEnd()), "HTTP/1.1 400 Bad Request");
}

TEST_F(HttpServerTest, GivesUpOnSlowHeadersAndSlowBodies) {
  AddRoute({.methods = {Method::kPost}, .path = "/slow", .time_max = 300ms, .handler = Echo});
  StartEcho({.header_timeout = 300ms, .idle_timeout = 1h});
  auto header = RawSocket::Connect(port());
  header.Send("GET /echo HTT");
  EXPECT_EQ(StatusOf(header.ReadToEnd()), "HTTP/1.1 408 Request Timeout");
  auto body = RawSocket::Connect(port());
  body.Send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
  EXPECT_EQ(StatusOf(body.ReadToEnd()), "HTTP/1.1 408 Request Timeout");
}

TEST_F(HttpServerTest, GivesUpOnIdleConnections) {
  StartEcho({.header_timeout = 1h, .idle_timeout = 2s});  // time enough to ask, on a busy machine too
  auto silent = RawSocket::Connect(port());
  auto idle = RawSocket::Connect(port());
  idle.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(BodyOf(idle.ReadMessage()), "GET /echo");
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_EQ(silent.ReadToEnd(), "");
}

TEST_F(HttpServerTest, CompressesWhatPaysAndSaysSo) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "{\"metric\":\"up\",\"value\":" + std::to_string(i) + "}";
  Add("/json", [&](const auto&, const auto&) { return HttpResponse::Json(200, text); });
  Add("/inline", [&](const auto&, const auto&) { return HttpResponse::Json(200, text); }, Run::kInline);
  Add("/short", [&](const auto&, const auto&) { return HttpResponse::Json(200, "{}"); });
  Add("/image", [&](const auto&, const auto&) {
    auto response = HttpResponse::Text(200, text);
    response.headers.Set("Content-Type", "image/png");
    return response;
  });
  Start();
  struct Row {
    std::string_view path, accept, coding;
  };
  constexpr Row kRows[] = {{"/json", "gzip", "gzip"},       {"/json", "gzip, zstd", "zstd"},
                           {"/json", "deflate", "deflate"}, {"/inline", "gzip", "gzip"},
                           {"/json", "br", "identity"},     {"/short", "gzip", "identity"},
                           {"/image", "gzip", "identity"}};
  for (const auto& row : kRows) {
    auto socket = RawSocket::Connect(port());
    socket.Send("GET " + std::string(row.path) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: " +
                std::string(row.accept) + "\r\n\r\n");
    const auto answer = socket.ReadToEnd();
    const bool is_coded = row.coding != "identity";
    EXPECT_EQ(answer.find("Content-Encoding: " + std::string(row.coding)) != std::string::npos, is_coded) << row.path;
    EXPECT_EQ(answer.find("Vary: Accept-Encoding") != std::string::npos, row.path != "/image") << row.path;
    std::string body;
    ASSERT_TRUE(DecodeContent(*ParseContentCoding(row.coding), BodyOf(answer), {}, body));
    EXPECT_EQ(body, row.path == "/short" ? "{}" : text) << row.path;
  }
}

Handler StreamOf(int pieces, std::string piece, bool fails) {
  return [=](const HttpRequest&, const base::CancelToken&) {
    auto response = HttpResponse::Json(200, "");
    response.producer = [=, at = 0](std::string& chunk) mutable -> base::Result<bool> {
      if (fails && at == pieces - 1) return base::Fail(base::Code::kIo, "disk gone");
      chunk = piece;
      return ++at < pieces;
    };
    return response;
  };
}

TEST_F(HttpServerTest, StreamsBodiesInChunksAndCutsTheConnectionOnFailure) {
  const std::string piece(10'000, 'p');
  Add("/stream", StreamOf(100, piece, false));
  Add("/tiny", StreamOf(3, "abc", false));
  Add("/fails", StreamOf(100, piece, true));
  Start();
  auto socket = RawSocket::Connect(port());
  socket.Send("GET /tiny HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(BodyOf(socket.ReadMessage()), "abcabcabc");
  socket.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto chunked = socket.ReadMessage();
  EXPECT_NE(chunked.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_GT(chunked.size(), 1'000'000U);
  socket.Send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(BodyOf(socket.ReadToEnd()).size(), 1'000'000U);
  auto failing = RawSocket::Connect(port());
  failing.Send("GET /fails HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto cut = failing.ReadToEnd();
  EXPECT_FALSE(cut.ends_with("0\r\n\r\n"));
}

struct GoneClientTest : ::testing::TestWithParam<bool>, TestServer {};

TEST_P(GoneClientTest, MakesTheHandlerStop) {
  Add("/long", [&](const HttpRequest&, const base::CancelToken& cancel) {
    running.Raise();
    while (!cancel.Cancelled()) std::this_thread::sleep_for(1ms);
    cancelled.Raise();
    return HttpResponse::Text(200, "late");
  });
  Start();
  auto socket = RawSocket::Connect(port());
  socket.Send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  running.Wait();
  GetParam() ? socket.Reset() : socket.Close();
  cancelled.Wait();
}
INSTANTIATE_TEST_SUITE_P(ByResetOrEnd, GoneClientTest, ::testing::Bool());

TEST_F(HttpServerTest, AnswersAClientThatHasOnlyEndedItsSendingSide) {
  StartEcho();
  auto socket = RawSocket::Connect(port());
  socket.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.EndSending();
  EXPECT_EQ(BodyOf(socket.ReadToEnd()), "GET /echo");
}

TEST_F(HttpServerTest, AnswersForAHandlerThatTakesTooLong) {
  AddRoute({.methods = {Method::kGet}, .path = "/long", .time_max = 200ms, .handler = [&](const auto&, const auto&) {
              release.Wait();
              return HttpResponse::Text(200, "late");
            }});
  Start();
  auto socket = RawSocket::Connect(port());
  socket.Send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(socket.ReadToEnd()), "HTTP/1.1 503 Service Unavailable");
  release.Raise();
}

TEST_F(HttpServerTest, RefusesConnectionsPastTheLimitsButKeepsSomeForHealth) {
  AddRoute(
      {.methods = {Method::kGet}, .path = "/-/healthy", .run = Run::kInline, .is_reserved = true, .handler = Echo});
  StartEcho({.connections_max = 2, .reserved_connections = 1});
  auto one = RawSocket::Connect(port());
  auto two = RawSocket::Connect(port());
  for (auto* socket : {&one, &two}) {
    socket->Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(BodyOf(socket->ReadMessage()), "GET /echo");
  }
  {
    auto health = RawSocket::Connect(port());
    health.Send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(BodyOf(health.ReadMessage()), "GET /-/healthy");
    health.ReadToEnd();
  }
  while (server->connection_count() > 2) std::this_thread::sleep_for(1ms);
  auto third = RawSocket::Connect(port());
  third.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto refused = third.ReadToEnd();
  EXPECT_EQ(StatusOf(refused), "HTTP/1.1 503 Service Unavailable");
  EXPECT_NE(refused.find("Retry-After: 1\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, LimitsConnectionsOfOneAddress) {
  StartEcho({.connections_per_address_max = 1});
  auto one = RawSocket::Connect(port());
  one.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  one.ReadMessage();
  auto two = RawSocket::Connect(port());
  two.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(two.ReadToEnd()), "HTTP/1.1 503 Service Unavailable");
}

struct BusyServerTest : ::testing::Test, TestServer {
  BusyServerTest() : TestServer({.threads = 1, .queue_length_max = 1}) {}
};

TEST_F(BusyServerTest, AnswersOverloadWithRetryAfter) {
  Add("/busy", [&](const auto&, const auto&) {
    running.Raise();
    release.Wait();
    return HttpResponse::Text(200, "done");
  });
  Start();
  std::vector<RawSocket> sockets;
  sockets.push_back(RawSocket::Connect(port()));
  sockets.back().Send("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
  running.Wait();
  for (int i = 0; i < 3; ++i) {  // one of these waits in the queue, the others find it full
    sockets.push_back(RawSocket::Connect(port()));
    sockets.back().Send("GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  while (registry.Gather().empty()) std::this_thread::yield();
  const auto refused_count = [&] {
    double count = 0;
    for (const auto& family : registry.Gather()) {
      if (family.name != "barograph_http_connections_refused_total") continue;
      for (const auto& point : family.points) count += point.value;
    }
    return count;
  };
  while (refused_count() < 2) std::this_thread::sleep_for(1ms);
  release.Raise();
  int refused = 0;
  for (auto& socket : sockets) {
    const auto answer = socket.ReadMessage();
    refused += answer.find("Retry-After: 1\r\n") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(refused, 2);
}

TEST_F(HttpServerTest, ShutsDownAfterTheRunningRequestHasBeenAnswered) {
  Add("/long", [&](const auto&, const auto&) {
    running.Raise();
    release.Wait();
    return HttpResponse::Text(200, "finished");
  });
  Start();
  auto idle = RawSocket::Connect(port());
  auto busy = RawSocket::Connect(port());
  busy.Send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  running.Wait();
  std::thread stopping([&] { server->Shutdown(20s); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  release.Raise();
  EXPECT_EQ(BodyOf(busy.ReadToEnd()), "finished");
  stopping.join();
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(HttpServerTest, CutsWhatDoesNotFinishWithinTheGrace) {
  Add("/long", [&](const HttpRequest&, const base::CancelToken& cancel) {
    running.Raise();
    while (!cancel.Cancelled()) std::this_thread::sleep_for(1ms);
    return HttpResponse::Text(200, "late");
  });
  Start();
  auto busy = RawSocket::Connect(port());
  busy.Send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  running.Wait();
  server->Shutdown(50ms);
  EXPECT_EQ(busy.ReadToEnd(), "");
}

TEST_F(HttpServerTest, CountsRequestsUnderPrometheusNames) {
  StartEcho({.headers = {{"X-Content-Type-Options", "nosniff"}}});
  auto socket = RawSocket::Connect(port());
  for (int i = 0; i < 3; ++i) {
    socket.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(socket.ReadMessage().find("X-Content-Type-Options: nosniff\r\n"), std::string::npos);
  }
  socket.Send("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  socket.ReadToEnd();
  socket.Close();
  while (server->connection_count() > 0) std::this_thread::sleep_for(1ms);
  for (const auto& family : registry.Gather()) {
    if (family.name != "prometheus_http_requests_total") continue;
    for (const auto& point : family.points) {
      const double want = point.labels[0].second == "/echo" ? 4 : 0;
      EXPECT_EQ(point.value, want);
    }
    return;
  }
  FAIL() << "prometheus_http_requests_total is missing";
}

TEST(HttpServer, SaysWhyItCannotListen) {
  IoThreads threads(1);
  base::ComputePool pool({.threads = 1});
  const Router router;
  const HttpServerParts parts{.router = &router, .threads = &threads, .pool = &pool};
  for (const auto* bad : {"", "localhost", "127.0.0.1:x", "127.0.0.1:70000"}) {
    EXPECT_FALSE(HttpServer::Start({.listen_addresses = {bad}}, parts)) << bad;
  }
  const auto first = HttpServer::Start({.listen_addresses = {"127.0.0.1:0", "[::1]:0"}}, parts);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ((*first)->addresses().size(), 2U);
  const auto second = HttpServer::Start({.listen_addresses = {(*first)->addresses()[0]}}, parts);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("address already in use"), std::string::npos) << second.error().message();
}

}  // namespace
}  // namespace baro::net

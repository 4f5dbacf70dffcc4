// Bodies that are received as they come: our client against scripted servers over real sockets.
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/testing/certificate.h"
#include "net/testing/test_client.h"
#include "net/testing/test_server.h"

namespace baro::net {
namespace {

using namespace std::chrono_literals;
using base::Code;
using testing::Flag;
using ::testing::HasSubstr;
using testing::RawServer;
using testing::RawSocket;

constexpr const char* kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

struct StreamTest : ::testing::Test, testing::TestClient {
  /// What came, and how it ended.
  struct Received {
    std::mutex mutex;
    std::string body;
    std::size_t piece_bytes_max = 0;
    std::promise<base::Result<FetchResponse>> end;
  };
  using OnPiece = std::function<bool(const std::string& body_so_far)>;

  HttpFetcher::CallId Start(
      const std::string& url, FetchOptions options, const std::shared_ptr<Received>& received,
      OnPiece on_piece = [](const std::string&) { return true; }) {
    if (!client) Make();
    return client->Stream(
        {.url = url}, options,
        [received, on_piece = std::move(on_piece)](std::string_view piece) {
          const std::lock_guard lock(received->mutex);
          received->body += piece;
          received->piece_bytes_max = std::max(received->piece_bytes_max, piece.size());
          return on_piece(received->body);
        },
        [received](auto answer) { received->end.set_value(std::move(answer)); });
  }
};

TEST_F(StreamTest, HandsOnEachPieceBeforeTheNextIsThere) {
  for (const std::string& head : {std::string(kChunked), std::string("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\n\r\n")}) {
    const bool is_chunked = head == kChunked;
    Flag first_seen;
    RawServer server({[&](RawSocket& socket) {
      socket.ReadUntil("\r\n\r\n");
      socket.Send(head + (is_chunked ? "3\r\none\r\n" : "one"));
      first_seen.Wait();
      socket.Send(is_chunked ? "3\r\ntwo\r\n0\r\n\r\n" : "two");
    }});
    const auto received = std::make_shared<Received>();
    Start(server.url("/"), {}, received, [&](const std::string& body) {
      if (body == "one") first_seen.Raise();
      return true;
    });
    const auto end = received->end.get_future().get();
    ASSERT_TRUE(end) << head << end.error().message();
    EXPECT_EQ(end->status, 200);
    EXPECT_EQ(end->body, "");
    EXPECT_EQ(end->wire_body_bytes, 6U);
    EXPECT_EQ(received->body, "onetwo") << head;
    client.reset();
  }
}

TEST_F(StreamTest, KeepsTheConnectionAfterAWholeBody) {
  RawServer server({testing::Answers(testing::Ok("whole"))});
  for (const bool is_reused : {false, true}) {
    const auto received = std::make_shared<Received>();
    Start(server.url("/"), {}, received);
    const auto end = received->end.get_future().get();
    ASSERT_TRUE(end) << end.error().message();
    EXPECT_EQ(end->is_reused_connection, is_reused);
    EXPECT_EQ(received->body, "whole");
  }
  client.reset();
}

TEST_F(StreamTest, ReadsThroughTls) {
  const auto authority = testing::MakeCertificate("authority", nullptr);
  const auto own = testing::MakeCertificate("127.0.0.1", &authority);
  testing::TestServer server;
  const std::string text(1'000'000, 'x');
  server.Add("/", [&](const HttpRequest& request, const auto&) {
    EXPECT_EQ(request.headers.Get("Accept-Encoding"), "identity");
    return HttpResponse::Text(200, text);
  });
  HttpServerOptions options;
  options.tls = TlsServerOptions{.cert = own.cert, .key = {.value = base::Secret(own.key)}};
  server.Start(std::move(options));
  HttpClientOptions client_options;
  client_options.tls.ca = authority.cert;
  Make(client_options);
  const auto received = std::make_shared<Received>();
  Start(server.url("/", "https"), {}, received);
  const auto end = received->end.get_future().get();
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_TRUE(received->body == text);
}

TEST_F(StreamTest, HasNoLimitButForItsPieces) {
  constexpr std::size_t kBytes = 8 * 1024 * 1024;
  RawServer server({[&](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(testing::Ok(std::string(kBytes, 'x')));
  }});
  const auto received = std::make_shared<Received>();
  Start(server.url("/"), {.body_bytes_max = 1000}, received);
  const auto end = received->end.get_future().get();
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(received->body.size(), kBytes);
  EXPECT_LE(received->piece_bytes_max, 64U * 1024);
  client.reset();
}

TEST_F(StreamTest, AnAnswerThatIsNoSuccessIsGivenWholeAndHasALimit) {
  RawServer server({testing::Answers("HTTP/1.1 410 Gone\r\nContent-Length: 7\r\n\r\nexpired")});
  auto received = std::make_shared<Received>();
  Start(server.url("/"), {}, received);
  auto end = received->end.get_future().get();
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(end->status, 410);
  EXPECT_EQ(end->body, "expired");
  EXPECT_EQ(received->body, "");
  received = std::make_shared<Received>();
  Start(server.url("/"), {.body_bytes_max = 7}, received);
  end = received->end.get_future().get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), Code::kLimitExceeded);
  client.reset();
}

TEST_F(StreamTest, RefusesACodingThatItDidNotAskFor) {
  RawServer server({testing::AnswersOnce(testing::Ok("xxxx", "Content-Encoding: gzip\r\n"))});
  const auto received = std::make_shared<Received>();
  Start(server.url("/"), {}, received);
  const auto end = received->end.get_future().get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), Code::kUnsupported);
  EXPECT_EQ(received->body, "");
}

TEST_F(StreamTest, SaysThatABodyWasCutShortAfterWhatCame) {
  struct Row {
    std::string sent;
    std::string body;
  };
  const Row kRows[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half"},
                       {std::string(kChunked) + "4\r\nhalf\r\n", "half"},
                       {std::string(kChunked) + "9\r\nha", "ha"}};
  for (const Row& row : kRows) {
    RawServer server({testing::AnswersOnce(row.sent)});
    const auto received = std::make_shared<Received>();
    Start(server.url("/"), {}, received);
    const auto end = received->end.get_future().get();
    EXPECT_FALSE(end) << row.sent;
    EXPECT_EQ(received->body, row.body);
    client.reset();
  }
}

TEST_F(StreamTest, EndsWhenNothingComesForTooLong) {
  Flag release;
  RawServer server({[&](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(std::string(kChunked) + "1\r\nx\r\n");
    release.Wait();
  }});
  const auto received = std::make_shared<Received>();
  Start(server.url("/"), {.idle_timeout = 50ms}, received);
  const auto end = received->end.get_future().get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), Code::kTimeout);
  EXPECT_EQ(end.error().message(), "nothing came for 50ms while reading the body (1 bytes received)");
  EXPECT_EQ(received->body, "x");
  release.Raise();
}

TEST_F(StreamTest, MayLastLongerThanACall) {
  Flag enough;
  RawServer server({[&](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(std::string(kChunked) + "1\r\nx\r\n");
    enough.Wait();
    socket.Send("1\r\ny\r\n0\r\n\r\n");
  }});
  const auto received = std::make_shared<Received>();
  constexpr auto kTimeout = 1500ms;
  Start(server.url("/"), {.timeout = kTimeout}, received);
  const auto end = received->end.get_future();
  EXPECT_EQ(end.wait_for(kTimeout + 100ms), std::future_status::timeout);
  enough.Raise();
}

TEST_F(StreamTest, TheReceiversTimeIsNotTheOtherSides) {
  RawServer server({testing::AnswersOnce(testing::Ok("slow"))});
  const auto received = std::make_shared<Received>();
  Start(server.url("/"), {.timeout = 10s, .idle_timeout = 10ms}, received, [](const std::string&) {
    std::this_thread::sleep_for(100ms);
    return true;
  });
  const auto end = received->end.get_future().get();
  EXPECT_TRUE(end) << end.error().message();
}

TEST_F(StreamTest, EndsWhenItsReceiverWantsNoMore) {
  Flag release;
  RawServer server({[&](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(std::string(kChunked) + "1\r\nx\r\n");
    release.Wait();
  }});
  const auto received = std::make_shared<Received>();
  Start(server.url("/"), {}, received, [](const std::string&) { return false; });
  const auto end = received->end.get_future().get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), Code::kCancelled);
  release.Raise();
}

TEST_F(StreamTest, CanBeCancelledWhileItWaitsAndWhileItsReceiverWorks) {
  for (const bool while_working : {false, true}) {
    Flag release;
    Flag started;
    Flag done;
    RawServer server({[&](RawSocket& socket) {
      socket.ReadUntil("\r\n\r\n");
      socket.Send(std::string(kChunked) + "1\r\nx\r\n");
      release.Wait();
    }});
    const auto received = std::make_shared<Received>();
    const auto call = Start(server.url("/"), {}, received, [&](const std::string&) {
      started.Raise();
      if (while_working) done.Wait();
      return true;
    });
    auto end = received->end.get_future();
    started.Wait();
    client->Cancel(call);
    if (while_working) {
      EXPECT_EQ(end.wait_for(50ms), std::future_status::timeout) << "the end comes after the last piece";
      done.Raise();
    }
    const auto answer = end.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), Code::kCancelled);
    client.reset();
    release.Raise();
  }
}

TEST_F(StreamTest, TheEndOfTheClientEndsIt) {
  Flag release;
  Flag started;
  RawServer server({[&](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(std::string(kChunked) + "1\r\nx\r\n");
    release.Wait();
  }});
  const auto received = std::make_shared<Received>();
  Start(server.url("/"), {}, received, [&](const std::string&) {
    started.Raise();
    return true;
  });
  started.Wait();
  client.reset();
  EXPECT_FALSE(received->end.get_future().get());
  release.Raise();
}

// As of a discovery that is given up while it watches: what the call holds holds the client.
TEST_F(StreamTest, AClientThatItsCallsOwnEndsWithThem) {
  for (const bool has_executor : {true, false}) {
    Flag release;
    Flag started;
    RawServer server({[&](RawSocket& socket) {
      socket.ReadUntil("\r\n\r\n");
      socket.Send(std::string(kChunked) + "1\r\nx\r\n");
      release.Wait();
    }});
    testing::TestClient test;
    test.Make();
    const auto ended = std::make_shared<Flag>();
    std::shared_ptr<void> sentinel(nullptr, [ended](void*) { ended->Raise(); });
    const auto call = test.client->Stream(
        {.url = server.url("/")}, {},
        [owner = test.client, sentinel, &started](std::string_view) {
          started.Raise();
          return true;
        },
        [owner = test.client, sentinel](const auto&) {});
    started.Wait();
    sentinel.reset();
    if (!has_executor) test.executor.Stop();  // so that nobody runs the callback: it ends on the loop
    test.client->Cancel(call);
    test.client.reset();
    ended->Wait();
    release.Raise();
  }
}

}  // namespace
}  // namespace baro::net

// An HttpClient with all that it stands on, and answers for it, for tests.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/executor.h"
#include "net/http_client.h"
#include "net/io_threads.h"
#include "net/raw_socket_for_tests.h"

namespace baro::net::testing {

/// Gives each request of a connection the same answer.
inline RawServer::Script Answers(std::string answer) {
  return [answer = std::move(answer)](RawSocket& socket) {
    while (socket.ReadUntil("\r\n\r\n").ends_with("\r\n\r\n")) socket.Send(answer);
  };
}

/// Answers one request and closes.
inline RawServer::Script AnswersOnce(std::string answer) {
  return [answer = std::move(answer)](RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(answer);
  };
}

/// A whole answer.
inline std::string Ok(std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 200 OK\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

struct TestClient {
  base::ThreadExecutor executor{1};
  IoThreads threads{2};
  std::shared_ptr<HttpClient> client;

  TestClient() = default;
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;
  ~TestClient() {
    client.reset();
    executor.Stop();  // callbacks may own the client, which ends before the threads
  }

  void Make(HttpClientOptions options = {}) {
    auto made = HttpClient::Make(std::move(options), {.threads = &threads, .executor = &executor});
    ASSERT_TRUE(made) << made.error().message();
    client = *std::move(made);
  }
  base::Result<FetchResponse> Fetch(FetchRequest request, FetchOptions options = {}) {
    if (!client) Make();
    std::promise<base::Result<FetchResponse>> promise;
    auto future = promise.get_future();
    client->Fetch(std::move(request), options,
                  [&](base::Result<FetchResponse> answer) { promise.set_value(std::move(answer)); });
    return future.get();
  }
  base::Result<FetchResponse> Get(std::string url, FetchOptions options = {}) {
    return Fetch({.url = std::move(url)}, options);
  }
  std::string ErrorOf(std::string url, FetchOptions options = {}) {
    const auto answer = Get(std::move(url), options);
    return answer ? "no error" : answer.error().message();
  }
};

}  // namespace baro::net::testing

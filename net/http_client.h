// The HTTP/1.1 client: connections kept alive, bodies decoded, every wait and every size bounded.
//
//     auto client = HttpClient::Make(options, {.threads = &threads, .executor = &pool});
//     (*client)->Fetch({.url = "http://localhost:9100/metrics"}, {.timeout = 10s}, [](Result<FetchResponse> answer) {
//     ... });
//
// Source   RFC 9110, 9112. Behaviour where those leave a choice: Prometheus' HTTP client block.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "net/http_client_options.h"
#include "net/http_fetcher.h"

namespace baro::base {
class Executor;
}

namespace baro::net {

class IoThreads;

/// What a client stands on, and its bounds.
struct HttpClientSettings {
  IoThreads* threads = nullptr;  ///< borrowed, outlives the client
  base::Executor* executor =
      nullptr;  ///< borrowed, outlives the client and all callbacks; decodes bodies, runs callbacks
  std::string user_agent = "Barograph";
  std::size_t idle_connections_per_host_max = 20;
  std::size_t idle_connections_max = 20'000;
  std::chrono::seconds idle_timeout{300};
};

/// Threads  Any. The destructor cancels what runs and waits until nothing of it is left on the I/O threads. On one of
///          these it does not wait: a callback that is dropped unrun, as the executor was stopped, may own the client.
class HttpClient final : public HttpFetcher {
 public:
  /// Errors   kInvalidArgument: contradicting or malformed options. kIo: an unreadable certificate file. Credential
  /// files
  ///          are read when they are needed, and again when they change.
  static base::Result<std::shared_ptr<HttpClient>> Make(HttpClientOptions options, HttpClientSettings settings);
  ~HttpClient() override;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  CallId Fetch(FetchRequest request, FetchOptions options, FetchCallback callback) override;
  CallId Stream(FetchRequest request, FetchOptions options, BodySink sink, FetchCallback callback) override;
  void Cancel(CallId call) override;

 private:
  CallId Start(FetchRequest request, FetchOptions options, BodySink sink, FetchCallback callback);

  struct Impl;
  explicit HttpClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// Makes HttpClients, all with these settings.
FetcherFactory MakeHttpClientFactory(HttpClientSettings settings);

}  // namespace baro::net

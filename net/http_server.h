// The HTTP/1.1 server: a route table behind some listening sockets, with a limit on everything.
//
//     Router router;
//     router.Add({.methods = {Method::kGet}, .path = "/-/healthy", .run = Run::kInline, .handler = ...});
//     auto server = HttpServer::Start({.listen_addresses = {"127.0.0.1:0"}}, {.router = &router, .threads = &threads,
//                                      .pool = &pool, .registry = &registry, .log = log});
//     (*server)->addresses();            // "127.0.0.1:41235"
//     (*server)->Shutdown(10s);
//
// Source   RFC 9110, 9112; limits of reliability.md section 5.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "net/http_message.h"
#include "net/router.h"
#include "net/tls_server_options.h"

namespace baro::base {
class ComputePool;
class Registry;
}  // namespace baro::base

namespace baro::net {

class IoThreads;

struct HttpServerOptions {
  /// "host:port", ":port" (all addresses, IPv6 and IPv4), "[::1]:port"; port 0 takes a free one.
  std::vector<std::string> listen_addresses = {":9090"};
  std::optional<TlsServerOptions> tls;
  HeaderFields headers;  ///< put on every answer that does not have them itself

  std::chrono::milliseconds header_timeout{
      10'000};  ///< for the TLS handshake, and from a header's first byte to its last
  std::chrono::milliseconds idle_timeout{60'000};  ///< between two requests
  std::chrono::milliseconds request_timeout{
      300'000};  ///< for whole requests; a route's own limit is kept if it is less
  std::size_t header_bytes_max = 32 * 1024;
  std::size_t connections_max = 10'000;
  std::size_t connections_per_address_max = 512;
  std::size_t reserved_connections = 16;  ///< beyond `connections_max`, for routes with `is_reserved` only
  std::size_t compress_bytes_min = 1024;  ///< smaller answers are sent as they are
};

/// What the server stands on; all is borrowed and outlives it.
struct HttpServerParts {
  const Router* router = nullptr;
  IoThreads* threads = nullptr;
  base::ComputePool* pool = nullptr;           ///< runs handlers that are not inline
  base::ComputePool* blocking_pool = nullptr;  ///< runs those that wait for the disk; null: `pool` does
  base::Registry* registry = nullptr;          ///< null: no metrics
  base::Logger log;
};

/// Threads  Any, but Shutdown() and the destructor must not be called on an I/O thread or from a handler.
class HttpServer {
 public:
  /// Listens; requests are served from here on.
  /// Errors   kInvalidArgument: a malformed address, TLS options. kIo: cannot listen, with the address and the reason.
  static base::Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpServerParts parts);

  /// As Shutdown() without grace.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The addresses it listens on, with the real ports, in the order of the options.
  const std::vector<std::string>& addresses() const;

  /// Connections that are open now.
  std::size_t connection_count() const;

  /// Stops listening at once, closes idle connections, lets running requests finish within `grace` and then cuts them.
  /// Returns when no connection and no handler is left. Again: does nothing.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::net

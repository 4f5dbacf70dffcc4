// The part of an HTTP client that lives on one loop: its kept-alive connections, its running calls, its memory for
// reading.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/executor.h"
#include "net/asio/event.h"
#include "net/asio/resolver.h"
#include "net/asio/socket_stream.h"
#include "net/http/credentials.h"
#include "net/http/proxy_rules.h"
#include "net/http_client.h"
#include "net/tls/tls_context.h"

namespace baro::net::http {

class BodyReceiver;
class OAuth2Tokens;

using SteadyTime = std::chrono::steady_clock::time_point;

/// A connection to one origin, or to the proxy on the way there; over TCP or a unix socket.
struct ClientConnection {
  explicit ClientConnection(asio::Socket socket) : stream(std::move(socket)) {}

  asio::SocketStream stream;
  SteadyTime idle_since;
  bool is_reused = false;
};

/// What all loops of a client share; immutable.
struct ClientShared {
  HttpClientOptions options;
  HttpClientSettings settings;
  std::shared_ptr<tls::ClientContextSource> tls;
  ProxyRules proxies;
  OAuth2Tokens* tokens = nullptr;  ///< borrowed from the client, which outlives its calls; null: no oauth2
};

/// How a call can be ended from outside of its coroutine.
struct ClientCall {
  explicit ClientCall(boost::asio::io_context& context) : timer(context) {}

  enum class End : std::uint8_t { kNone, kTimeout, kConnectTimeout, kIdleTimeout, kCancelled };
  /// Wakes the coroutine wherever it waits; the first reason stays.
  void Abort(End reason);

  FetchRequest request;
  FetchOptions options;
  FetchCallback callback;
  std::shared_ptr<BodyReceiver> receiver;  ///< of a stream
  SteadyTime started;
  End end = End::kNone;
  boost::asio::steady_timer timer;
  // What the coroutine waits on, while it does.
  asio::SocketStream* stream = nullptr;
  asio::Resolver::Lookup* lookup = nullptr;
  asio::Event* event = nullptr;
};

/// Threads  Confined to its loop, but for the constructor.
class ClientShard : public std::enable_shared_from_this<ClientShard> {
 public:
  ClientShard(boost::asio::io_context& context, asio::Resolver& resolver, std::shared_ptr<const ClientShared> shared,
              Credentials credentials);

  boost::asio::io_context& context() { return context_; }
  asio::Resolver& resolver() { return resolver_; }
  const ClientShared& shared() const { return *shared_; }
  Credentials& credentials() { return credentials_; }

  void Start(HttpFetcher::CallId id, std::shared_ptr<ClientCall> call);
  void Cancel(HttpFetcher::CallId id);
  /// What is left to do with an answer on the executor; may be empty.
  using Completion = std::move_only_function<base::Result<FetchResponse>(FetchResponse)>;

  /// The call is over: gives its callback to the executor.
  void Finish(HttpFetcher::CallId id, base::Result<FetchResponse> answer, Completion completion);

  /// Cancels all; `on_empty` is called once no call is left.
  void Close(std::function<void()> on_empty);

  /// An idle connection that seems to be alive, or null.
  std::unique_ptr<ClientConnection> TakeIdle(const std::string& key);
  void KeepIdle(const std::string& key, std::unique_ptr<ClientConnection> connection);

  /// Memory for one read, `kReadBytes` of it.
  std::unique_ptr<char[]> TakeBuffer();
  void ReturnBuffer(std::unique_ptr<char[]> buffer);

  static constexpr std::size_t kReadBytes = 64 * 1024;

 private:
  void ScheduleSweep();
  void Sweep();

  boost::asio::io_context& context_;
  asio::Resolver& resolver_;
  std::shared_ptr<const ClientShared> shared_;
  Credentials credentials_;
  std::unordered_map<HttpFetcher::CallId, std::shared_ptr<ClientCall>> calls_;
  std::unordered_map<std::string, std::vector<std::unique_ptr<ClientConnection>>> idle_;
  std::size_t idle_count_ = 0;
  std::vector<std::unique_ptr<char[]>> buffers_;
  boost::asio::steady_timer sweep_timer_;
  bool is_sweeping_ = false;
  std::function<void()> on_empty_;
};

/// "timeout of 10s" and the like: 1.5s, 200ms.
std::string DurationText(std::chrono::milliseconds duration);
/// "1.2 MiB", "512 bytes".
std::string SizeText(std::size_t bytes);

}  // namespace baro::net::http

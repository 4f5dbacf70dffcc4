// What all connections of a server share: options, counts, metrics, and per loop the list of its connections.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/metrics.h"
#include "base/mutex.h"
#include "net/http_server.h"
#include "net/tls/tls_context.h"

namespace baro::net::http {

class ServerConnection;
using SteadyTime = std::chrono::steady_clock::time_point;

/// The server's metrics, with their children looked up once per route.
class ServerMetrics {
 public:
  ServerMetrics(base::Registry* registry, const std::vector<Route>& routes);

  void CountRequest(const Route& route, int status, std::chrono::nanoseconds duration, std::size_t response_bytes);
  void CountAccepted();
  void CountClosed();
  void CountRefused(const char* reason);

 private:
  struct OfRoute {
    std::string name;
    base::Histogram* duration = nullptr;
    base::Histogram* size = nullptr;
    base::Counter* ok = nullptr;  // code 200, by far the most
  };

  base::CounterFamily* requests_ = nullptr;
  base::Counter* accepted_ = nullptr;
  base::Counter* closed_ = nullptr;
  base::CounterFamily* refused_ = nullptr;
  const Route* first_route_ = nullptr;
  std::vector<std::unique_ptr<OfRoute>> routes_;
};

/// Who may connect: counts in all and per address.
class Admission {
 public:
  enum class Verdict { kServe, kReserved, kTooMany, kTooManyOfAddress };

  explicit Admission(const HttpServerOptions& options) : options_(options) {}

  /// kServe and kReserved are to be given back by Leave().
  Verdict Enter(const boost::asio::ip::address& address);
  void Leave(const boost::asio::ip::address& address);

  std::size_t count() const;
  /// Until nobody is left, or not past `limit`; whether nobody is left.
  bool WaitUntilEmpty(std::chrono::milliseconds limit);

 private:
  const HttpServerOptions& options_;
  mutable base::Mutex mutex_;  // leaf
  base::CondVar left_;
  std::size_t count_ BARO_GUARDED_BY(mutex_) = 0;
  std::map<boost::asio::ip::address, std::size_t> by_address_ BARO_GUARDED_BY(mutex_);
};

/// A loop's connections, whose deadlines are looked at by one slow tick: a timer of its own for each state of each
/// request would cost more than parsing it. Threads  Confined to the loop.
class ServerLoop : public std::enable_shared_from_this<ServerLoop> {
 public:
  explicit ServerLoop(boost::asio::io_context& context) : context_(context), timer_(context) {}

  static constexpr std::chrono::milliseconds kTick{100};

  boost::asio::io_context& context() { return context_; }
  void Add(ServerConnection& connection);
  void Remove(ServerConnection& connection);

  /// Idle connections are closed, the others after their answer.
  void Drain();
  /// All are cut.
  void Kill();
  bool is_draining() const { return is_draining_; }

  /// The Date header's value, made once a second.
  const std::string& date();

 private:
  void ScheduleTick();
  void Tick();

  boost::asio::io_context& context_;
  boost::asio::steady_timer timer_;
  std::unordered_set<ServerConnection*> connections_;
  bool is_ticking_ = false;
  bool is_draining_ = false;
  std::string date_;
  std::chrono::sys_seconds date_time_{};
};

/// Counts handlers that are queued or run, so that the server's end can wait for them.
class HandlerCount {
 public:
  void Add();
  void Remove();
  void WaitUntilZero();

 private:
  base::Mutex mutex_;  // leaf
  base::CondVar changed_;
  std::size_t count_ BARO_GUARDED_BY(mutex_) = 0;
};

struct ServerCore {
  ServerCore(HttpServerOptions the_options, HttpServerParts the_parts)
      : options(std::move(the_options)),
        parts(std::move(the_parts)),
        metrics(parts.registry, parts.router->routes()),
        admission(options) {}

  const HttpServerOptions options;
  const HttpServerParts parts;
  ServerMetrics metrics;
  Admission admission;
  std::shared_ptr<HandlerCount> handlers = std::make_shared<HandlerCount>();
  std::shared_ptr<tls::ServerContextSource> tls;
};

}  // namespace baro::net::http

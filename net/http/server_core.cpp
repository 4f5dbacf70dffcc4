#include "net/http/server_core.h"

#include <fmt/format.h>

#include "net/http/server_connection.h"

namespace baro::net::http {

ServerMetrics::ServerMetrics(base::Registry* registry, const std::vector<Route>& routes) {
  if (registry == nullptr) return;
  requests_ =
      &registry->MakeCounterFamily("prometheus_http_requests_total", "Counter of HTTP requests.", {"handler", "code"});
  // Prometheus' own buckets, which dashboards know.
  auto& durations = registry->MakeHistogramFamily("prometheus_http_request_duration_seconds",
                                                  "Histogram of latencies for HTTP requests.", {"handler"},
                                                  {.1, .2, .4, 1, 3, 8, 20, 60, 120});
  auto& sizes = registry->MakeHistogramFamily("prometheus_http_response_size_bytes",
                                              "Histogram of response size for HTTP requests.", {"handler"},
                                              {1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9});
  const auto connections = [&](const char* name, const char* help) -> base::Counter& {
    return registry->MakeCounterFamily(name, help, {"listener_name"}).With({"http"});
  };
  accepted_ = &connections("net_conntrack_listener_conn_accepted_total",
                           "Total number of connections opened to the listener of a given name.");
  closed_ = &connections("net_conntrack_listener_conn_closed_total",
                         "Total number of connections closed that were made to the listener of a given name.");
  refused_ = &registry->MakeCounterFamily("barograph_http_connections_refused_total",
                                          "Connections and requests that were refused because of a limit.", {"reason"});
  first_route_ = routes.data();
  for (const auto& route : routes) {
    auto of_route = std::make_unique<OfRoute>();
    of_route->name = RouteMetricName(route.path);
    of_route->ok = &requests_->With({of_route->name, "200"});
    of_route->duration = &durations.With({of_route->name});
    of_route->size = &sizes.With({of_route->name});
    routes_.push_back(std::move(of_route));
  }
}

void ServerMetrics::CountRequest(const Route& route, int status, std::chrono::nanoseconds duration,
                                 std::size_t response_bytes) {
  if (requests_ == nullptr) return;
  OfRoute& of_route = *routes_[static_cast<std::size_t>(&route - first_route_)];
  base::Counter* counter = status == 200 ? of_route.ok : &requests_->With({of_route.name, fmt::to_string(status)});
  counter->Add();
  of_route.duration->Observe(std::chrono::duration<double>(duration).count());
  of_route.size->Observe(static_cast<double>(response_bytes));
}

void ServerMetrics::CountAccepted() {
  if (accepted_ != nullptr) accepted_->Add();
}

void ServerMetrics::CountClosed() {
  if (closed_ != nullptr) closed_->Add();
}

void ServerMetrics::CountRefused(const char* reason) {
  if (refused_ != nullptr) refused_->With({reason}).Add();
}

Admission::Verdict Admission::Enter(const boost::asio::ip::address& address) {
  const base::MutexLock lock(mutex_);
  auto& of_address = by_address_[address];
  Verdict verdict = Verdict::kServe;
  if (count_ >= options_.connections_max + options_.reserved_connections) {
    verdict = Verdict::kTooMany;
  } else if (count_ >= options_.connections_max) {
    verdict = Verdict::kReserved;
  } else if (of_address >= options_.connections_per_address_max) {
    verdict = Verdict::kTooManyOfAddress;
  }
  if (verdict == Verdict::kServe || verdict == Verdict::kReserved) {
    ++count_;
    ++of_address;
  } else if (of_address == 0) {
    by_address_.erase(address);
  }
  return verdict;
}

void Admission::Leave(const boost::asio::ip::address& address) {
  const base::MutexLock lock(mutex_);
  --count_;
  const auto of_address = by_address_.find(address);
  if (--of_address->second == 0) by_address_.erase(of_address);
  if (count_ == 0) left_.NotifyAll();
}

std::size_t Admission::count() const {
  const base::MutexLock lock(mutex_);
  return count_;
}

bool Admission::WaitUntilEmpty(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const base::MutexLock lock(mutex_);
  while (count_ > 0) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) return false;
    left_.WaitFor(mutex_, left);
  }
  return true;
}

void ServerLoop::Add(ServerConnection& connection) {
  connections_.insert(&connection);
  if (!is_ticking_) ScheduleTick();
}

void ServerLoop::Remove(ServerConnection& connection) { connections_.erase(&connection); }

void ServerLoop::Drain() {
  is_draining_ = true;
  for (ServerConnection* connection : connections_) connection->CloseIfIdle();
}

void ServerLoop::Kill() {
  is_draining_ = true;
  for (ServerConnection* connection : connections_) connection->Kill();
}

void ServerLoop::ScheduleTick() {
  is_ticking_ = true;
  timer_.expires_after(kTick);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (const auto self = weak.lock(); self && !error) self->Tick();
  });
}

void ServerLoop::Tick() {
  const auto now = std::chrono::steady_clock::now();
  // A connection's coroutine goes on later, never inside of OnTick(): the set does not change under the loop.
  for (ServerConnection* connection : connections_) connection->OnTick(now);
  is_ticking_ = false;
  if (!connections_.empty()) ScheduleTick();
}

const std::string& ServerLoop::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (now != date_time_) {
    date_ = FormatHttpDate(now);
    date_time_ = now;
  }
  return date_;
}

void HandlerCount::Add() {
  const base::MutexLock lock(mutex_);
  ++count_;
}

void HandlerCount::Remove() {
  const base::MutexLock lock(mutex_);
  if (--count_ == 0) changed_.NotifyAll();
}

void HandlerCount::WaitUntilZero() {
  const base::MutexLock lock(mutex_);
  while (count_ > 0) changed_.Wait(mutex_);
}

}  // namespace baro::net::http

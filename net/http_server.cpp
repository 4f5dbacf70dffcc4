#include "net/http_server.h"

#include <atomic>
#include <charconv>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/asio/io_threads_impl.h"
#include "net/http/server_connection.h"
#include "net/http/server_core.h"

namespace baro::net {
namespace {

using base::Code;
using base::Fail;
using base::Result;
using boost::asio::awaitable;
using boost::asio::redirect_error;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto bad = [&](std::string_view what) {
    return Fail(Code::kInvalidArgument, fmt::format("listen address {:?}: {}, want host:port", text, what));
  };
  if (colon == std::string_view::npos) return bad("no port");
  ListenAddress address{.host = std::string(text.substr(0, colon))};
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const auto port = text.substr(colon + 1);
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || stop != port.data() + port.size()) return bad("the port is not 0 to 65535");
  return address;
}

Result<tcp::endpoint> ToEndpoint(const ListenAddress& address) {
  if (address.host.empty()) return tcp::endpoint(tcp::v6(), address.port);
  if (const auto literal = asio::Resolver::Literal(address.host, address.port)) return *literal;
  // At start only, so that blocking does no harm.
  boost::asio::io_context context;
  boost::system::error_code error;
  const auto found = tcp::resolver(context).resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty())
    return Fail(Code::kIo, fmt::format("listen on {:?}: {}", address.host, asio::Describe(error)));
  return found.begin()->endpoint();
}

Result<tcp::acceptor> Listen(boost::asio::io_context& context, const std::string& text) {
  const auto address = BARO_TRY(ParseListenAddress(text));
  auto endpoint = BARO_TRY(ToEndpoint(address));
  tcp::acceptor acceptor(context);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error && address.host.empty()) {  // a machine without IPv6
    endpoint = tcp::endpoint(tcp::v4(), address.port);
    acceptor.open(endpoint.protocol(), error);
  }
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(boost::asio::ip::v6_only(!address.host.empty()), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return Fail(Code::kIo, fmt::format("listen on {}: {}", text, asio::Describe(error)));
  return acceptor;
}

// Says why and lets the client read it; bounded, since whoever floods us gets no more than a reset.
awaitable<void> TurnAway(std::shared_ptr<tcp::socket> socket, std::shared_ptr<std::size_t> count) {
  constexpr std::size_t kTurnedAwayMax = 64;
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n"
      "Retry-After: 1\r\nConnection: close\r\n\r\ntoo many connections\n";
  if (*count >= kTurnedAwayMax) co_return;
  ++*count;
  boost::system::error_code error;
  boost::asio::steady_timer timer(socket->get_executor(), std::chrono::seconds(1));
  timer.async_wait([socket](const boost::system::error_code& timer_error) {
    boost::system::error_code ignored;
    if (!timer_error) socket->close(ignored);
  });
  socket->non_blocking(true, error);
  socket->send(boost::asio::buffer(kAnswer), 0, error);
  socket->shutdown(tcp::socket::shutdown_send, error);
  char sink[1024];
  error = {};
  while (!error) co_await socket->async_read_some(boost::asio::buffer(sink), redirect_error(use_awaitable, error));
  timer.cancel();
  --*count;
}

}  // namespace

struct HttpServer::Impl {
  std::shared_ptr<http::ServerCore> core;
  std::vector<std::shared_ptr<http::ServerLoop>> loops;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;
  std::vector<std::string> addresses;
  std::atomic<bool> is_stopped{false};

  static awaitable<void> Accept(std::shared_ptr<http::ServerCore> core,
                                std::vector<std::shared_ptr<http::ServerLoop>> loops,
                                std::shared_ptr<tcp::acceptor> acceptor);
  static void Admit(const std::shared_ptr<http::ServerCore>& core, const std::shared_ptr<http::ServerLoop>& loop,
                    tcp::socket socket, const std::shared_ptr<std::size_t>& turned_away);
  template <typename Work>
  void OnEachLoop(Work work);
};

void HttpServer::Impl::Admit(const std::shared_ptr<http::ServerCore>& core,
                             const std::shared_ptr<http::ServerLoop>& loop, tcp::socket socket,
                             const std::shared_ptr<std::size_t>& turned_away) {
  using Verdict = http::Admission::Verdict;
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const Verdict verdict = core->admission.Enter(peer.address());
  if (verdict == Verdict::kServe || verdict == Verdict::kReserved) {
    // The connection object must be made on its loop.
    boost::asio::post(loop->context(), [core, loop, verdict, socket = std::move(socket)]() mutable {
      http::ServerConnection::Spawn(core, loop, std::move(socket), verdict == Verdict::kReserved);
    });
    return;
  }
  core->metrics.CountRefused(verdict == Verdict::kTooMany ? "connections" : "connections_per_address");
  if (core->tls) return;  // no handshake for somebody who is turned away
  auto shared = std::make_shared<tcp::socket>(std::move(socket));
  boost::asio::post(loop->context(), [loop, turned_away, shared = std::move(shared)]() mutable {
    boost::asio::co_spawn(loop->context(), TurnAway(std::move(shared), turned_away), boost::asio::detached);
  });
}

awaitable<void> HttpServer::Impl::Accept(std::shared_ptr<http::ServerCore> core,
                                         std::vector<std::shared_ptr<http::ServerLoop>> loops,
                                         std::shared_ptr<tcp::acceptor> acceptor) {
  std::vector<std::shared_ptr<std::size_t>> turned_away;  // per loop, touched there only
  turned_away.reserve(loops.size());
  for (std::size_t i = 0; i < loops.size(); ++i) turned_away.push_back(std::make_shared<std::size_t>(0));
  for (std::size_t turn = 0; acceptor->is_open(); ++turn) {
    const auto& loop = loops[turn % loops.size()];
    boost::system::error_code error;
    tcp::socket socket(loop->context());
    co_await acceptor->async_accept(socket, redirect_error(use_awaitable, error));
    if (!error) {
      Admit(core, loop, std::move(socket), turned_away[turn % loops.size()]);
    } else if (acceptor->is_open()) {
      // No descriptors left, mostly: others will give some back.
      core->parts.log.Warn("cannot accept a connection", {{"err", asio::Describe(error)}});
      boost::asio::steady_timer pause(acceptor->get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(redirect_error(use_awaitable, error));
    }
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpServerParts parts) {
  BARO_ASSERT(parts.router != nullptr && parts.threads != nullptr && parts.pool != nullptr);
  auto impl = std::make_unique<Impl>();
  auto& threads = parts.threads->impl();
  impl->core = std::make_shared<http::ServerCore>(std::move(options), std::move(parts));
  const auto& core = impl->core;
  if (core->options.tls) core->tls = BARO_TRY(tls::ServerContextSource::Make(*core->options.tls));
  for (const auto& text : core->options.listen_addresses) {
    auto acceptor = BARO_TRY(Listen(threads.context(0), text));
    impl->addresses.push_back(asio::ToString(acceptor.local_endpoint()));
    impl->acceptors.push_back(std::make_shared<tcp::acceptor>(std::move(acceptor)));
  }
  for (std::size_t i = 0; i < threads.size(); ++i) {
    impl->loops.push_back(std::make_shared<http::ServerLoop>(threads.context(i)));
  }
  for (const auto& acceptor : impl->acceptors) {
    boost::asio::co_spawn(threads.context(0), Impl::Accept(core, impl->loops, acceptor), boost::asio::detached);
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer() { Shutdown(std::chrono::milliseconds(0)); }

const std::vector<std::string>& HttpServer::addresses() const { return impl_->addresses; }

std::size_t HttpServer::connection_count() const { return impl_->core->admission.count(); }

template <typename Work>
void HttpServer::Impl::OnEachLoop(Work work) {
  for (const auto& loop : loops) {
    boost::asio::post(loop->context(), [loop, work] { work(*loop); });
  }
}

void HttpServer::Shutdown(std::chrono::milliseconds grace) {
  if (impl_->is_stopped.exchange(true)) return;
  boost::asio::post(impl_->loops[0]->context(), [acceptors = impl_->acceptors] {
    boost::system::error_code ignored;
    for (const auto& acceptor : acceptors) acceptor->close(ignored);
  });
  auto& core = *impl_->core;
  impl_->OnEachLoop([](http::ServerLoop& loop) { loop.Drain(); });
  core.admission.WaitUntilEmpty(grace);
  // Until all have ended: an accepted socket may still be on its way to its loop when the first Kill() is there.
  do {
    impl_->OnEachLoop([](http::ServerLoop& loop) { loop.Kill(); });
  } while (!core.admission.WaitUntilEmpty(std::chrono::milliseconds(100)));
  core.handlers->WaitUntilZero();
}

}  // namespace baro::net

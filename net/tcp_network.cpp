#include "net/tcp_network.h"

#include <fmt/format.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "net/asio/io_threads_impl.h"
#include "net/asio/resolver.h"
#include "net/asio/socket_stream.h"

namespace baro::net {
namespace {

namespace io = boost::asio;
using asio::Describe;
using asio::Endpoints;
using asio::ErrorCode;
using asio::Resolver;
using base::Code;
using io::ip::tcp;

/// How long a listener waits when connections cannot be accepted, for want of descriptors mostly.
constexpr std::chrono::milliseconds kAcceptPause{100};

base::Error ToError(const ErrorCode& error) {
  return {error == io::error::operation_aborted ? Code::kCancelled : Code::kIo, Describe(error)};
}

class TcpStream : public base::Stream {
 public:
  explicit TcpStream(tcp::socket socket) : socket_(std::make_shared<tcp::socket>(std::move(socket))) {}
  ~TcpStream() override { Close(); }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  void AsyncRead(std::span<std::byte> out, ReadDone done) override {
    socket_->async_read_some(io::buffer(out.data(), out.size()),
                             [socket = socket_, done = std::move(done)](ErrorCode error, std::size_t count) mutable {
                               if (error == io::error::eof) return done(std::size_t{0});
                               if (error) return done(ToError(error));
                               done(count);
                             });
  }

  void AsyncWrite(base::ByteSpan bytes, WriteDone done) override {
    io::async_write(*socket_, io::buffer(bytes.data(), bytes.size()),
                    [socket = socket_, done = std::move(done)](ErrorCode error, std::size_t) mutable {
                      if (error) return done(ToError(error));
                      done({});
                    });
  }

  void CloseWrite() override {
    ErrorCode ignored;  // the other side may be gone already
    socket_->shutdown(tcp::socket::shutdown_send, ignored);
  }

  void Close() override {
    ErrorCode ignored;
    socket_->close(ignored);
  }

 private:
  std::shared_ptr<tcp::socket> socket_;  // kept by what is under way
};

/// What a listening socket and its loop share.
struct Listening : std::enable_shared_from_this<Listening> {
  Listening(io::io_context& context, base::Network::Accepted on_accept)
      : acceptor(context), pause(context), accepted(std::move(on_accept)) {}

  void AcceptNext() {
    acceptor.async_accept([self = shared_from_this()](ErrorCode error, tcp::socket socket) {
      if (error == io::error::operation_aborted || !self->acceptor.is_open()) return;
      if (!error) {
        self->accepted(std::make_unique<TcpStream>(std::move(socket)));
        return self->AcceptNext();
      }
      self->pause.expires_after(kAcceptPause);
      self->pause.async_wait([self](ErrorCode stopped) {
        if (!stopped) self->AcceptNext();
      });
    });
  }

  void Stop() {
    ErrorCode ignored;
    acceptor.close(ignored);
    pause.cancel();
  }

  tcp::acceptor acceptor;
  io::steady_timer pause;
  base::Network::Accepted accepted;
};

class TcpListener : public base::Listener {
 public:
  TcpListener(std::shared_ptr<Listening> listening, base::Endpoint endpoint)
      : listening_(std::move(listening)), endpoint_(std::move(endpoint)) {}
  ~TcpListener() override {
    io::post(listening_->acceptor.get_executor(), [listening = listening_] { listening->Stop(); });
  }
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  base::Endpoint endpoint() const override { return endpoint_; }

 private:
  std::shared_ptr<Listening> listening_;
  base::Endpoint endpoint_;
};

/// One Connect(): whatever it waits for, the timer ends.
struct Attempt {
  explicit Attempt(io::io_context& context) : socket(context), timer(context) {}

  tcp::socket socket;
  io::steady_timer timer;
  std::unique_ptr<Resolver::Lookup> lookup;
  bool is_late = false;
};

}  // namespace

class TcpNetwork::State {
 public:
  explicit State(IoThreads& threads) : context(threads.impl().next()), resolver(threads.impl().resolver) {}

  io::io_context& context;
  Resolver& resolver;
};

namespace {

// g++ 12 destroys aggregates that are made inside of a co_await expression twice: all arguments have names.
io::awaitable<base::Result<Endpoints>> LookUp(Resolver& resolver, io::io_context& context,
                                              std::unique_ptr<Resolver::Lookup>& lookup, std::string host,
                                              std::uint16_t port) {
  base::Result<Endpoints> found;
  if (const auto literal = Resolver::Literal(host, port)) {
    found->push_back(*literal);
    co_return found;
  }
  lookup = resolver.Start(context, host, port);
  found = co_await lookup->Wait();
  co_return found;
}

/// The first of the addresses that takes the connection.
io::awaitable<ErrorCode> ConnectToAny(std::shared_ptr<Attempt> attempt, Endpoints endpoints) {
  ErrorCode error = io::error::host_not_found;
  for (const tcp::endpoint& endpoint : endpoints) {
    ErrorCode ignored;
    attempt->socket.close(ignored);
    co_await attempt->socket.async_connect(endpoint, io::redirect_error(io::use_awaitable, error));
    if (!error || attempt->is_late) break;
  }
  co_return error;
}

io::awaitable<void> ConnectTo(Resolver& resolver, io::io_context& context, base::Endpoint to,
                              std::chrono::nanoseconds timeout, base::Network::ConnectDone done) {
  const auto attempt = std::make_shared<Attempt>(context);
  attempt->timer.expires_after(std::min<std::chrono::nanoseconds>(timeout, base::kDelayMax));
  attempt->timer.async_wait([attempt](ErrorCode stopped) {
    if (stopped) return;
    attempt->is_late = true;
    if (attempt->lookup) attempt->lookup->Cancel();
    ErrorCode ignored;
    attempt->socket.close(ignored);
  });
  base::Result<Endpoints> endpoints = co_await LookUp(resolver, context, attempt->lookup, to.host, to.port);
  ErrorCode error;
  if (endpoints && !attempt->is_late) error = co_await ConnectToAny(attempt, *endpoints);
  attempt->timer.cancel();
  const std::string what = fmt::format("connect to {}:{}", to.host, to.port);
  if (attempt->is_late) {
    done(base::Fail(Code::kTimeout, what + ": timed out"));
  } else if (!endpoints) {
    done(endpoints.error().WithContext(what));
  } else if (error) {
    done(ToError(error).WithContext(what));
  } else {
    done(std::make_unique<TcpStream>(std::move(attempt->socket)));
  }
}

io::awaitable<void> ResolveName(Resolver& resolver, io::io_context& context, std::string host,
                                base::Network::ResolveDone done) {
  std::unique_ptr<Resolver::Lookup> lookup;
  base::Result<Endpoints> endpoints = co_await LookUp(resolver, context, lookup, host, 0);
  if (!endpoints) {
    done(std::unexpected(endpoints.error()));
    co_return;
  }
  std::vector<std::string> addresses;
  for (const tcp::endpoint& endpoint : *endpoints) addresses.push_back(endpoint.address().to_string());
  done(std::move(addresses));
}

}  // namespace

TcpNetwork::TcpNetwork(IoThreads& threads) : state_(std::make_shared<State>(threads)) {}
TcpNetwork::~TcpNetwork() = default;

void TcpNetwork::Connect(const base::Endpoint& to, std::chrono::nanoseconds timeout, ConnectDone done) {
  io::co_spawn(state_->context, ConnectTo(state_->resolver, state_->context, to, timeout, std::move(done)),
               io::detached);
}

base::Result<std::unique_ptr<base::Listener>> TcpNetwork::Listen(const base::Endpoint& at, Accepted accepted) {
  const auto endpoint = Resolver::Literal(at.host, at.port);
  if (!endpoint) {
    return base::Fail(Code::kInvalidArgument,
                      fmt::format("listen on {}:{}: the host must be an address", at.host, at.port));
  }
  auto listening = std::make_shared<Listening>(state_->context, std::move(accepted));
  ErrorCode error;
  const auto step = [&](auto&& act) {
    if (!error) act();
  };
  step([&] { listening->acceptor.open(endpoint->protocol(), error); });
  step([&] { listening->acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
  step([&] { listening->acceptor.bind(*endpoint, error); });
  step([&] { listening->acceptor.listen(tcp::acceptor::max_listen_connections, error); });
  if (error) {
    const Code code = error == io::error::address_in_use  ? Code::kAlreadyExists
                      : error == io::error::access_denied ? Code::kPermissionDenied
                                                          : Code::kIo;
    return base::Fail(code, fmt::format("listen on {}:{}: {}", at.host, at.port, Describe(error)));
  }
  const base::Endpoint real{.host = at.host, .port = listening->acceptor.local_endpoint(error).port()};
  io::post(state_->context, [listening] { listening->AcceptNext(); });
  return std::make_unique<TcpListener>(std::move(listening), real);
}

void TcpNetwork::Resolve(const std::string& host, ResolveDone done) {
  io::co_spawn(state_->context, ResolveName(state_->resolver, state_->context, host, std::move(done)), io::detached);
}

void TcpNetwork::Post(base::Task task) {
  io::post(state_->context, [task = std::move(task)]() mutable { task(); });
}

}  // namespace baro::net

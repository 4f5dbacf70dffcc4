#include "net/asio/socket_stream.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace baro::net::asio {

using boost::asio::redirect_error;
using boost::asio::use_awaitable;

void SocketStream::StartTls(std::shared_ptr<boost::asio::ssl::context> context) {
  if (tls_) {
    inner_context_ = std::move(context);
    inner_tls_ = std::make_unique<InnerTls>(*tls_, *inner_context_);
    return;
  }
  context_ = std::move(context);
  tls_ = std::make_unique<Tls>(socket_, *context_);
}

boost::asio::awaitable<void> SocketStream::Handshake(boost::asio::ssl::stream_base::handshake_type type,
                                                     ErrorCode& error) {
  if (inner_tls_) {
    co_await inner_tls_->async_handshake(type, redirect_error(use_awaitable, error));
  } else {
    co_await tls_->async_handshake(type, redirect_error(use_awaitable, error));
  }
}

boost::asio::awaitable<std::size_t> SocketStream::ReadSome(boost::asio::mutable_buffer buffer, ErrorCode& error) {
  std::size_t size = 0;
  if (!tls_) {
    size = co_await socket_.async_read_some(buffer, redirect_error(use_awaitable, error));
    co_return size;
  }
  if (inner_tls_) {
    size = co_await inner_tls_->async_read_some(buffer, redirect_error(use_awaitable, error));
  } else {
    size = co_await tls_->async_read_some(buffer, redirect_error(use_awaitable, error));
  }
  // Many close without close_notify. HTTP has its own framing, which notices what is missing.
  if (error == boost::asio::ssl::error::stream_truncated) error = boost::asio::error::eof;
  co_return size;
}

boost::asio::awaitable<void> SocketStream::WaitReadable(ErrorCode& error) {
  if (tls_) co_return;  // bytes may be waiting inside of OpenSSL
  co_await socket_.async_wait(boost::asio::socket_base::wait_read, redirect_error(use_awaitable, error));
}

boost::asio::awaitable<void> SocketStream::Write(boost::asio::const_buffer first, boost::asio::const_buffer second,
                                                 ErrorCode& error) {
  const std::array<boost::asio::const_buffer, 2> buffers = {first, second};
  if (inner_tls_) {
    co_await boost::asio::async_write(*inner_tls_, buffers, redirect_error(use_awaitable, error));
  } else if (!tls_) {
    co_await boost::asio::async_write(socket_, buffers, redirect_error(use_awaitable, error));
  } else {
    co_await boost::asio::async_write(*tls_, buffers, redirect_error(use_awaitable, error));
  }
}

boost::asio::awaitable<void> SocketStream::Shutdown() {
  ErrorCode ignored;
  if (tls_) {
    // The first half only: SSL_shutdown writes close_notify; waiting for the answer would be waiting for a stranger.
    SSL_set_shutdown(tls_->native_handle(), SSL_RECEIVED_SHUTDOWN);
    co_await tls_->async_shutdown(redirect_error(use_awaitable, ignored));
  }
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

SocketStream::Peek SocketStream::PeekSocket() {
  char byte = 0;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return Peek::kData;
  if (got == 0) return Peek::kEnd;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Peek::kNothing : Peek::kBroken;
}

void SocketStream::Close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

std::string Describe(const ErrorCode& error) {
  std::string text = error.message();
  // OpenSSL's words come with the name of its library: "certificate verify failed (SSL routines)".
  if (const auto library = text.find(" (SSL routines"); library != std::string::npos) text.resize(library);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + ('a' - 'A'));
  return text;
}

std::optional<boost::asio::ip::tcp::endpoint> TcpEndpoint(
    const boost::asio::generic::stream_protocol::endpoint& endpoint) {
  boost::asio::ip::tcp::endpoint tcp;
  const int family = endpoint.protocol().family();
  if ((family != AF_INET && family != AF_INET6) || endpoint.size() > tcp.capacity()) return std::nullopt;
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  tcp.resize(endpoint.size());
  return tcp;
}

std::string ToString(const boost::asio::ip::tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), endpoint.port())
                         : fmt::format("{}:{}", address.to_string(), endpoint.port());
}

}  // namespace baro::net::asio

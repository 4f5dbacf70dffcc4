// A connection over TCP or a unix socket, with or without TLS, as coroutines that are compiled once for both.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "base/result.h"

namespace baro::net::asio {

using ErrorCode = boost::system::error_code;

/// A socket of either kind.
using Socket = boost::asio::generic::stream_protocol::socket;

/// Threads  Confined to the socket's loop.
class SocketStream {
 public:
  /// Takes a TCP socket too.
  explicit SocketStream(Socket socket) : socket_(std::move(socket)) {}
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  Socket& socket() { return socket_; }
  /// Whether what is written is encrypted on the wire.
  bool is_tls() const { return tls_ != nullptr; }
  /// The context of the outer TLS; null without.
  const std::shared_ptr<boost::asio::ssl::context>& tls_context() const { return context_; }
  /// The innermost TLS; null without.
  SSL* ssl() {
    if (inner_tls_) return inner_tls_->native_handle();
    return tls_ ? tls_->native_handle() : nullptr;
  }

  /// Puts TLS on top, the second time inside of the first: behind a proxy that is spoken to over TLS. `context` is kept
  /// alive. To be followed by Handshake().
  void StartTls(std::shared_ptr<boost::asio::ssl::context> context);
  boost::asio::awaitable<void> Handshake(boost::asio::ssl::stream_base::handshake_type type, ErrorCode& error);

  /// At least one byte, or an error; `error` is eof at the other side's end, also for TLS without close_notify.
  boost::asio::awaitable<std::size_t> ReadSome(boost::asio::mutable_buffer buffer, ErrorCode& error);
  /// Waits until there is something to read, without a buffer. With TLS it returns at once.
  boost::asio::awaitable<void> WaitReadable(ErrorCode& error);
  boost::asio::awaitable<void> Write(boost::asio::const_buffer first, boost::asio::const_buffer second,
                                     ErrorCode& error);
  /// Says goodbye (TLS close_notify, FIN) without waiting for the other side.
  boost::asio::awaitable<void> Shutdown();

  enum class Peek { kNothing, kData, kEnd, kBroken };
  /// What a read would see right now on the socket, below TLS. Never blocks.
  Peek PeekSocket();

  /// Cuts the connection; all waits end with operation_aborted.
  void Close();

 private:
  Socket socket_;
  using Tls = boost::asio::ssl::stream<Socket&>;
  using InnerTls = boost::asio::ssl::stream<Tls&>;

  std::shared_ptr<boost::asio::ssl::context> context_;
  std::shared_ptr<boost::asio::ssl::context> inner_context_;
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<InnerTls> inner_tls_;
};

/// "connection refused", "connection reset by peer", "certificate verify failed (unable to get local issuer
/// certificate)": the words for an error of ours, in lower case.
std::string Describe(const ErrorCode& error);

/// "127.0.0.1:80", "[::1]:80"; IPv4 addresses mapped into IPv6 are written as IPv4.
std::string ToString(const boost::asio::ip::tcp::endpoint& endpoint);
/// The TCP endpoint in it; nothing if it is of another kind.
std::optional<boost::asio::ip::tcp::endpoint> TcpEndpoint(
    const boost::asio::generic::stream_protocol::endpoint& endpoint);

}  // namespace baro::net::asio

// Plain blocking sockets for tests: the other side of a connection, byte for byte as a test wants it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace baro::net::testing {

/// A connected socket. Reads give up after 20 s, which no test waits for unless it fails.
class RawSocket {
 public:
  explicit RawSocket(int descriptor) : descriptor_(descriptor) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  RawSocket(RawSocket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), buffered_(std::move(other.buffered_)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { Close(); }

  /// To 127.0.0.1.
  static RawSocket Connect(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
    return RawSocket(descriptor);
  }

  /// False when the other side is gone.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  int descriptor() const { return descriptor_; }
  void EndSending() { ::shutdown(descriptor_, SHUT_WR); }
  /// The other side sees a reset.
  void Reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    Close();
  }
  void Close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

  /// Up to and with `end`; what there was if the connection ended before.
  std::string ReadUntil(std::string_view end) {
    while (true) {
      const auto found = buffered_.find(end);
      if (found != std::string::npos) return Take(found + end.size());
      if (!ReadMore()) return Take(buffered_.size());
    }
  }
  std::string ReadBytes(std::size_t size) {
    while (buffered_.size() < size && ReadMore()) {
    }
    return Take(std::min(size, buffered_.size()));
  }
  std::string ReadToEnd() {
    while (ReadMore()) {
    }
    return Take(buffered_.size());
  }
  /// A message with Content-Length or chunks (kept as they are) or without a body.
  std::string ReadMessage() {
    std::string message = ReadUntil("\r\n\r\n");
    if (const auto at = message.find("Content-Length: "); at != std::string::npos) {
      message += ReadBytes(std::strtoul(message.c_str() + at + 16, nullptr, 10));
    } else if (message.find("Transfer-Encoding: chunked") != std::string::npos) {
      message += ReadUntil("0\r\n\r\n");
    }
    return message;
  }

 private:
  bool ReadMore() {
    char piece[16 * 1024];
    const auto got = ::recv(descriptor_, piece, sizeof piece, 0);
    if (got <= 0) return false;
    buffered_.append(piece, static_cast<std::size_t>(got));
    return true;
  }
  std::string Take(std::size_t size) {
    std::string taken = buffered_.substr(0, size);
    buffered_.erase(0, size);
    return taken;
  }

  int descriptor_;
  std::string buffered_;
};

/// A listening socket of 127.0.0.1, on a port that the system chose.
inline int ListenOnLoopback(int& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  ::listen(listener, 16);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return listener;
}

/// Listens on 127.0.0.1 and serves each connection in turn with the next script; the last one serves all that follow.
class RawServer {
 public:
  using Script = std::function<void(RawSocket&)>;

  explicit RawServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    listener_ = ListenOnLoopback(port_);
    thread_ = std::thread([this] { Serve(); });
  }
  /// Listens on a unix socket instead.
  RawServer(const std::string& path, std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) std::abort();
    path.copy(address.sun_path, path.size());
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
    ::listen(listener_, 16);
    thread_ = std::thread([this] { Serve(); });
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  int port() const { return port_; }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

 private:
  void Serve() {
    for (std::size_t turn = 0;; ++turn) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      RawSocket socket(descriptor);
      scripts_[std::min(turn, scripts_.size() - 1)](socket);
    }
  }

  std::vector<Script> scripts_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace baro::net::testing

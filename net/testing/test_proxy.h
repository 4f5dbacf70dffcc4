// A forward proxy on 127.0.0.1, for tests: tunnels for CONNECT, an answer of its own for everything else.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "net/raw_socket_for_tests.h"
#include "net/testing/certificate.h"

namespace baro::net::testing {

/// Every tunnel leads to 127.0.0.1, whatever host was asked for. Blocking, one thread per connection.
class TestProxy {
 public:
  /// With `certificate`, it is spoken to over TLS.
  explicit TestProxy(const Certificate* certificate = nullptr) {
    if (certificate != nullptr) context_ = MakeTls(*certificate);
    listener_ = ListenOnLoopback(port_);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~TestProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int descriptor : descriptors_) ::shutdown(descriptor, SHUT_RDWR);
    for (std::thread& thread : connections_) thread.join();
    for (const int descriptor : descriptors_) ::close(descriptor);
    ::close(listener_);
  }
  TestProxy(const TestProxy&) = delete;
  TestProxy& operator=(const TestProxy&) = delete;

  std::string url(std::string_view credentials = "") const {
    return std::string(context_ ? "https://" : "http://") + std::string(credentials) +
           "127.0.0.1:" + std::to_string(port_);
  }
  /// The heads of all requests so far.
  std::vector<std::string> heads() {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  using Stream = std::unique_ptr<SSL, decltype(&SSL_free)>;

  static std::shared_ptr<SSL_CTX> MakeTls(const Certificate& certificate) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    BIO* cert_text = BIO_new_mem_buf(certificate.cert.data(), static_cast<int>(certificate.cert.size()));
    BIO* key_text = BIO_new_mem_buf(certificate.key.data(), static_cast<int>(certificate.key.size()));
    X509* cert = PEM_read_bio_X509(cert_text, nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context.get(), cert);
    SSL_CTX_use_PrivateKey(context.get(), key);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_text);
    BIO_free(cert_text);
    return context;
  }

  void Accept() {
    while (true) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      descriptors_.push_back(descriptor);
      connections_.emplace_back([this, descriptor] { Serve(descriptor); });
    }
  }

  void Serve(int descriptor) {
    // OpenSSL writes without MSG_NOSIGNAL; a client may be gone at any time.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    Stream tls(context_ ? SSL_new(context_.get()) : nullptr, &SSL_free);
    if (tls) SSL_set_fd(tls.get(), descriptor);
    if (!tls || SSL_accept(tls.get()) == 1) ServeRequests(descriptor, tls.get());
    ::shutdown(descriptor, SHUT_RDWR);
  }

  void ServeRequests(int descriptor, SSL* tls) {
    std::string head;
    char byte = 0;
    while (Read(descriptor, tls, &byte, 1) == 1) {
      head += byte;
      if (!head.ends_with("\r\n\r\n")) continue;
      {
        const std::lock_guard lock(mutex_);
        heads_.push_back(head);
      }
      if (head.starts_with("CONNECT ")) return Tunnel(descriptor, tls, head);
      Write(descriptor, tls, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
      head.clear();
    }
  }

  static void Tunnel(int descriptor, SSL* tls, const std::string& head) {
    const auto colon = head.find(':');
    const RawSocket target = RawSocket::Connect(std::atoi(head.c_str() + colon + 1));
    Write(descriptor, tls, "HTTP/1.1 200 Connection established\r\n\r\n");
    char piece[16 * 1024];
    while (true) {
      pollfd waits[2] = {{.fd = descriptor, .events = POLLIN, .revents = 0},
                         {.fd = target.descriptor(), .events = POLLIN, .revents = 0}};
      const bool has_bytes = tls != nullptr && SSL_pending(tls) > 0;
      ::poll(waits, 2, has_bytes ? 0 : -1);
      if (has_bytes || waits[0].revents != 0) {
        const int got = Read(descriptor, tls, piece, sizeof piece);
        if (got <= 0) return;
        Write(target.descriptor(), nullptr, {piece, static_cast<std::size_t>(got)});
      }
      if (waits[1].revents != 0) {
        const int got = Read(target.descriptor(), nullptr, piece, sizeof piece);
        if (got <= 0) return;
        Write(descriptor, tls, {piece, static_cast<std::size_t>(got)});
      }
    }
  }

  static int Read(int descriptor, SSL* tls, char* out, std::size_t size) {
    return tls != nullptr ? SSL_read(tls, out, static_cast<int>(size))
                          : static_cast<int>(::recv(descriptor, out, size, 0));
  }
  static void Write(int descriptor, SSL* tls, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = tls != nullptr ? SSL_write(tls, bytes.data(), static_cast<int>(bytes.size()))
                                       : ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::shared_ptr<SSL_CTX> context_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  // The acceptor's until it has ended.
  std::vector<int> descriptors_;
  std::vector<std::thread> connections_;
  std::mutex mutex_;
  std::vector<std::string> heads_;
};

}  // namespace baro::net::testing

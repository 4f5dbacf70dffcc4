// Names to addresses, without letting one slow name server hold up the loops or each other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"

namespace baro::net::asio {

/// Asks the system's resolver (getaddrinfo), which blocks, on up to eight threads of its own that end when there is
/// nothing to ask. Asio's resolver has one per loop, which one hanging lookup would block for everybody.
/// Threads  Any.
class Resolver {
 public:
  class Lookup;
  struct Queue;

  Resolver();
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Starts a lookup whose answer wakes `context`'s loop.
  std::unique_ptr<Lookup> Start(boost::asio::io_context& context, std::string host, std::uint16_t port);

  /// The endpoint if `host` is an address already, which needs no lookup.
  static std::optional<boost::asio::ip::tcp::endpoint> Literal(const std::string& host, std::uint16_t port);

 private:
  std::shared_ptr<Queue> queue_;
};

/// A running lookup. Its end forgets the answer; the thread that asks is left to itself.
class Resolver::Lookup {
 public:
  struct Shared;

  Lookup(boost::asio::io_context& context, std::shared_ptr<Shared> shared);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// Until the answer is there or Cancel() was called.
  /// Errors   kIo: no such name, or the resolver's words; kCancelled.
  boost::asio::awaitable<base::Result<std::vector<boost::asio::ip::tcp::endpoint>>> Wait();
  void Cancel();

 private:
  class Waker;
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Waker> waker_;
};

}  // namespace baro::net::asio

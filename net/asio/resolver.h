// Names to addresses, without letting one slow name server hold up the loops or each other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"

namespace baro::net::asio {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

/// Asks the system's resolver (getaddrinfo), which blocks, on up to eight threads of its own that end when there is
/// nothing to ask. Asio's resolver has one per loop, which one hanging lookup would block for everybody.
/// Threads  Any.
class Resolver {
 public:
  class Lookup;
  struct Question;
  struct Queue;

  Resolver();
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Starts a lookup that is waited for on `context`'s loop.
  std::unique_ptr<Lookup> Start(boost::asio::io_context& context, std::string host, std::uint16_t port);

  /// The endpoint if `host` is an address already, which needs no lookup.
  static std::optional<boost::asio::ip::tcp::endpoint> Literal(const std::string& host, std::uint16_t port);

 private:
  std::shared_ptr<Queue> queue_;
};

/// A running lookup. Its end forgets the answer; the thread that asks is left to itself.
/// Threads  Confined to the loop.
class Resolver::Lookup {
 public:
  explicit Lookup(std::shared_ptr<Question> question) : question_(std::move(question)) {}
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// Until the answer is there or Cancel() was called.
  /// Errors   kIo: no such name, or the resolver's words; kCancelled.
  boost::asio::awaitable<base::Result<Endpoints>> Wait();
  void Cancel();

 private:
  std::shared_ptr<Question> question_;
  bool is_cancelled_ = false;
};

}  // namespace baro::net::asio

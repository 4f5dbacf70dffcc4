// Lets a coroutine wait for something that another handler of the same loop says.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace baro::net::asio {

/// Set once, waited for by one coroutine at a time.
/// Threads  Confined to its loop.
class Event {
 public:
  explicit Event(boost::asio::io_context& context) : timer_(context) {}

  bool is_set() const { return is_set_; }
  void Set() {
    is_set_ = true;
    timer_.cancel();
  }
  void Reset() { is_set_ = false; }

  /// Until Set(), at once if it has been.
  boost::asio::awaitable<void> Wait();
  /// As Wait(), but not past `limit`; returns is_set().
  boost::asio::awaitable<bool> WaitUntil(std::chrono::steady_clock::time_point limit);

 private:
  boost::asio::steady_timer timer_;
  bool is_set_ = false;
};

}  // namespace baro::net::asio

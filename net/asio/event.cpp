#include "net/asio/event.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace baro::net::asio {

using boost::asio::redirect_error;
using boost::asio::use_awaitable;

boost::asio::awaitable<void> Event::Wait() {
  while (!is_set_) {
    boost::system::error_code ignored;
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer_.async_wait(redirect_error(use_awaitable, ignored));
  }
}

boost::asio::awaitable<bool> Event::WaitUntil(std::chrono::steady_clock::time_point limit) {
  if (!is_set_) {
    boost::system::error_code ignored;
    timer_.expires_at(limit);
    co_await timer_.async_wait(redirect_error(use_awaitable, ignored));
  }
  co_return is_set_;
}

}  // namespace baro::net::asio

// The few threads that sockets live on. Server, client and network streams share them.
#pragma once

#include <memory>

namespace baro::net {

/// Threads that wait for sockets and timers. Nothing blocks there.
/// Threads  Construction and destruction on one thread, which is none of these. Everything made with it must be gone
///          before it: server, clients, streams.
class IoThreads {
 public:
  /// Shape    1 to 64 threads.
  explicit IoThreads(int thread_count = 2);
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  struct Impl;  // net/asio/io_threads_impl.h
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::net

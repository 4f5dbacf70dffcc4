// base::Network over TCP.
#pragma once

#include <memory>

#include "base/stream.h"
#include "net/io_threads.h"

namespace baro::net {

/// The real network behind the seam of base/stream.h; without TLS.
///
/// Threads  Connect(), Listen(), Resolve() and Post() from any. All callbacks come on one of the loops, always the
/// same;
///          streams and listeners are used and destroyed there, or after the IoThreads have stopped being used.
class TcpNetwork : public base::Network {
 public:
  /// Borrows `threads`, which outlive it and its streams.
  explicit TcpNetwork(IoThreads& threads);
  ~TcpNetwork() override;
  TcpNetwork(const TcpNetwork&) = delete;
  TcpNetwork& operator=(const TcpNetwork&) = delete;

  void Connect(const base::Endpoint& to, std::chrono::nanoseconds timeout, ConnectDone done) override;
  /// Shape    `at.host` is an address.
  base::Result<std::unique_ptr<base::Listener>> Listen(const base::Endpoint& at, Accepted accepted) override;
  void Resolve(const std::string& host, ResolveDone done) override;
  void Post(base::Task task) override;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace baro::net

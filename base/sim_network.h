// A network in memory that behaves as badly as a real one may: late, in small pieces, cut off, silent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/sim_executor.h"
#include "base/stream.h"

namespace baro::base {

/// How often the seed lets what happen; 0 is never, 1 always.
struct SimNetworkFaults {
  std::chrono::nanoseconds delay_max{0};     ///< each piece and each connection takes up to this; order is kept
  std::uint64_t refuse_one_in = 0;           ///< of connections
  std::uint64_t resolve_failure_one_in = 0;  ///< of look-ups: the resolver does not answer
  std::uint64_t trickle_one_in = 0;          ///< of connections: bytes arrive one by one
  std::uint64_t reset_one_in = 0;            ///< of writes: a part arrives, then both sides are cut with an error
  std::uint64_t truncate_one_in = 0;         ///< of writes: a part arrives, then the end, as if that were all
  std::uint64_t half_open_one_in = 0;        ///< of writes: from here on nothing arrives any more, and nobody is told
};

/// Threads  Confined to the executor's thread. Outlived by nothing that it made but closed streams.
class SimNetwork : public Network {
 public:
  /// Bytes that wait unread before writers do, as in a socket's buffers.
  static constexpr std::size_t kWindowBytes = 64 * 1024;

  /// Borrows `executor`.
  SimNetwork(SimExecutor& executor, std::uint64_t seed, SimNetworkFaults faults = {});
  ~SimNetwork() override;

  void Connect(const Endpoint& to, std::chrono::nanoseconds timeout, ConnectDone done) override;
  Result<std::unique_ptr<Listener>> Listen(const Endpoint& at, Accepted accepted) override;
  void Resolve(const std::string& host, ResolveDone done) override;
  void Post(Task task) override;

  void SetFaults(SimNetworkFaults faults);
  /// What Resolve() says of a name; an empty list: there is none.
  void SetAddresses(const std::string& host, std::vector<std::string> addresses);
  /// While set, nothing reaches this host: connecting times out, connections go silent for good.
  void SetPartitioned(const std::string& host, bool is_partitioned);

 private:
  class State;
  class SimStream;
  class SimListener;
  struct Connection;
  std::shared_ptr<State> state_;
};

}  // namespace baro::base

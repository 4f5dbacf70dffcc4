// Streams of bytes between programs, as a seam: what sends and receives takes a Network, which in tests loses, delays
// and cuts (base/sim_network.h).
//
// Callbacks come exactly once for each call, never from inside of it, on the executor of the implementation.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"

namespace baro::base {

/// Where somebody listens. `host` is a name or an address.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// One connection.
///
/// Threads  Confined to the executor. One read and one write at a time.
class Stream {
 public:
  using ReadDone = std::move_only_function<void(Result<std::size_t>)>;
  using WriteDone = std::move_only_function<void(Result<>)>;

  virtual ~Stream() = default;  // as Close()

  /// Waits for at least one byte; 0 is the other side's end. `out` lives until `done`.
  /// Errors   kIo: reset. kCancelled: Close() came first.
  virtual void AsyncRead(std::span<std::byte> out, ReadDone done) = 0;

  /// Hands all of `bytes` over; that says nothing about their arrival. `bytes` lives until `done`.
  /// Errors   as AsyncRead().
  virtual void AsyncWrite(ByteSpan bytes, WriteDone done) = 0;

  /// Nothing more will be written: the other side reads its end behind what was.
  virtual void CloseWrite() = 0;

  /// Ends both directions; what is under way gets kCancelled.
  virtual void Close() = 0;
};

/// Somebody who listens; its end stops that.
class Listener {
 public:
  virtual ~Listener() = default;
  /// With the real port where 0 was asked for.
  virtual Endpoint endpoint() const = 0;
};

/// Threads  Confined to the executor.
class Network {
 public:
  using ConnectDone = std::move_only_function<void(Result<std::unique_ptr<Stream>>)>;
  using ResolveDone = std::move_only_function<void(Result<std::vector<std::string>>)>;
  using Accepted = std::function<void(std::unique_ptr<Stream>)>;

  virtual ~Network() = default;

  /// Errors   kIo: refused, or the name is not known. kTimeout.
  virtual void Connect(const Endpoint& to, std::chrono::nanoseconds timeout, ConnectDone done) = 0;

  /// Errors   kAlreadyExists: somebody listens there. kPermissionDenied, kIo.
  virtual Result<std::unique_ptr<Listener>> Listen(const Endpoint& at, Accepted accepted) = 0;

  /// Addresses of a name; at least one.
  /// Errors   kIo: there is no such name, or the resolver does not answer; the message says which.
  virtual void Resolve(const std::string& host, ResolveDone done) = 0;

  /// Runs a task where the callbacks come, so that it may touch streams. Threads: from any.
  virtual void Post(Task task) = 0;
};

}  // namespace baro::base

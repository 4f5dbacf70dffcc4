#include "base/sim_network.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>

#include <fmt/format.h>

namespace baro::base {
namespace {

Error Reset() { return {Code::kIo, "connection reset by peer"}; }
Error Closed() { return {Code::kCancelled, "the stream was closed"}; }

/// Bytes on their way, or the end or a reset behind them.
struct Piece {
  enum class Kind { kBytes, kEnd, kReset };
  Kind kind = Kind::kBytes;
  std::string bytes;
};

/// One direction of a connection.
struct Pipe {
  std::deque<Piece> travelling;
  MonotonicTime last_arrival{};  // nothing overtakes
  std::string arrived;
  bool has_ended = false;  // no bytes follow `arrived`
  std::span<std::byte> reader_space;
  std::optional<Stream::ReadDone> reader;
  std::optional<Stream::WriteDone> writer;  // waits for the reader to make room
  std::size_t unread_bytes = 0;             // travelling and arrived
  bool is_write_closed = false;
};

}  // namespace

struct SimNetwork::Connection {
  std::string host;  // whom it was made to
  Pipe pipes[2];     // pipes[i] is what side i reads
  bool is_trickling = false;
  bool is_silent = false;
  bool is_reset = false;
  bool is_closed[2] = {false, false};
};

class SimNetwork::State : public std::enable_shared_from_this<State> {
 public:
  State(SimExecutor& executor, std::uint64_t seed, SimNetworkFaults faults)
      : executor_(executor), random_(seed), faults_(faults) {}

  bool Happens(std::uint64_t one_in) { return one_in > 0 && random_.OneIn(one_in); }
  std::chrono::nanoseconds Delay() {
    const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(faults_.delay_max.count(), 0));
    return std::chrono::nanoseconds(random_.Below(most + 1));
  }
  bool IsCut(const std::string& host) const { return partitioned.contains(host); }
  SimExecutor& executor() { return executor_; }
  SimNetworkFaults& faults() { return faults_; }

  void Read(const std::shared_ptr<Connection>& connection, int side, std::span<std::byte> out, Stream::ReadDone done) {
    Pipe& pipe = connection->pipes[side];
    BARO_ASSERT(!pipe.reader && !out.empty());
    pipe.reader = std::move(done);
    pipe.reader_space = out;
    Serve(connection, side);
  }

  void Write(const std::shared_ptr<Connection>& connection, int side, std::string bytes, Stream::WriteDone done) {
    Pipe& pipe = connection->pipes[1 - side];
    BARO_ASSERT(!pipe.writer);
    if (connection->is_closed[side] || pipe.is_write_closed) return Post(std::move(done), Result<>(Closed()));
    if (connection->is_reset || (connection->is_closed[1 - side] && pipe.travelling.empty())) {
      return Post(std::move(done), Result<>(Reset()));
    }
    if (Happens(faults_.half_open_one_in) || IsCut(connection->host)) connection->is_silent = true;
    const bool is_reset = Happens(faults_.reset_one_in);
    const bool is_truncated = !is_reset && Happens(faults_.truncate_one_in);
    if (is_reset || is_truncated) bytes.resize(random_.Below(bytes.size() + 1));
    pipe.unread_bytes += bytes.size();
    Send(connection, 1 - side, {.kind = Piece::Kind::kBytes, .bytes = std::move(bytes)});
    if (is_reset || is_truncated) {
      Send(connection, 1 - side, {.kind = is_reset ? Piece::Kind::kReset : Piece::Kind::kEnd, .bytes = ""});
      pipe.is_write_closed = true;
    }
    if (pipe.unread_bytes > kWindowBytes) {
      pipe.writer = std::move(done);
    } else {
      Post(std::move(done), Result<>());
    }
  }

  void CloseWrite(const std::shared_ptr<Connection>& connection, int side) {
    Pipe& pipe = connection->pipes[1 - side];
    if (pipe.is_write_closed) return;
    pipe.is_write_closed = true;
    Send(connection, 1 - side, {.kind = Piece::Kind::kEnd, .bytes = ""});
  }

  void Close(const std::shared_ptr<Connection>& connection, int side) {
    if (connection->is_closed[side]) return;
    CloseWrite(connection, side);
    connection->is_closed[side] = true;
    Pipe& incoming = connection->pipes[side];
    if (auto reader = std::exchange(incoming.reader, std::nullopt)) {
      Post(*std::move(reader), Result<std::size_t>(Closed()));
    }
    FinishWriter(connection->pipes[1 - side], Closed());
    // The other side's bytes go nowhere now; whoever waits for room for them is told.
    FinishWriter(incoming, Reset());
  }

  template <typename Done, typename T>
  void Post(Done done, T result) {
    executor_.Post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  std::map<Endpoint, std::pair<std::uint64_t, Accepted>> listeners;  // with a number, for each end to stop its own only
  std::uint64_t last_listener = 0;
  std::uint16_t last_port = 32'767;
  std::map<std::string, std::vector<std::string>> addresses;
  std::set<std::string> partitioned;

 private:
  void Send(const std::shared_ptr<Connection>& connection, int to, Piece piece) {
    if (!connection->is_trickling || piece.bytes.size() <= 1) return SendPiece(connection, to, std::move(piece));
    for (const char byte : piece.bytes) SendPiece(connection, to, {.bytes = std::string(1, byte)});
  }

  void SendPiece(const std::shared_ptr<Connection>& connection, int to, Piece piece) {
    if (connection->is_silent) return;
    Pipe& pipe = connection->pipes[to];
    const MonotonicTime now = executor_.Now();
    pipe.last_arrival = std::max(pipe.last_arrival, now + Delay());
    pipe.travelling.push_back(std::move(piece));
    executor_.PostAfter(pipe.last_arrival - now,
                        [self = shared_from_this(), connection, to] { self->Arrive(connection, to); });
  }

  // Timers of one moment run in any order; the pieces stay in theirs, because each timer takes the first.
  void Arrive(const std::shared_ptr<Connection>& connection, int to) {
    Pipe& pipe = connection->pipes[to];
    if (IsCut(connection->host)) connection->is_silent = true;
    if (pipe.travelling.empty()) return;
    Piece piece = std::move(pipe.travelling.front());
    pipe.travelling.pop_front();
    if (connection->is_silent || connection->is_reset) return;
    switch (piece.kind) {
      case Piece::Kind::kBytes:
        pipe.arrived += piece.bytes;
        break;
      case Piece::Kind::kEnd:
        pipe.has_ended = true;
        break;
      case Piece::Kind::kReset:
        connection->is_reset = true;
        for (Pipe& each : connection->pipes) FinishWriter(each, Reset());
        Serve(connection, 1 - to);
        break;
    }
    Serve(connection, to);
  }

  /// Gives the waiting reader what there is.
  void Serve(const std::shared_ptr<Connection>& connection, int side) {
    Pipe& pipe = connection->pipes[side];
    if (!pipe.reader) return;
    if (connection->is_closed[side]) return FinishReader(pipe, Closed());
    if (!pipe.arrived.empty()) {
      const std::size_t count = std::min(pipe.reader_space.size(), pipe.arrived.size());
      std::memcpy(pipe.reader_space.data(), pipe.arrived.data(), count);
      pipe.arrived.erase(0, count);
      pipe.unread_bytes -= count;
      FinishReader(pipe, count);
      if (pipe.unread_bytes <= kWindowBytes) FinishWriter(pipe, {});
      return;
    }
    if (connection->is_reset) return FinishReader(pipe, Reset());
    if (pipe.has_ended) FinishReader(pipe, 0);
  }

  void FinishReader(Pipe& pipe, Result<std::size_t> result) {
    Post(*std::exchange(pipe.reader, std::nullopt), std::move(result));
  }
  void FinishWriter(Pipe& pipe, Result<> result) {
    if (auto writer = std::exchange(pipe.writer, std::nullopt)) Post(*std::move(writer), std::move(result));
  }

  SimExecutor& executor_;
  SeededRandom random_;
  SimNetworkFaults faults_;
};

class SimNetwork::SimStream : public Stream {
 public:
  SimStream(std::shared_ptr<State> state, std::shared_ptr<Connection> connection, int side)
      : state_(std::move(state)), connection_(std::move(connection)), side_(side) {}
  ~SimStream() override { state_->Close(connection_, side_); }
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;

  void AsyncRead(std::span<std::byte> out, ReadDone done) override {
    state_->Read(connection_, side_, out, std::move(done));
  }
  void AsyncWrite(ByteSpan bytes, WriteDone done) override {
    state_->Write(connection_, side_, std::string(AsText(bytes)), std::move(done));
  }
  void CloseWrite() override { state_->CloseWrite(connection_, side_); }
  void Close() override { state_->Close(connection_, side_); }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Connection> connection_;
  int side_;
};

class SimNetwork::SimListener : public Listener {
 public:
  SimListener(std::shared_ptr<State> state, Endpoint endpoint, std::uint64_t number)
      : state_(std::move(state)), endpoint_(std::move(endpoint)), number_(number) {}
  ~SimListener() override {
    const auto found = state_->listeners.find(endpoint_);
    if (found != state_->listeners.end() && found->second.first == number_) state_->listeners.erase(found);
  }
  SimListener(const SimListener&) = delete;
  SimListener& operator=(const SimListener&) = delete;
  Endpoint endpoint() const override { return endpoint_; }

 private:
  std::shared_ptr<State> state_;
  Endpoint endpoint_;
  std::uint64_t number_;
};

SimNetwork::SimNetwork(SimExecutor& executor, std::uint64_t seed, SimNetworkFaults faults)
    : state_(std::make_shared<State>(executor, seed, faults)) {}
SimNetwork::~SimNetwork() = default;

void SimNetwork::Connect(const Endpoint& to, std::chrono::nanoseconds timeout, ConnectDone done) {
  const auto delay = state_->Delay();
  const bool is_late = delay > timeout || state_->IsCut(to.host);
  const bool is_refused = state_->Happens(state_->faults().refuse_one_in);
  state_->executor().PostAfter(
      is_late ? timeout : delay, [state = state_, to, is_late, is_refused, done = std::move(done)]() mutable {
        if (is_late) return done(Fail(Code::kTimeout, fmt::format("connect to {}:{}: timed out", to.host, to.port)));
        const auto found = state->listeners.find(to);
        if (is_refused || found == state->listeners.end()) {
          return done(Fail(Code::kIo, fmt::format("connect to {}:{}: connection refused", to.host, to.port)));
        }
        auto connection = std::make_shared<Connection>();
        connection->host = to.host;
        connection->is_trickling = state->Happens(state->faults().trickle_one_in);
        const Accepted accepted = found->second.second;  // a copy: it may stop listening
        accepted(std::make_unique<SimStream>(state, connection, 1));
        done(std::make_unique<SimStream>(state, connection, 0));
      });
}

Result<std::unique_ptr<Listener>> SimNetwork::Listen(const Endpoint& at, Accepted accepted) {
  Endpoint endpoint = at;
  while (endpoint.port == 0 || (at.port == 0 && state_->listeners.contains(endpoint))) {
    endpoint.port = ++state_->last_port;
  }
  const std::uint64_t number = ++state_->last_listener;
  if (!state_->listeners.emplace(endpoint, std::pair(number, std::move(accepted))).second) {
    return Fail(Code::kAlreadyExists, fmt::format("listen on {}:{}: address already in use", at.host, at.port));
  }
  return std::make_unique<SimListener>(state_, endpoint, number);
}

void SimNetwork::Resolve(const std::string& host, ResolveDone done) {
  const bool is_failing = state_->Happens(state_->faults().resolve_failure_one_in);
  state_->executor().PostAfter(state_->Delay(), [state = state_, host, is_failing, done = std::move(done)]() mutable {
    if (is_failing) return done(Fail(Code::kIo, fmt::format("resolve {}: no answer", host)));
    const auto found = state->addresses.find(host);
    if (found == state->addresses.end()) return done(Fail(Code::kIo, fmt::format("resolve {}: no such name", host)));
    done(found->second);
  });
}

void SimNetwork::Post(Task task) { state_->executor().Post(std::move(task)); }

void SimNetwork::SetFaults(SimNetworkFaults faults) { state_->faults() = faults; }

void SimNetwork::SetAddresses(const std::string& host, std::vector<std::string> addresses) {
  if (addresses.empty()) {
    state_->addresses.erase(host);
  } else {
    state_->addresses[host] = std::move(addresses);
  }
}

void SimNetwork::SetPartitioned(const std::string& host, bool is_partitioned) {
  if (is_partitioned) {
    state_->partitioned.insert(host);
  } else {
    state_->partitioned.erase(host);
  }
}

}  // namespace baro::base

#include "base/sim_network.h"

#include <optional>

#include <gtest/gtest.h>

namespace baro::base {
namespace {

using namespace std::chrono_literals;

/// Reads all that comes, until the end or an error.
class Collector : public std::enable_shared_from_this<Collector> {
 public:
  explicit Collector(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  /// Waits for more; the call that waits keeps this alive.
  void Next() {
    stream_->AsyncRead(buffer_, [self = shared_from_this()](Result<std::size_t> got) { self->Take(std::move(got)); });
  }

  const std::string& text() const { return text_; }
  bool has_ended() const { return has_ended_; }
  std::optional<Code> error() const { return error_; }
  Stream& stream() { return *stream_; }

 private:
  void Take(Result<std::size_t> got) {
    if (!got) {
      error_ = got.error().code();
    } else if (*got == 0) {
      has_ended_ = true;
    } else {
      text_ += AsText(std::span(buffer_).first(*got));
      Next();
    }
  }

  std::unique_ptr<Stream> stream_;
  std::byte buffer_[1000];
  std::string text_;
  bool has_ended_ = false;
  std::optional<Code> error_;
};

class SimNetworkTest : public testing::Test {
 protected:
  /// A connection: the client's end, and a collector at the server's.
  void Open(std::uint64_t seed, SimNetworkFaults faults) {
    executor_.emplace(clock_, seed);
    network_.emplace(*executor_, seed, faults);
    listener_ = *network_->Listen({"server", 80}, [this](std::unique_ptr<Stream> stream) {
      server_ = std::make_shared<Collector>(std::move(stream));
      server_->Next();
    });
    network_->Connect({"server", 80}, 10s, [this](Result<std::unique_ptr<Stream>> stream) {
      if (stream) {
        client_ = *std::move(stream);
      } else {
        refusal_ = stream.error().code();
      }
    });
    executor_->RunFor(20s);
  }
  void Close() {
    client_.reset();
    if (server_) server_->stream().Close();
    executor_->RunFor(1h);
    server_.reset();
  }

  /// Writes, and says what came of it when time has passed.
  std::optional<Result<>> Write(std::string_view text) {
    std::optional<Result<>> result;
    client_->AsyncWrite(AsBytes(text), [&result](Result<> done) { result = std::move(done); });
    executor_->RunFor(1h);
    return result;
  }

  SimClock clock_;
  std::optional<SimExecutor> executor_;
  std::optional<SimNetwork> network_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Stream> client_;
  std::shared_ptr<Collector> server_;
  std::optional<Code> refusal_;
};

TEST_F(SimNetworkTest, BytesArriveInOrderHoweverLateAndInWhateverPieces) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Open(seed, {.delay_max = 5s, .trickle_one_in = 2});
    std::string sent;
    for (int i = 0; i < 20; ++i) {
      const std::string piece = fmt::format("piece {} ", i);
      sent += piece;
      ASSERT_TRUE(Write(piece).value());
    }
    client_->CloseWrite();
    executor_->RunFor(1h);
    EXPECT_EQ(server_->text(), sent) << "seed " << seed;
    EXPECT_TRUE(server_->has_ended());
    Close();
  }
}

TEST_F(SimNetworkTest, FaultsAreThoseThatTheSeedChose) {
  int resets = 0;
  int cut = 0;
  int silent = 0;
  const std::string sent(100, 'x');
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Open(seed, {.delay_max = 1s, .reset_one_in = 4, .truncate_one_in = 4, .half_open_one_in = 4});
    ASSERT_TRUE(Write(sent).value()) << "the writer learns it later";
    EXPECT_TRUE(sent.starts_with(server_->text())) << "nothing is invented";
    if (server_->error() == Code::kIo) {
      ++resets;
      EXPECT_EQ(Write("more").value().error().code(), Code::kCancelled) << "its own side has ended with the write";
    } else if (server_->has_ended()) {
      ++cut;
    } else if (server_->text() != sent) {
      ++silent;
    }
    Close();
  }
  for (const int count : {resets, cut, silent}) EXPECT_GT(count, 15) << resets << " " << cut << " " << silent;
}

TEST_F(SimNetworkTest, WritersWaitForSlowReaders) {
  executor_.emplace(clock_, 1);
  network_.emplace(*executor_, 1);
  std::unique_ptr<Stream> server;
  const auto listener = network_->Listen({"s", 1}, [&](std::unique_ptr<Stream> stream) { server = std::move(stream); });
  network_->Connect({"s", 1}, 1s, [&](Result<std::unique_ptr<Stream>> stream) { client_ = *std::move(stream); });
  executor_->RunFor(1s);
  EXPECT_TRUE(Write(std::string(SimNetwork::kWindowBytes, 'a')).has_value());
  bool is_written = false;
  const std::string more(10, 'b');
  client_->AsyncWrite(AsBytes(more), [&](Result<> done) { is_written = done.has_value(); });
  executor_->RunFor(1h);
  EXPECT_FALSE(is_written);
  std::byte buffer[100];
  server->AsyncRead(buffer, [](Result<std::size_t> got) { EXPECT_EQ(*got, 100U); });
  executor_->RunFor(1s);
  EXPECT_TRUE(is_written);
  client_.reset();
}

TEST_F(SimNetworkTest, TellsWhyThereIsNoConnection) {
  Open(1, {});
  EXPECT_EQ(network_->Listen({"server", 80}, {}).error().code(), Code::kAlreadyExists);
  EXPECT_NE((*network_->Listen({"server", 0}, {}))->endpoint().port, 0);
  listener_.reset();
  const auto refusal = [&](const Endpoint& to) {
    std::optional<Code> code;
    network_->Connect(to, 5s, [&](Result<std::unique_ptr<Stream>> stream) { code = stream.error().code(); });
    executor_->RunFor(5s);
    return code;
  };
  EXPECT_EQ(refusal({"server", 80}), Code::kIo);
  network_->SetPartitioned("server", true);
  EXPECT_EQ(refusal({"server", 80}), Code::kTimeout);
  Close();
  Open(1, {.refuse_one_in = 1});
  EXPECT_EQ(refusal_, Code::kIo);
}

TEST_F(SimNetworkTest, APartitionSilencesConnectionsForGood) {
  Open(1, {});
  ASSERT_TRUE(Write("one").value());
  network_->SetPartitioned("server", true);
  ASSERT_TRUE(Write("two").value());
  network_->SetPartitioned("server", false);
  ASSERT_TRUE(Write("three").value());
  EXPECT_EQ(server_->text(), "one") << "a stream has no holes";
  EXPECT_FALSE(server_->has_ended());
  EXPECT_FALSE(server_->error());
  Close();
}

TEST_F(SimNetworkTest, CloseEndsWhatIsUnderWay) {
  Open(1, {});
  server_->stream().Close();
  executor_->RunFor(1s);
  EXPECT_EQ(server_->error(), Code::kCancelled);
  std::byte buffer[10];
  std::optional<std::size_t> got;
  client_->AsyncRead(buffer, [&](Result<std::size_t> count) { got = count.value_or(99); });
  executor_->RunFor(1s);
  EXPECT_EQ(got, 0U) << "the other side has gone";
  EXPECT_EQ(Write("x").value().error().code(), Code::kIo);
  client_->Close();
  client_->Close();
  EXPECT_EQ(Write("x").value().error().code(), Code::kCancelled);
  Close();
}

TEST_F(SimNetworkTest, ResolvesNamesOrFailsTo) {
  Open(1, {});
  network_->SetAddresses("db", {"10.0.0.1", "10.0.0.2"});
  const auto resolve = [&](const std::string& host) {
    std::optional<Result<std::vector<std::string>>> result;
    network_->Resolve(host, [&](Result<std::vector<std::string>> done) { result = std::move(done); });
    EXPECT_FALSE(result) << "never from inside of the call";
    executor_->RunFor(1s);
    return *result;
  };
  EXPECT_EQ(resolve("db")->size(), 2U);
  EXPECT_EQ(resolve("other").error().code(), Code::kIo);
  network_->SetFaults({.resolve_failure_one_in = 1});
  EXPECT_EQ(resolve("db").error().code(), Code::kIo);
  Close();
}

}  // namespace
}  // namespace baro::base

#include "net/tcp_network.h"

#include <optional>

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace baro::net {
namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Result;

/// A value that another thread gives.
template <typename T>
class Promise {
 public:
  void Set(T value) {
    const base::MutexLock lock(mutex_);
    value_ = std::move(value);
    changed_.NotifyAll();
  }
  T Take() {
    const base::MutexLock lock(mutex_);
    while (!value_) changed_.Wait(mutex_);
    return *std::move(value_);
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  std::optional<T> value_;
};

using StreamResult = Result<std::unique_ptr<base::Stream>>;

class TcpNetworkTest : public testing::Test {
 protected:
  ~TcpNetworkTest() override {
    OnLoop([this] {
      client_.reset();
      server_.reset();
      listener_.reset();
    });
  }

  template <typename Work>
  void OnLoop(Work work) {
    Promise<bool> done;
    network_.Post([&] {
      work();
      done.Set(true);
    });
    done.Take();
  }

  StreamResult Connect(const base::Endpoint& to, std::chrono::nanoseconds timeout = 10s) {
    Promise<StreamResult> connected;
    network_.Connect(to, timeout, [&](StreamResult stream) { connected.Set(std::move(stream)); });
    return connected.Take();
  }

  void Open() {
    Promise<std::unique_ptr<base::Stream>> accepted;
    auto listener = network_.Listen({"127.0.0.1", 0},
                                    [&](std::unique_ptr<base::Stream> stream) { accepted.Set(std::move(stream)); });
    ASSERT_TRUE(listener) << listener.error().message();
    listener_ = *std::move(listener);
    auto client = Connect(listener_->endpoint());
    ASSERT_TRUE(client) << client.error().message();
    client_ = *std::move(client);
    server_ = accepted.Take();
  }

  Result<> Write(base::Stream& stream, std::string_view text) {
    Promise<Result<>> done;
    network_.Post([&] { stream.AsyncWrite(base::AsBytes(text), [&](Result<> written) { done.Set(written); }); });
    return done.Take();
  }

  /// Up to 100 bytes, or the error's code in brackets.
  std::string Read(base::Stream& stream) {
    std::byte buffer[100];
    Promise<Result<std::size_t>> done;
    network_.Post([&] { stream.AsyncRead(buffer, [&](Result<std::size_t> got) { done.Set(std::move(got)); }); });
    const auto got = done.Take();
    if (!got) return "[" + std::string(base::CodeName(got.error().code())) + "]";
    return std::string(base::AsText(std::span(buffer).first(*got)));
  }

  IoThreads threads_{1};
  TcpNetwork network_{threads_};
  std::unique_ptr<base::Listener> listener_;
  std::unique_ptr<base::Stream> client_;
  std::unique_ptr<base::Stream> server_;
};

TEST_F(TcpNetworkTest, CarriesBytesBothWaysAndTheirEnd) {
  Open();
  ASSERT_TRUE(Write(*client_, "hello"));
  EXPECT_EQ(Read(*server_), "hello");
  ASSERT_TRUE(Write(*server_, "world"));
  EXPECT_EQ(Read(*client_), "world");
  OnLoop([this] { client_->CloseWrite(); });
  EXPECT_EQ(Read(*server_), "");
  ASSERT_TRUE(Write(*server_, "still")) << "one direction has ended, the other has not";
  EXPECT_EQ(Read(*client_), "still");
}

TEST_F(TcpNetworkTest, CloseCancelsWhatIsUnderWay) {
  Open();
  Promise<Result<std::size_t>> read;
  std::byte buffer[10];
  network_.Post([&] {
    client_->AsyncRead(buffer, [&](Result<std::size_t> got) { read.Set(std::move(got)); });
    client_->Close();
  });
  EXPECT_EQ(read.Take().error().code(), Code::kCancelled);
  EXPECT_EQ(Read(*server_), "");
}

TEST_F(TcpNetworkTest, TellsWhyThereIsNoConnection) {
  Open();
  const base::Endpoint taken = listener_->endpoint();
  EXPECT_EQ(network_.Listen(taken, [](auto) {}).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(network_.Listen({"some.name", 0}, [](auto) {}).error().code(), Code::kInvalidArgument);
  OnLoop([this] { listener_.reset(); });
  OnLoop([] {});  // the listener closes with a task of its own
  const auto refused = Connect(taken);
  EXPECT_EQ(refused.error().code(), Code::kIo);
  EXPECT_NE(refused.error().message().find("connection refused"), std::string::npos) << refused.error().message();
  EXPECT_FALSE(Connect({"no-such-name.invalid", 80}));
}

TEST_F(TcpNetworkTest, ResolvesNamesAndAddresses) {
  const auto resolve = [&](const std::string& host) {
    Promise<Result<std::vector<std::string>>> done;
    network_.Resolve(host, [&](Result<std::vector<std::string>> addresses) { done.Set(std::move(addresses)); });
    return done.Take();
  };
  EXPECT_EQ(*resolve("127.0.0.1"), std::vector<std::string>{"127.0.0.1"});
  const auto local = resolve("localhost");
  ASSERT_TRUE(local) << local.error().message();
  EXPECT_FALSE(local->empty());
  EXPECT_EQ(resolve("no-such-name.invalid").error().code(), Code::kIo);
}

}  // namespace
}  // namespace baro::net

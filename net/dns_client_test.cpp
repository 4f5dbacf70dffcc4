#include "net/dns_client.h"

#include <future>
#include <map>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/executor.h"
#include "base/mutex.h"
#include "net/dns/dns_lookup.h"

namespace baro::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// A name in wire form.
std::string Labels(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out += static_cast<char>(dot);
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + std::string(1, '\0');
}

std::string U16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 255U)}; }

struct Answer {
  unsigned rcode = 0;
  std::vector<std::pair<unsigned, std::string>> records;  // type and data
  bool truncated = false;                                 // over UDP
};

/// Answers from a table, over UDP and TCP on one port of loopback.
class DnsServer {
 public:
  DnsServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    // The port that TCP gets may be taken for UDP: then another one is tried.
    for (;;) {
      address.sin_port = 0;
      tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (::bind(tcp_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
      ::getsockname(tcp_, reinterpret_cast<sockaddr*>(&address), &size);
      if (::bind(udp_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) break;
      ::close(tcp_);
      ::close(udp_);
    }
    ::listen(tcp_, 8);
    port_ = ntohs(address.sin_port);
    if (::pipe(stop_) != 0) std::abort();
    thread_ = std::thread([this] { Serve(); });
  }
  ~DnsServer() {
    ::close(stop_[1]);
    thread_.join();
    for (const int fd : {tcp_, udp_, stop_[0]}) ::close(fd);
  }

  void Set(const std::string& name, unsigned type, Answer answer) {
    const base::MutexLock lock(mutex_);
    answers_[{name, type}] = std::move(answer);
  }
  void SetSilent(bool is_silent) {
    const base::MutexLock lock(mutex_);
    is_silent_ = is_silent;
  }
  std::vector<std::string> asked() {
    const base::MutexLock lock(mutex_);
    return std::exchange(asked_, {});
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Serve() {
    for (;;) {
      pollfd waits[] = {{stop_[0], POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
      ::poll(waits, 3, -1);
      if (waits[0].revents != 0) return;
      if (waits[1].revents != 0) ServeUdp();
      if (waits[2].revents != 0) ServeTcp();
    }
  }
  void ServeUdp() {
    char buffer[4096];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const auto got = ::recvfrom(udp_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got <= 0) return;
    const std::string reply = Reply(std::string(buffer, static_cast<std::size_t>(got)), false);
    if (!reply.empty()) ::sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
  void ServeTcp() {
    const int fd = ::accept(tcp_, nullptr, nullptr);
    std::string in;
    char buffer[4096];
    while (in.size() < 2 || in.size() < 2 + Length(in)) {
      const auto got = ::read(fd, buffer, sizeof buffer);
      if (got <= 0) break;
      in.append(buffer, static_cast<std::size_t>(got));
    }
    const std::string reply = Reply(in.substr(std::min<std::size_t>(2, in.size())), true);
    const std::string framed = U16(static_cast<unsigned>(reply.size())) + reply;
    [[maybe_unused]] const auto sent = ::write(fd, framed.data(), framed.size());
    ::close(fd);
  }
  static std::size_t Length(const std::string& in) {
    return static_cast<unsigned char>(in[0]) * 256U + static_cast<unsigned char>(in[1]);
  }

  std::string Reply(const std::string& query, bool is_tcp) {
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const auto length = static_cast<std::size_t>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
      at += 1 + length;
    }
    const unsigned type = static_cast<unsigned char>(query[at + 2]);
    const std::string question = query.substr(12, at + 5 - 12);
    const base::MutexLock lock(mutex_);
    asked_.push_back(name + (is_tcp ? " tcp" : ""));
    if (is_silent_) return "";
    const auto found = answers_.find({name, type});
    const Answer answer = found == answers_.end() ? Answer{.rcode = 3} : found->second;
    const bool cut = answer.truncated && !is_tcp;
    const std::size_t count = cut ? 0 : answer.records.size();
    std::string reply = query.substr(0, 2) + U16(0x8180U | (cut ? 0x0200U : 0U) | answer.rcode) + U16(1) +
                        U16(static_cast<unsigned>(count)) + U16(0) + U16(0) + question;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [record_type, data] = answer.records[i];
      reply +=
          "\xc0\x0c" + U16(record_type) + U16(1) + U16(0) + U16(60) + U16(static_cast<unsigned>(data.size())) + data;
    }
    return reply;
  }

  int tcp_ = -1;
  int udp_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  base::Mutex mutex_;
  std::map<std::pair<std::string, unsigned>, Answer> answers_ BARO_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ BARO_GUARDED_BY(mutex_);
  bool is_silent_ BARO_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

constexpr unsigned kA = 1;
constexpr unsigned kNs = 2;
constexpr unsigned kCname = 5;
constexpr unsigned kMx = 15;
constexpr unsigned kAaaa = 28;
constexpr unsigned kSrv = 33;

class DnsClientTest : public testing::Test {
 protected:
  base::Result<std::vector<DnsRecord>> Ask(const std::string& name, DnsType type) {
    std::promise<base::Result<std::vector<DnsRecord>>> told;
    client_->Lookup(name, type, [&](auto records) { told.set_value(std::move(records)); });
    return told.get_future().get();
  }
  /// "a:0 b:0 ", or what is wrong.
  std::string Text(const std::string& name, DnsType type) {
    const auto records = Ask(name, type);
    if (!records) return records.error().message();
    std::string text;
    for (const DnsRecord& record : *records) text += record.value + ":" + std::to_string(record.port) + " ";
    return text;
  }

  DnsServer server_;
  base::ThreadExecutor executor_{1};
  std::unique_ptr<DnsClient> client_ = MakeDnsClient(
      {.executor = &executor_, .servers = server_.address(), .search = {"one.test", "two.test"}, .timeout = 20s});
};

TEST_F(DnsClientTest, ReadsAllTypes) {
  server_.Set("h.test", kA, {.records = {{kA, std::string("\x0a\0\0\1", 4)}, {kA, std::string("\x0a\0\0\2", 4)}}});
  server_.Set("h.test", kAaaa, {.records = {{kAaaa, "\xfd" + std::string(14, '\0') + "\1"}}});
  server_.Set("s.test", kSrv,
              {.records = {{kSrv, U16(1) + U16(2) + U16(9100) + Labels("a.test")},
                           {kSrv, U16(1) + U16(2) + U16(9101) + Labels("b.test")}}});
  server_.Set("m.test", kMx, {.records = {{kMx, U16(10) + Labels("mail.test")}}});
  server_.Set("n.test", kNs, {.records = {{kNs, Labels("ns1.test")}, {kNs, Labels("ns2.test")}}});
  EXPECT_EQ(Text("h.test.", DnsType::kA), "10.0.0.1:0 10.0.0.2:0 ");
  EXPECT_EQ(Text("h.test.", DnsType::kAaaa), "fd00::1:0 ");
  EXPECT_EQ(Text("s.test.", DnsType::kSrv), "a.test:9100 b.test:9101 ");
  EXPECT_EQ(Text("m.test.", DnsType::kMx), "mail.test:0 ");
  EXPECT_EQ(Text("n.test.", DnsType::kNs), "ns1.test:0 ns2.test:0 ");
}

TEST_F(DnsClientTest, WhatDoesNotFitIsAskedForOverTcp) {
  Answer many{.truncated = true};
  for (unsigned i = 0; i < 2000; ++i) many.records.emplace_back(kA, std::string("\x0a\1", 2) + U16(i));
  server_.Set("many.test", kA, many);
  const auto records = Ask("many.test.", DnsType::kA);
  ASSERT_TRUE(records) << records.error().message();
  EXPECT_EQ(records->size(), 2000U);
  EXPECT_EQ(records->back().value, "10.1.7.207");
  EXPECT_THAT(server_.asked(), ElementsAre("many.test", "many.test tcp"));
}

TEST_F(DnsClientTest, NamesAreLookedForBelowTheSearchDomains) {
  server_.Set("short.two.test", kA, {.records = {{kA, "\1\1\1\1"}}});
  EXPECT_EQ(Text("short", DnsType::kA), "1.1.1.1:0 ");
  EXPECT_THAT(server_.asked(), ElementsAre("short.one.test", "short.two.test"));
  EXPECT_EQ(Text("no.such", DnsType::kA), "") << "none of them exists: that is an answer";
  EXPECT_THAT(server_.asked(), ElementsAre("no.such", "no.such.one.test", "no.such.two.test"));
  server_.Set("empty.test", kA, {});
  EXPECT_EQ(Text("empty.test", DnsType::kA), "") << "it exists, without records: nothing else is tried";
  EXPECT_THAT(server_.asked(), ElementsAre("empty.test"));
}

TEST_F(DnsClientTest, WithoutAnAnswerThatSettlesItItFails) {
  server_.Set("broken.test", kA, {.rcode = 2});
  EXPECT_THAT(Text("broken.test", DnsType::kA), HasSubstr("look up \"broken.test\""))
      << "others do not exist, but this one might";
  server_.Set("broken.test.one.test", kA, {.records = {{kA, "\1\1\1\2"}}});
  EXPECT_EQ(Text("broken.test", DnsType::kA), "1.1.1.2:0 ") << "unless another name gives an answer";
  EXPECT_FALSE(Ask(std::string(300, 'x') + ".", DnsType::kA));
  EXPECT_FALSE(Ask("a..b.", DnsType::kA));
}

TEST_F(DnsClientTest, SilenceTimesOut) {
  client_ = MakeDnsClient({.executor = &executor_, .servers = server_.address(), .search = {}, .timeout = 20ms});
  server_.SetSilent(true);
  const auto records = Ask("h.test.", DnsType::kA);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code(), base::Code::kTimeout);
  EXPECT_THAT(server_.asked(), ElementsAre("h.test", "h.test"));
}

TEST_F(DnsClientTest, ManyAtOnceAndAnEndInTheMiddle) {
  server_.Set("h.test", kA, {.records = {{kA, "\1\1\1\1"}}});
  std::vector<std::promise<std::size_t>> told(300);
  for (auto& promise : told) {
    client_->Lookup("h.test.", DnsType::kA,
                    [&promise](auto records) { promise.set_value(records ? records->size() : 0); });
  }
  for (auto& promise : told) EXPECT_EQ(promise.get_future().get(), 1U);
  server_.SetSilent(true);
  for (int i = 0; i < 100; ++i) client_->Lookup("h.test.", DnsType::kA, [](const auto&) { ADD_FAILURE(); });
  client_.reset();
}

TEST(DnsNames, AreTriedInTheOrderOfResolvConf) {
  using dns::NamesToTry;
  EXPECT_THAT(NamesToTry("a", {"x", "y"}, 1), ElementsAre("a.x", "a.y", "a"));
  EXPECT_THAT(NamesToTry("a.b", {"x"}, 1), ElementsAre("a.b", "a.b.x"));
  EXPECT_THAT(NamesToTry("a.b", {"x"}, 5), ElementsAre("a.b.x", "a.b"));
  EXPECT_THAT(NamesToTry("a.", {"x"}, 1), ElementsAre("a."));
  EXPECT_THAT(NamesToTry("a", {"."}, 1), ElementsAre("a", "a"));
}

}  // namespace
}  // namespace baro::net

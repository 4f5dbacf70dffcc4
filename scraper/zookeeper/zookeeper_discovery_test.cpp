#include "scraper/zookeeper/zookeeper_discovery.h"

#include "base/sim_network.h"
#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/make_discovery.h"
#include "scraper/served_discoveries.h"
#include "scraper/zookeeper/fake_zookeeper.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::string Member(std::string_view host, int port) {
  return fmt::format(R"({{"host": "{}", "port": {}, "name": "n"}})", host, port);
}

class ZookeeperTest : public DiscoveryTest {
 protected:
  ~ZookeeperTest() override {
    if (discovery_) discovery_->Stop();
    executor_.RunFor(1s);
    a_.Cut();
    b_.Cut();
    executor_.RunFor(1s);
  }

  DiscoveryOptions Options(std::vector<std::string> paths = {"/s"}) {
    DiscoveryOptions options{.kind = "nerve"};
    options.record.values = {
        {"servers", std::vector<std::string>{"a", "b:99"}}, {"paths", std::move(paths)}, {"timeout", 10'000ms}};
    return options;
  }

  void StartZookeeper(const DiscoveryOptions& options, std::chrono::nanoseconds run = 2s) {
    DiscoveryContext context = Context();
    context.network = &network_;
    auto discovery = MakeDiscovery(options, context);
    ASSERT_TRUE(discovery) << discovery.error().message();
    Start(*std::move(discovery));
    executor_.RunFor(run);
  }
  void StartZookeeper() { StartZookeeper(Options()); }

  std::string Error() const { return discovery_->status().last_error; }
  std::size_t Connections() const { return a_.connections + b_.connections; }

  base::SimNetwork network_{executor_, 1};
  FakeZookeeperTree tree_;
  FakeZookeeper a_{network_, {"a", 2181}, tree_};
  FakeZookeeper b_{network_, {"b", 99}, tree_};
};

TEST_F(ZookeeperTest, TellsWhatIsThereAndWhatChanges) {
  EXPECT_TRUE(IsServedDiscovery("serverset") && IsServedDiscovery("nerve"));
  a_.Put("/s/web/1", Member("h", 1), true);
  a_.Put("/s/web/2", Member("h", 2), true);
  a_.Put("/s/db", Member("h", 3));
  a_.Put("/other/1", Member("h", 9));
  StartZookeeper();
  EXPECT_EQ(Addresses(), "h:3 h:1 h:2 ");
  EXPECT_THAT(Targets(), HasSubstr("__meta_nerve_path=\"/s/web/2\""));
  EXPECT_EQ(updates_, 1);
  EXPECT_EQ(discovery_->status().targets, 3U);
  const std::size_t questions = a_.questions + b_.questions;
  EXPECT_EQ(questions, 5U + 3U) << "data of all nodes, children of those that may have some";

  a_.Put("/s/web/3", Member("h", 4), true);
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "h:3 h:1 h:2 h:4 ");
  EXPECT_EQ(a_.questions + b_.questions, questions + 2) << "children of web, data of 3";
}

TEST_F(ZookeeperTest, ChangesAndEndsOfNodes) {
  b_.is_accepting = false;
  a_.Put("/s/web/1", Member("h", 1), true);
  a_.Put("/s/web/2", Member("h", 2));
  a_.Put("/s/web-2/1", Member("i", 1));
  a_.Put("/s/web.3", Member("j", 1));
  StartZookeeper();
  EXPECT_EQ(Addresses(), "h:1 h:2 i:1 j:1 ");
  a_.Put("/s/web/1", Member("h", 5), true);
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "h:5 h:2 i:1 j:1 ");
  a_.Put("/s/web/1", "no member", true);
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "h:2 i:1 j:1 ");
  a_.Put("/s/web/2/deep/er", Member("k", 1), true);
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "h:2 k:1 i:1 j:1 ");
  a_.Erase("/s/web");
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "i:1 j:1 ");
  a_.Put("/s/web/1", Member("h", 1), true);
  a_.Erase("/s/web-2");
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "h:1 j:1 ");
  EXPECT_EQ(Failures("nerve"), 1) << "the connection that b did not take";
}

TEST_F(ZookeeperTest, APathThatDoesNotExistIsAwaited) {
  StartZookeeper(Options({"/s/", "/t"}));
  EXPECT_EQ(updates_, 0);
  EXPECT_EQ(Error(), "no such path: /s, /t");
  a_.Put("/t/1", Member("t", 1));
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "t:1 ");
  EXPECT_EQ(Error(), "no such path: /s");
  a_.Put("/s", Member("s", 1));
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "s:1 t:1 ");
  EXPECT_EQ(Error(), "");
  a_.Erase("/t");
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "s:1 ") << "it was seen to go";
  EXPECT_EQ(Error(), "no such path: /t");
}

TEST_F(ZookeeperTest, TheRootMayBeWatched) {
  a_.Put("/s/1", Member("s", 1));
  a_.Put("/t", Member("t", 1));
  StartZookeeper(Options({"/", "/t"}));
  EXPECT_EQ(Addresses(), "s:1 t:1 t:1 ") << "what two paths have in common is told by both";
}

TEST_F(ZookeeperTest, ALostConnectionIsTakenUpElsewhereAndTargetsStay) {
  a_.Put("/s/1", Member("h", 1), true);
  StartZookeeper();
  FakeZookeeper& first = a_.connections > 0 ? a_ : b_;
  FakeZookeeper& second = a_.connections > 0 ? b_ : a_;
  first.is_accepting = false;
  first.Cut();
  second.Put("/s/2", Member("h", 2), true);
  executor_.RunFor(500ms);
  EXPECT_EQ(Addresses(), "h:1 ");
  EXPECT_THAT(Error(), HasSubstr("the server ended the connection"));
  executor_.RunFor(2s);
  EXPECT_EQ(second.connections, 1U);
  EXPECT_EQ(Addresses(), "h:1 h:2 ");
  EXPECT_EQ(Error(), "");
  second.Erase("/s/1");
  executor_.RunFor(1s);
  EXPECT_EQ(Addresses(), "h:2 ") << "watches are set anew";
  EXPECT_EQ(log_.size(), 2U) << "the loss, and that it works again";
}

TEST_F(ZookeeperTest, AServerThatFallsSilentIsLeft) {
  DiscoveryOptions options = Options();
  options.record.values["servers"] = std::vector<std::string>{"a"};
  a_.Put("/s/1", Member("h", 1), true);
  StartZookeeper(options);
  executor_.RunFor(10min);
  EXPECT_GT(a_.pings, 170U);
  EXPECT_EQ(a_.connections, 1U) << "silence without changes is none: there are pings";
  EXPECT_LE(clock_.Now() - *discovery_->status().last_success, 70s) << "a quiet tree does not look old";
  a_.is_silent = true;
  executor_.RunFor(7s);
  EXPECT_THAT(Error(), HasSubstr("a:2181: the server has said nothing for"));
  EXPECT_EQ(Addresses(), "h:1 ");
  a_.is_silent = false;
  executor_.RunFor(1min);
  EXPECT_EQ(Error(), "");
}

TEST_F(ZookeeperTest, ServersThatAreDownAreAskedLessAndLessOften) {
  a_.is_accepting = b_.is_accepting = false;
  a_.Put("/s/1", Member("h", 1), true);
  StartZookeeper(Options(), 1h);
  EXPECT_LE(Failures("nerve"), 2 * 65);
  EXPECT_GE(Failures("nerve"), 2 * 50);
  EXPECT_EQ(updates_, 0);
  a_.is_accepting = true;
  executor_.RunFor(2min);
  EXPECT_EQ(Addresses(), "h:1 ");
}

TEST_F(ZookeeperTest, AServerThatKnowsLessIsNotBelieved) {
  FakeZookeeperTree old;
  FakeZookeeper c(network_, {"c", 2181}, old);
  DiscoveryOptions options = Options();
  options.record.values["servers"] = std::vector<std::string>{"a", "c"};
  a_.Put("/s/1", Member("h", 1), true);
  c.is_accepting = false;
  StartZookeeper(options);
  c.is_accepting = true;
  a_.Cut();
  executor_.RunFor(3s);
  EXPECT_EQ(Addresses(), "h:1 ");
  EXPECT_EQ(a_.connections, 2U);
  EXPECT_GE(c.connections, 1U);
  // If it is all there is, it is.
  a_.is_accepting = false;
  c.Put("/s/9", Member("h", 9), true);
  a_.Cut();
  executor_.RunFor(1min);
  EXPECT_EQ(Addresses(), "h:9 ");
  discovery_->Stop();
  executor_.RunFor(1s);
}

TEST_F(ZookeeperTest, AServerWithoutThePathTakesNothingAway) {
  FakeZookeeperTree empty;
  empty.zxid = 1'000;
  FakeZookeeper c(network_, {"c", 2181}, empty);
  DiscoveryOptions options = Options({"/s", "/t"});
  options.record.values["servers"] = std::vector<std::string>{"a", "c"};
  a_.Put("/s/1", Member("h", 1), true);
  a_.Put("/t/1", Member("t", 1), true);
  c.is_accepting = false;
  StartZookeeper(options);
  EXPECT_EQ(Addresses(), "h:1 t:1 ");
  c.is_accepting = true;
  a_.is_accepting = false;
  c.Put("/t/2", Member("t", 2), true);
  a_.Cut();
  executor_.RunFor(5s);
  EXPECT_EQ(Addresses(), "h:1 t:2 ");
  EXPECT_EQ(Error(), "no such path: /s");
  discovery_->Stop();
  executor_.RunFor(1s);
}

TEST_F(ZookeeperTest, WhatServersShouldNotSayEndsTheConnection) {
  struct Row {
    std::string bytes;
    const char* error;
  };
  const Row kRows[] = {
      {"\xff\xff\xff\xff", "malformed length"},
      {"\x7f\xff\xff\xff", "a packet of 2147483647 bytes"},
      {FakeZookeeper::Packet("abc"), "malformed header of an answer"},
      {FakeZookeeper::Packet(std::string("\0\0\0\x63\0\0\0\0\0\0\0\0\0\0\0\0", 16)), "answers question 99"},
      {FakeZookeeper::Packet(std::string("\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 16)), "malformed event"}};
  b_.is_accepting = false;
  a_.Put("/s/1", Member("h", 1), true);
  StartZookeeper();
  for (const Row& row : kRows) {
    a_.SendRaw(row.bytes);
    executor_.RunFor(500ms);
    EXPECT_THAT(Error(), HasSubstr(row.error));
    executor_.RunFor(20s);
    EXPECT_EQ(Error(), "") << row.error;
    EXPECT_EQ(Addresses(), "h:1 ");
  }
  a_.Expire();
  executor_.RunFor(500ms);
  EXPECT_THAT(Error(), HasSubstr("the session has expired"));
}

TEST_F(ZookeeperTest, ServersThatSayNo) {
  b_.is_accepting = false;
  a_.Put("/s/1", Member("h", 1), true);
  a_.forbidden = {"/s/1"};
  StartZookeeper();
  EXPECT_EQ(updates_, 0);
  EXPECT_EQ(Error(), "a:2181: /s/1: no permission to read the node");
  a_.forbidden.clear();
  a_.timeout_ms = 0;
  executor_.RunFor(15s);
  EXPECT_EQ(Error(), "a:2181: the server gives no session");
  a_.timeout_ms = 1;  // which is not followed: there are pauses
  executor_.RunFor(1min);
  EXPECT_EQ(Addresses(), "h:1 ");
  const std::size_t pings = a_.pings;
  executor_.RunFor(10s);
  EXPECT_LE(a_.pings - pings, 40U);
}

TEST_F(ZookeeperTest, TheEndIsTold) {
  StartZookeeper();
  const int updates = updates_;
  discovery_->Stop();
  discovery_->Stop();
  a_.Put("/s/1", Member("h", 1), true);
  executor_.RunFor(1min);
  EXPECT_EQ(a_.farewells + b_.farewells, 1U);
  EXPECT_EQ(Connections(), 1U);
  EXPECT_EQ(updates_, updates);
}

TEST_F(ZookeeperTest, ServersAreHostsAndPorts) {
  DiscoveryContext context = Context();
  EXPECT_EQ(MakeDiscovery(Options(), context).error().code(), base::Code::kUnsupported) << "no network";
  context.network = &network_;
  for (const std::string server : {"", ":1", "a:", "a:0", "a:65536", "a:1x", "fd00::1", "[fd00::1]x", "[fd00::1"}) {
    DiscoveryOptions options = Options();
    options.record.values["servers"] = std::vector{server};
    const auto made = MakeDiscovery(options, context);
    ASSERT_FALSE(made) << server;
    EXPECT_EQ(made.error().message(), fmt::format("server {:?} is not a host and a port", server));
  }
  FakeZookeeper v6(network_, {"fd00::1", 2181}, tree_);
  v6.Put("/s/1", Member("h", 1), true);
  DiscoveryOptions options = Options();
  options.record.values["servers"] = std::vector<std::string>{"[fd00::1]"};
  StartZookeeper(options);
  EXPECT_EQ(Addresses(), "h:1 ");
  discovery_->Stop();
  executor_.RunFor(1s);
}

/// Trees that change while connections are slow, cut, silent and in pieces: when it is quiet, what was told last is
/// what is there.
TEST(ZookeeperModel, AfterAnyChangesAndFaultsTheTargetsAreThoseOfTheTree) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    base::SeededRandom random(seed);
    base::SimClock clock;
    base::SimExecutor executor(clock, seed);
    base::SimFileSystem files;
    base::Registry registry;
    ScrapeMetrics metrics(registry);
    base::SimNetwork network(executor, seed,
                             {.delay_max = 50ms,
                              .trickle_one_in = 10,
                              .reset_one_in = 200,
                              .truncate_one_in = 300,
                              .half_open_one_in = 500});
    FakeZookeeperTree tree;
    FakeZookeeper server(network, {"a", 2181}, tree);
    DiscoveryOptions options{.kind = "nerve"};
    options.record.values = {{"servers", std::vector<std::string>{"a"}},
                             {"paths", std::vector<std::string>{"/s", "/s/b", "/t"}},
                             {"timeout", 10'000ms}};
    const auto discovery = MakeDiscovery(options, {.clock = clock,
                                                   .executor = executor,
                                                   .files = files,
                                                   .metrics = metrics,
                                                   .make_fetcher = {},
                                                   .environment = {},
                                                   .network = &network,
                                                   .log = {},
                                                   .job_name = "j"});
    ASSERT_TRUE(discovery);
    std::multiset<std::string> told;
    (*discovery)->Start([&](const std::vector<TargetGroup>& groups) {
      told.clear();
      for (const auto& group : groups) {
        for (const auto& target : group.targets) told.insert(target.at("__meta_nerve_path"));
      }
    });
    const auto random_path = [&] {
      std::string path = random.OneIn(5) ? "/t" : "/s";
      for (std::uint64_t depth = random.Below(4); depth > 0; --depth) {
        constexpr std::string_view kNames[] = {"a", "b", "a-", "a.b", "ab"};
        path += fmt::format("/{}", kNames[random.Below(std::size(kNames))]);
      }
      return path;
    };
    const auto change = [&] {
      const std::string path = random_path();
      if (random.OneIn(3)) {
        if (tree.nodes.contains(path) && path != "/s" && path != "/t") server.Erase(path);
      } else {
        server.Put(path, random.OneIn(3) ? "" : Member("h", static_cast<int>(random.Below(100))));
      }
    };
    for (int step = 0; step < 200; ++step) {
      change();
      if (random.OneIn(50)) server.Cut();
      executor.RunFor(std::chrono::milliseconds(random.Below(300)));
    }
    server.Put("/s", "");
    server.Put("/t", "");
    network.SetFaults({});
    server.Cut();
    executor.RunFor(5min);
    // On one connection from here on: what is known is what events told.
    const std::size_t connections = server.connections;
    for (int step = 0; step < 100; ++step) {
      change();
      executor.RunFor(std::chrono::milliseconds(random.Below(300)));
    }
    server.Put("/s/b", Member("h", 1));  // of a path that is missing the last that was told stays
    executor.RunFor(5s);
    EXPECT_EQ(server.connections, connections) << "seed " << seed;
    std::multiset<std::string> want;
    for (const auto& [path, node] : tree.nodes) {
      if (node.data.empty()) continue;
      want.insert(path);
      if (path == "/s/b" || path.starts_with("/s/b/")) want.insert(path);
    }
    EXPECT_EQ(told, want) << "seed " << seed;
    (*discovery)->Stop();
    executor.RunFor(1s);
    server.Cut();
    executor.RunFor(1s);
  }
}

}  // namespace
}  // namespace baro::scraper

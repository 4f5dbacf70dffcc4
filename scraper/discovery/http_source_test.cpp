#include "scraper/discovery/http_source.h"

#include <future>
#include <random>

#include <nlohmann/json.hpp>

#include "base/executor.h"
#include "net/http_client.h"
#include "net/io_threads.h"
#include "net/raw_socket_for_tests.h"
#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/make_discovery.h"
#include "scraper/served_discoveries.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using net::testing::RawServer;
using net::testing::RawSocket;
using testing::HasSubstr;

constexpr const char* kUrl = "http://sd/targets";

DiscoveryOptions HttpOptions(std::string url = kUrl) {
  DiscoveryOptions options{.kind = "http"};
  options.record.values = {{"url", std::move(url)}, {"refresh_interval", std::chrono::milliseconds(60s)}};
  return options;
}

class HttpDiscoveryTest : public DiscoveryTest {
 protected:
  void StartHttp() {
    auto discovery = MakeDiscovery(HttpOptions(), Context());
    ASSERT_TRUE(discovery) << discovery.error().message();
    Start(*std::move(discovery));
  }
  void Say(std::string body, std::string type = "application/json", int status = 200) {
    servers_->At(kUrl) = {.body = std::move(body), .content_type = std::move(type), .status = status};
  }
};

TEST_F(HttpDiscoveryTest, TellsTheGroupsWithTheirUrl) {
  Say(R"([{"targets": ["a:1", "b:2"], "labels": {"env": "prod", "__meta_rack": "7"}}, {"targets": ["c:3"]}])");
  StartHttp();
  executor_.RunFor(1s);
  EXPECT_EQ(Targets(),
            "__address__=\"a:1\" __meta_rack=\"7\" __meta_url=\"http://sd/targets\" env=\"prod\"\n"
            "__address__=\"b:2\" __meta_rack=\"7\" __meta_url=\"http://sd/targets\" env=\"prod\"\n"
            "__address__=\"c:3\" __meta_url=\"http://sd/targets\"\n");
  ASSERT_EQ(servers_->requests.size(), 1U);
  const auto& [request, options] = servers_->requests[0];
  EXPECT_EQ(request.headers.Get("Accept"), "application/json");
  EXPECT_EQ(request.headers.Get("X-Prometheus-Refresh-Interval-Seconds"), "60");
  EXPECT_EQ(options.timeout, 60s);
}

TEST_F(HttpDiscoveryTest, WhateverElseItAnswersTheTargetsStay) {
  Say(R"([{"targets": ["a:1"]}])");
  StartHttp();
  executor_.RunFor(1s);
  struct Row {
    const char* body;
    const char* type;
    int status;
    const char* want;
  };
  const Row kRows[] = {
      {"[]", "application/json", 500, "HTTP status 500"},
      {"[]", "application/json", 204, "HTTP status 204"},
      {"[]", "text/html", 200, "Content-Type \"text/html\""},
      {"[]", "application/json; charset=latin1", 200, "Content-Type"},
      {"<html>", "application/json", 200, "not valid JSON at line 1, column 1"},
      {"", "application/json", 200, "not valid JSON"},
      {"null", "application/json", 200, "expected a list of groups"},
      {"{}", "application/json", 200, "expected a list of groups"},
      {"[null]", "application/json", 200, "group 1: expected an object"},
      {"[{}, {\"targets\": [1]}]", "application/json", 200, "group 2: targets"},
  };
  double failures = 0;
  for (const Row& row : kRows) {
    Say(row.body, row.type, row.status);
    executor_.RunFor(60s);
    EXPECT_THAT(discovery_->status().last_error, HasSubstr(row.want));
    EXPECT_EQ(Addresses(), "a:1 ") << row.want;
    EXPECT_GT(Failures("http"), failures) << row.want;
    failures = Failures("http");
  }
  EXPECT_EQ(metrics_.sd_http_failures_total.value(), failures);
  Say("[]", "Application/JSON; charset=UTF-8");
  executor_.RunFor(121s);
  EXPECT_EQ(Addresses(), "") << "an empty list is an answer";
}

TEST_F(HttpDiscoveryTest, APasswordInTheUrlIsNotTold) {
  auto discovery = MakeDiscovery(HttpOptions("http://me:hush@sd/targets"), Context());
  ASSERT_TRUE(discovery);
  servers_->At("http://me:hush@sd/targets") = {.body = "{", .content_type = "application/json"};
  Start(*std::move(discovery));
  executor_.RunFor(1s);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], testing::Not(HasSubstr("hush")));
}

TEST_F(HttpDiscoveryTest, KindsThatAreNotServedAreNamed) {
  EXPECT_TRUE(IsServedDiscovery("http"));
  EXPECT_FALSE(IsServedDiscovery("carrier pigeon"));
  const auto made = MakeDiscovery({.kind = "carrier pigeon"}, Context());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), base::Code::kUnsupported);
}

TEST(JsonAnswer, BoundsHold) {
  EXPECT_TRUE(ParseJsonAnswer(std::string(kAnswerDepthMax, '[') + std::string(kAnswerDepthMax, ']')));
  EXPECT_EQ(ParseJsonAnswer(std::string(kAnswerDepthMax + 1, '[')).error().code(), base::Code::kLimitExceeded);
  EXPECT_TRUE(ParseJsonAnswer("\"" + std::string(1000, '[') + "\"")) << "brackets in a string are no brackets";
  EXPECT_TRUE(ParseJsonAnswer(R"("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")"));
  std::string many = "[1";
  for (std::size_t i = 0; i < kAnswerValuesMax; ++i) many += ",1";
  EXPECT_EQ(ParseJsonAnswer(many + "]").error().code(), base::Code::kLimitExceeded);
  EXPECT_EQ(ParseJsonAnswer(std::string(kAnswerBytesMax + 1, ' ')).error().code(), base::Code::kLimitExceeded);
  for (const char* text : {"", "[", "\"", "\"\\", "{\"a\"", "[1,]", "\xff"})
    EXPECT_FALSE(ParseJsonAnswer(text)) << text;
}

// A document of groups made by chance, written by another library, is read as it was made.
TEST(HttpTargets, ReadsWhatWasWritten) {
  std::mt19937_64 random(7);
  const std::string kTexts[] = {"a:1", "", "\"q\\", "\xc3\xa4\n", "[::1]:9100", "{}", "\t,:"};
  for (int round = 0; round < 300; ++round) {
    nlohmann::json document = nlohmann::json::array();
    std::vector<TargetGroup> want;
    for (std::size_t g = random() % 4; g > 0; --g) {
      TargetGroup group{.source = fmt::format("u:{}", want.size()), .labels = {}};
      nlohmann::json item = nlohmann::json::object();
      for (std::size_t t = random() % 4; t > 0; --t) {
        group.targets.push_back({{"__address__", kTexts[random() % 7]}});
        item["targets"].push_back(group.targets.back().at("__address__"));
      }
      for (std::size_t l = random() % 4; l > 0; --l) {
        const std::string name = fmt::format("l{}", random() % 5);
        group.labels[name] = kTexts[random() % 7];
        item["labels"][name] = group.labels[name];
      }
      group.labels["__meta_url"] = "u";
      want.push_back(group);
      document.push_back(item);
    }
    const auto groups = ParseHttpTargets(document.dump(static_cast<int>(random() % 3) - 1), "u");
    ASSERT_TRUE(groups) << document << groups.error().message();
    EXPECT_EQ(*groups, want) << document;
  }
}

// A flipped, cut or doubled byte gives groups or a message, and nothing else.
TEST(HttpTargets, SurvivesDamage) {
  const std::string good = R"([{"targets": ["a:1", "b:2"], "labels": {"env": "pr\u00f6d"}}, {"targets": []}])";
  std::mt19937_64 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text = good;
    for (std::size_t i = 1 + random() % 3; i > 0; --i) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 5);
      } else {
        text[at] = static_cast<char>(random());
      }
    }
    const auto groups = ParseHttpTargets(text, "u");
    EXPECT_TRUE(groups || !groups.error().message().empty()) << text;
  }
}

// Through the real client, from a real server on loopback.
TEST(HttpSource, AsksWithTheOptionsOfTheClient) {
  net::IoThreads threads{1};
  base::ThreadExecutor executor{1};
  std::promise<std::string> seen;
  RawServer server({[&](RawSocket& socket) {
    seen.set_value(socket.ReadMessage());
    const std::string body = R"([{"targets": ["a:1"]}])";
    socket.Send(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                            body.size(), body));
  }});
  net::HttpClientOptions options;
  options.basic_auth = net::BasicAuthOptions{.username = "me", .password = {.value = base::Secret("hush")}};
  options.headers["X-Own"] = {.values = {"yes"}};
  auto client = net::HttpClient::Make(options, {.threads = &threads, .executor = &executor});
  ASSERT_TRUE(client);
  const auto source = std::make_shared<HttpSource>(server.url("/sd?a=b"), 30s, *std::move(client));
  std::promise<base::Result<std::vector<TargetGroup>>> told;
  source->Refresh([&](base::Result<std::vector<TargetGroup>> groups) { told.set_value(std::move(groups)); });
  const auto groups = told.get_future().get();
  ASSERT_TRUE(groups) << groups.error().message();
  EXPECT_EQ(groups->at(0).targets[0].at("__address__"), "a:1");
  EXPECT_EQ(groups->at(0).labels.at("__meta_url"), server.url("/sd?a=b"));
  const std::string request = seen.get_future().get();
  EXPECT_THAT(request, HasSubstr("GET /sd?a=b HTTP/1.1"));
  EXPECT_THAT(request, HasSubstr("Authorization: Basic bWU6aHVzaA=="));
  EXPECT_THAT(request, HasSubstr("X-Own: yes"));
  EXPECT_THAT(request, HasSubstr("X-Prometheus-Refresh-Interval-Seconds: 30"));
}

}  // namespace
}  // namespace baro::scraper

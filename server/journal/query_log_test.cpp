#include "server/journal/query_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/sim_clock.h"
#include "base/sim_file_system.h"

namespace baro::server {
namespace {

const query::QueryRequest kRange{
    .text = "up == \"0\"",
    .range = {.start_ms = 1'700'000'000'500, .end_ms = 1'700'000'060'500, .step_ms = 15'000},
    .is_range = true};

TEST(QueryLogLine, HasTheShapeThatPrometheusGivesIt) {
  query::QueryStats stats;
  stats.evaluation_time = std::chrono::milliseconds(2);
  stats.samples_queryable = 7;
  const std::string line =
      QueryLogLine(base::FromMs(1'700'000'070'001), kRange,
                   {.client_ip = "127.0.0.1", .method = "GET", .path = "/api/v1/query_range"}, stats, nullptr);
  EXPECT_TRUE(line.ends_with("}\n"));
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["msg"], "promql query logged");
  EXPECT_EQ(json["time"], "2023-11-14T22:14:30.001Z");
  EXPECT_EQ(json["params"], nlohmann::json::parse(R"({"query":"up == \"0\"","start":"2023-11-14T22:13:20.500Z",
                                                      "end":"2023-11-14T22:14:20.500Z","step":15})"));
  EXPECT_EQ(json["stats"]["timings"]["innerEvalTime"], 0.002);
  EXPECT_EQ(json["stats"]["samples"]["totalQueryableSamples"], 7);
  EXPECT_EQ(json["httpRequest"]["clientIP"], "127.0.0.1");
  EXPECT_FALSE(json.contains("error"));
  const base::Error error(base::Code::kTimeout, "too late");
  const auto failed = nlohmann::json::parse(QueryLogLine(base::FromMs(0), kRange, {}, {}, &error));
  EXPECT_EQ(failed["error"], "too late");
  EXPECT_FALSE(failed.contains("httpRequest"));
}

TEST(QueryLog, FollowsItsSetting) {
  base::SimFileSystem files;
  base::SimClock clock;
  base::Registry registry;
  QueryLog log(files, clock, registry, {});
  ASSERT_TRUE(files.CreateDirectories("logs"));
  const auto use = [&](const std::string& path) {
    auto file = log.OpenFile(path);
    ASSERT_TRUE(file);
    log.Use(*std::move(file), path);
  };
  log.Write(kRange, {}, {}, nullptr);  // there is no file
  use("logs/a");
  log.Write(kRange, {}, {}, nullptr);
  EXPECT_FALSE(log.OpenFile("missing/b"));
  log.Write(kRange, {}, {}, nullptr);  // the old one stays in use
  ASSERT_TRUE(files.Rename("logs/a", "logs/old"));
  use("logs/a");
  log.Write(kRange, {}, {}, nullptr);
  use("");
  log.Write(kRange, {}, {}, nullptr);
  const auto lines = [&](const char* path) {
    const std::string text = base::ReadFile(files, path, 1 << 20).value_or("");
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines("logs/old"), 2);
  EXPECT_EQ(lines("logs/a"), 1);
}

}  // namespace
}  // namespace baro::server

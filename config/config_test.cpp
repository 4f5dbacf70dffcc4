#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"

namespace baro::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::optional<std::string> TestEnvironment(std::string_view name) {
  if (name == "REGION") return "eu";
  return std::nullopt;
}

base::Result<Config> Parse(const std::string& text) {
  return ParseConfig(text, "dir/prometheus.yml", base::RealFileSystem(), TestEnvironment);
}

std::string ErrorOf(const std::string& text) {
  const auto config = Parse(text);
  return config ? "no error" : config.error().message();
}

TEST(Config, AnEmptyFileIsAllDefaults) {
  const auto config = Parse("");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->scrape_interval, 1min);
  EXPECT_TRUE(config->jobs.empty());
}

TEST(Config, JobsTakeTheirDefaultsFromGlobal) {
  const auto config = Parse(R"(
global:
  scrape_interval: 7s
  sample_limit: 5
scrape_configs:
  - job_name: a
    static_configs:
      - targets: ["x:1", "y:2"]
        labels: {team: core}
  - job_name: b
    scrape_interval: 1m
    scrape_timeout: 20s
    sample_limit: 9
)");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->jobs.size(), 2U);
  EXPECT_EQ(config->jobs[0].interval, 7s);
  EXPECT_EQ(config->jobs[0].timeout, 7s) << "the default timeout never passes the interval";
  EXPECT_EQ(config->jobs[0].limits.samples, 5U);
  ASSERT_EQ(config->jobs[0].static_groups.size(), 1U);
  EXPECT_EQ(config->jobs[0].static_groups[0].targets[1].at("__address__"), "y:2");
  EXPECT_EQ(config->jobs[1].interval, 1min);
  EXPECT_EQ(config->jobs[1].timeout, 20s);
  EXPECT_EQ(config->jobs[1].limits.samples, 9U);
  EXPECT_NE(config->jobs[0].fingerprint, config->jobs[1].fingerprint);
}

TEST(Config, ProblemsAreToldWithPlaceFieldAndWhatWasExpected) {
  struct Row {
    const char* text;
    const char* want;
  };
  const Row kRows[] = {
      {"global:\n  scrape_intervall: 5s\n",
       "dir/prometheus.yml:2:3: global.scrape_intervall: unknown field; did you mean scrape_interval?"},
      {"globl: {}\n", "dir/prometheus.yml:1:1: globl: unknown field; did you mean global?"},
      {"global:\n  scrape_interval: 5x\n", "dir/prometheus.yml:2:20: global.scrape_interval: expected a duration"},
      {"global:\n  scrape_interval: 5s\n  scrape_interval: 6s\n", "given twice"},
      {"scrape_configs:\n  -\n", "scrape_configs[0]: the list item is empty"},
      {"scrape_configs:\n  - job_name: a\n  - job_name: a\n", "there is another job \"a\""},
      {"scrape_configs:\n  - metrics_path: /x\n", "the job needs a name"},
      {"scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['http://x/y']}]\n",
       "not a host name and port"},
      {"scrape_configs:\n  - job_name: a\n    scrape_interval: 5s\n    scrape_timeout: 6s\n",
       "greater than the scrape interval"},
      {"scrape_configs:\n  - job_name: a\n    relabel_configs: [{action: hashmod, source_labels: [x]}]\n", "modulus"},
      {"scrape_configs:\n  - job_name: a\n    kubernetes_sd_configs: [{role: pod}]\n",
       "kubernetes_sd_configs: Prometheus has this field, this version of Barograph does not support it yet"},
      {"scrape_configs:\n  - job_name: a\n    basic_auth: {username: a}\n    authorization: {credentials: b}\n",
       "give one of basic_auth, authorization and oauth2"},
      {"storage: {tsdb: {chunk_encoding: {floats: XOR}}}\n", "storage.tsdb.chunk_encoding.floats: expected one of"},
      {"global: {external_labels: {a: !!binary '/w=='}}\n", "not valid UTF-8"},
      {"global: {external_labels: {!!binary '/w==': a}}\n", "not a valid label name"},
      {"storage:\n  tsdb:\n    retention:\n      rules: [{match: 'up{', time: 1d}]\n",
       "dir/prometheus.yml:4:23: storage.tsdb.retention.rules[0].match: expected a series selector"},
      {"storage: {tsdb: {retention: {rules: [{match: '{a=~\"(\"}', time: 1d}]}}}\n", "retention.rules[0].match: "},
      {"storage: {tsdb: {retention: {rules: [{time: 1d}]}}}\n", "rules[0]: the rule needs a field \"match\""},
      {"storage: {tsdb: {retention: {rules: [{match: , time: 1d}]}}}\n", "rules[0].match: the rule needs"},
      {"storage: {tsdb: {retention: {rules: [{match: up}]}}}\n", "rules[0]: the rule needs a field \"time\""},
      {"storage: {tsdb: {retention: {rules: [{match: up, time: 0s}]}}}\n",
       "rules[0].time: the rule needs a field \"time\", a duration greater than 0"},
      {"storage: {tsdb: {retention: {rules: [{match: up, time: 1d, x: 1}]}}}\n", "rules[0].x: unknown field"},
      {"storage: {tsdb: {downsampling: [{after: 1d}]}}\n", "downsampling[0]: the rule needs a field \"resolution\""},
      {"storage: {tsdb: {downsampling: [{resolution: 5m}]}}\n", "downsampling[0]: the rule needs a field \"after\""},
      {"storage: {tsdb: {downsampling: [{after: 1d, resolution: 10m}]}}\n",
       "dir/prometheus.yml:1:57: storage.tsdb.downsampling[0].resolution: expected 5m or 1h"},
      {"storage: {tsdb: {downsampling: [{after: 1d, resolution: 5m, match: '{'}]}}\n",
       "downsampling[0].match: expected a series selector"},
      {"storage: {tsdb: {out_of_order_time_window: 2d, downsampling: [{after: 2d, resolution: 5m}]}}\n",
       "dir/prometheus.yml:1:71: storage.tsdb.downsampling[0].after: must be longer than "
       "storage.tsdb.out_of_order_time_window"},
      {"storage: {tsdb: {out_of_order_time_window: x}}\n", "storage.tsdb.out_of_order_time_window"},
      {"storage: {tsdb: {downsampling: {after: 1d}}}\n", "storage.tsdb.downsampling: expected a list"},
      {"global: [1]\n", "global: expected a mapping of fields, found a list"},
      {"a: b: c\n", "not valid YAML"},
      {"remote_write: [{url: 'http://x'}]\n", "remote_write: Prometheus has this field"},
  };
  for (const Row& row : kRows) EXPECT_THAT(ErrorOf(row.text), HasSubstr(row.want)) << row.text;
}

TEST(Config, AllProblemsAreToldNotOnlyTheFirst) {
  const std::string error = ErrorOf("global:\n  a: 1\n  b: 2\n");
  EXPECT_THAT(error, HasSubstr(":2:3: global.a"));
  EXPECT_THAT(error, HasSubstr(":3:3: global.b"));
}

TEST(Config, ExternalLabelsTakeTheEnvironment) {
  const auto config =
      Parse("global:\n  external_labels:\n    region: x-${REGION}-$REGION\n    cost: $$5\n    no: a${NONE}b\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->external_labels.at("region"), "x-eu-eu");
  EXPECT_EQ(config->external_labels.at("cost"), "$5");
  EXPECT_EQ(config->external_labels.at("no"), "ab");
  EXPECT_THAT(config->warnings, ElementsAre(HasSubstr("NONE is not set")));
}

TEST(Config, SecretsDoNotStandInTheMaskedText) {
  const auto config = Parse(R"(
scrape_configs:
  - job_name: a
    basic_auth: {username: joe, password: canary1}
    proxy_url: http://u:canary2@proxy:3128
    http_headers: {X-Key: {secrets: [canary3]}}
    tls_config: {cert: c, key: canary4}
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->masked_yaml, testing::Not(HasSubstr("canary")));
  EXPECT_THAT(config->masked_yaml, HasSubstr("<secret>"));
  EXPECT_THAT(config->masked_yaml, HasSubstr("u:xxxxx@proxy:3128"));
}

TEST(Config, RelativePathsLeadToTheFilesFolder) {
  const auto config =
      Parse("scrape_configs:\n  - job_name: a\n    file_sd_configs: [{files: ['t/*.json', /abs.yml]}]\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->jobs[0].file_discoveries[0].files, ElementsAre("dir/t/*.json", "/abs.yml"));
}

TEST(Config, PatternsOfFilesAreCheckedAndExpanded) {
  base::SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("dir/jobs"));
  for (const char* const name : {"b1", "a1", "a2", "ax"}) {
    ASSERT_TRUE(base::WriteFileAtomically(files, fmt::format("dir/jobs/{}.yml", name),
                                          base::AsBytes(fmt::format("scrape_configs:\n  - job_name: {}\n", name))));
  }
  const auto names = [&files](const std::string& pattern) {
    const auto config = ParseConfig(fmt::format("scrape_config_files: ['{}']\n", pattern), "dir/test.yml", files, {});
    EXPECT_TRUE(config) << config.error().message();
    std::vector<std::string> jobs;
    for (const auto& job : config->jobs) jobs.push_back(job.job_name);
    return jobs;
  };
  EXPECT_THAT(names("jobs/*.yml"), ElementsAre("a1", "a2", "ax", "b1"));
  EXPECT_THAT(names("jobs/a[0-9].*l"), ElementsAre("a1", "a2"));
  EXPECT_THAT(names("jobs/none*.yml"), ElementsAre());
  EXPECT_THAT(ErrorOf("scrape_config_files: ['*/a.yml']\n"), HasSubstr("the last part of the path"));
  const std::string file_sd = "scrape_configs:\n  - job_name: a\n    file_sd_configs: [{files: ['";
  EXPECT_THAT(ErrorOf(file_sd + "a/[.yml']}]\n"), HasSubstr("is not complete"));
  EXPECT_THAT(ErrorOf(file_sd + "a/*.txt']}]\n"), HasSubstr("does not end in"));
  EXPECT_TRUE(Parse(file_sd + "a/*-[0-9].*.yml']}]\n"));
}

TEST(Config, AnchorsAndMergeKeysWork) {
  const auto config = Parse(R"(
scrape_configs:
  - &base
    job_name: a
    scrape_interval: 3s
  - <<: *base
    job_name: b
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->jobs[1].job_name, "b");
  EXPECT_EQ(config->jobs[1].interval, 3s);
}

TEST(Config, BinaryTextsAreDecodedOnceHoweverOftenTheyAreUsed) {
  const auto config = Parse("global: {external_labels: {a: &x !!binary WVdKag==, b: *x}}\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->external_labels.at("a"), "YWJj");  // itself base64, of abc
  EXPECT_EQ(config->external_labels.at("b"), "YWJj");
}

TEST(Config, TextsThatUnfoldWithoutEndAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(ErrorOf(std::string(200, '[')), testing::AnyOf(HasSubstr("nested deeper"), HasSubstr("not valid YAML")));
}

TEST(Config, RetentionRulesAreReadInTheirOrder) {
  const auto config = Parse(R"(
storage:
  tsdb:
    retention:
      time: 30d
      rules:
        - match: '{job="node", mode!~"idle|iowait"}'
          time: 1y
        - match: go_gc_duration_seconds
          time: 2d
)");
  ASSERT_TRUE(config) << config.error().message();
  const auto& rules = config->storage_rules.retention;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].time, 24h * 365);
  ASSERT_EQ(rules[0].matchers.size(), 2U);
  EXPECT_EQ(rules[0].matchers[1].ToString(), "mode!~\"idle|iowait\"");
  EXPECT_EQ(rules[1].matchers[0].ToString(), "__name__=\"go_gc_duration_seconds\"");
  EXPECT_EQ(config->retention.time, 24h * 30);
}

TEST(Config, DownsamplingRulesAreReadInTheirOrder) {
  const auto config = Parse(R"(
storage:
  tsdb:
    downsampling:
      - after: 30d
        resolution: 5m
      - match: '{job="node"}'
        after: 180d
        resolution: 1h
)");
  ASSERT_TRUE(config) << config.error().message();
  const auto& rules = config->storage_rules.downsampling;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_TRUE(rules[0].matchers.empty());
  EXPECT_EQ(rules[0].after, 24h * 30);
  EXPECT_EQ(rules[0].resolution, 5min);
  EXPECT_EQ(rules[1].matchers[0].ToString(), "job=\"node\"");
  EXPECT_EQ(rules[1].resolution, 1h);
}

TEST(Config, TheOutOfOrderWindowIsADuration) {
  EXPECT_EQ(Parse("storage: {tsdb: {out_of_order_time_window: 90m}}\n")->out_of_order_window, 90min);
  EXPECT_EQ(Parse("storage: {tsdb: {}}\n")->out_of_order_window, 0min);
}

TEST(Config, TheBuiltInConfigurationIsValid) {
  const auto config = Parse(BuiltInConfig("localhost:9090", "/prom"));
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->jobs.size(), 2U);
  EXPECT_EQ(config->jobs[1].metrics_path, "/prom/metrics/node");
}

}  // namespace
}  // namespace baro::config

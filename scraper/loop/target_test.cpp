#include "scraper/target.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

model::Relabeler Rules(std::vector<model::RelabelConfig> rules) {
  auto relabeler = model::Relabeler::Compile(rules);
  EXPECT_TRUE(relabeler) << relabeler.error().message();
  return *std::move(relabeler);
}

model::RelabelConfig Set(std::string name, std::string value) {
  return {.target_label = std::move(name), .replacement = std::move(value)};
}

ScrapeJobOptions Job() { return {.job_name = "j", .interval = 15s, .timeout = 10s}; }

TargetGroup Group(std::string address, std::map<std::string, std::string> labels = {}) {
  return {.source = "test", .targets = {{{"__address__", std::move(address)}}}, .labels = std::move(labels)};
}

/// The only target of the group, its label set as text behind its URL, or why there is none.
std::string Made(const ScrapeJobOptions& job, const TargetGroup& group, std::vector<model::RelabelConfig> rules = {}) {
  const TargetSet set = MakeTargets(job, Rules(std::move(rules)), {group});
  if (!set.errors.empty()) return "error: " + set.errors[0];
  if (!set.dropped.empty()) return "dropped " + set.dropped[0].discovered_labels.ToString();
  return set.active[0].url + " " + set.active[0].labels.ToString();
}

TEST(Target, TakesTheJobsDefaultsWhereNeitherItNorItsGroupSaysOtherwise) {
  EXPECT_EQ(Made(Job(), Group("a:1")), R"(http://a:1/metrics {instance="a:1", job="j"})");
  EXPECT_EQ(Made(Job(), Group("a:1", {{"job", "g"}, {"x", "y"}, {"__scheme__", "https"}, {"__metrics_path__", "p"}})),
            R"(https://a:1/p {instance="a:1", job="g", x="y"})");
  TargetGroup own = Group("a:1", {{"x", "group"}, {"y", "group"}});
  own.targets[0]["x"] = "target";
  EXPECT_EQ(Made(Job(), own), R"(http://a:1/metrics {instance="a:1", job="j", x="target", y="group"})");
  EXPECT_EQ(Made(Job(), Group("a:1", {{"__meta_zone", "z"}, {"__tmp", "t"}})),
            R"(http://a:1/metrics {instance="a:1", job="j"})");
}

TEST(Target, DiscoveredLabelsShowAllThatRelabellingSees) {
  ScrapeJobOptions job = Job();
  job.params = {{"module", {"one", "two"}}};
  EXPECT_EQ(DiscoveredLabels(job, {.labels = {{"__meta_x", "1"}}}, {{"__address__", "a"}}).ToString(),
            R"({__address__="a", __always_scrape_classic_histograms__="false", )"
            R"(__convert_classic_histograms_to_nhcb__="false", __meta_x="1", __metrics_path__="/metrics", )"
            R"(__param_module="one", __scheme__="http", __scrape_interval__="15s", )"
            R"(__scrape_native_histograms__="false", __scrape_timeout__="10s", job="j"})");
}

TEST(Target, MayHaveASocketOfItsOwnWhichIsPartOfItsIdentity) {
  const TargetSet set = MakeTargets(Job(), {}, {Group("a", {{"__unix_socket__", "/run/a.sock"}}), Group("a")});
  ASSERT_EQ(set.active.size(), 2U);
  EXPECT_EQ(set.active[0].unix_socket, "/run/a.sock");
  EXPECT_EQ(set.active[0].url, "http://a/metrics");
  EXPECT_EQ(set.active[0].labels, set.active[1].labels);
}

TEST(Target, RelabellingSwitchesNativeHistograms) {
  ScrapeJobOptions job = Job();
  job.native_histograms = {.scrape = true, .bucket_limit = 7};
  const auto made = [&](const std::map<std::string, std::string>& labels) {
    return MakeTargets(job, {}, {Group("a", labels)});
  };
  EXPECT_EQ(made({}).active[0].native_histograms, job.native_histograms);
  EXPECT_FALSE(made({{"__scrape_native_histograms__", "F"}}).active[0].native_histograms.scrape);
  EXPECT_TRUE(made({{"__always_scrape_classic_histograms__", "1"}}).active[0].native_histograms.always_scrape_classic);
  const TargetSet wrong = made({{"__convert_classic_histograms_to_nhcb__", "yes"}});
  EXPECT_TRUE(wrong.active.empty());
  ASSERT_EQ(wrong.errors.size(), 1U);
  EXPECT_THAT(wrong.errors[0],
              testing::HasSubstr("__convert_classic_histograms_to_nhcb__=\"yes\" is neither true nor false"));
}

TEST(Target, ParametersAreSortedAndRelabellingChangesTheFirstOfAName) {
  ScrapeJobOptions job = Job();
  job.params = {{"z", {"1", "2"}}, {"m", {"a b&c"}}};
  EXPECT_EQ(MakeTargets(job, {}, {Group("a")}).active[0].url, "http://a/metrics?m=a+b%26c&z=1&z=2");
  EXPECT_EQ(MakeTargets(job, Rules({Set("__param_z", "9"), Set("__param_n", "new")}), {Group("a")}).active[0].url,
            "http://a/metrics?m=a+b%26c&n=new&z=9&z=2");
}

TEST(Target, RelabellingRewritesDropsAndNamesTheInstance) {
  EXPECT_EQ(Made(Job(), Group("a:1"), {Set("__address__", "b:2"), Set("extra", "e")}),
            R"(http://b:2/metrics {extra="e", instance="b:2", job="j"})");
  EXPECT_EQ(Made(Job(), Group("a:1"), {Set("instance", "name")}), R"(http://a:1/metrics {instance="name", job="j"})");
  EXPECT_THAT(
      Made(Job(), Group("a:1"), {{.source_labels = {"job"}, .regex = "j", .action = model::RelabelAction::kDrop}}),
      HasSubstr(R"(dropped {__address__="a:1")"));
  EXPECT_THAT(Made(Job(), Group("a:1"), {{.regex = ".*", .action = model::RelabelAction::kLabelDrop}}),
              HasSubstr("dropped"))
      << "no label is left";
}

TEST(Target, WhatCannotBeScrapedIsLeftOutWithItsName) {
  struct Row {
    model::RelabelConfig rule;
    const char* want;
  };
  const Row kRows[] = {
      {Set("__address__", ""), "no __address__"},
      {Set("__address__", "a/metrics"), R"(has a "/")"},
      {Set("__scrape_interval__", "soon"), "no duration"},
      {Set("__scrape_interval__", "0s"), "must be greater than 0"},
      {Set("__scrape_timeout__", "0s"), "must be greater than 0"},
      {Set("__scrape_timeout__", "16s"), "greater than the interval"},
  };
  for (const Row& row : kRows) {
    const std::string made = Made(Job(), Group("a:1"), {row.rule});
    EXPECT_THAT(made, HasSubstr(row.want));
    EXPECT_THAT(made, HasSubstr(R"(job "j": target {__address__="a:1")"));
  }
  EXPECT_THAT(Made(Job(), Group("a:1", {{"x", "\xff"}})), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(Made(Job(), Group("a b")), HasSubstr("error"));
}

TEST(Target, IdentityIsLabelsAndUrlWithoutWhatDiscoveryAddsForPeople) {
  const auto hash = [](const ScrapeJobOptions& job, const TargetGroup& group) {
    return MakeTargets(job, {}, {group}).active[0].hash;
  };
  const std::uint64_t plain = hash(Job(), Group("a:1"));
  EXPECT_EQ(hash(Job(), Group("a:1")), plain);
  EXPECT_EQ(hash(Job(), Group("a:1", {{"__meta_zone", "z"}})), plain);
  EXPECT_NE(hash(Job(), Group("a:1", {{"x", "y"}})), plain);
  EXPECT_NE(hash(Job(), Group("a:2")), plain);
  ScrapeJobOptions job = Job();
  job.interval = 16s;
  EXPECT_NE(hash(job, Group("a:1")), plain) << "the interval is a hidden label";
  EXPECT_EQ(MakeTargets(Job(), {}, {Group("a:1"), Group("a:1"), Group("b:1")}).active.size(), 2U);
  // Written once, and the same since: a restart keeps the phases of all targets.
  EXPECT_EQ(Fnv1a("barograph"), 0xa016f06345a7b99dU);
}

TEST(Target, EachHasItsOwnPhaseWhichTheSeedMoves) {
  const Target target = MakeTargets(Job(), {}, {Group("a:1")}).active[0];
  constexpr std::int64_t kNow = 1'700'000'000'123;
  const auto wait = TimeToFirstScrape(target, kNow, 7);
  EXPECT_GE(wait, 0ms);
  EXPECT_LT(wait, 15s);
  for (const std::int64_t later : {1LL, 4'000LL, 15'000LL, 86'400'001LL}) {
    const auto again = TimeToFirstScrape(target, kNow + later, 7);
    EXPECT_EQ((kNow + wait.count()) % 15'000, (kNow + later + again.count()) % 15'000) << later;
  }
  EXPECT_NE(TimeToFirstScrape(target, kNow, Fnv1a("another server")), wait);
  EXPECT_EQ((kNow + wait.count()) % 100, 0) << "in slots, so that several scrapes begin at once";
  // Many targets spread over the interval.
  std::set<std::int64_t> seconds;
  for (int i = 0; i < 200; ++i) {
    const Target each = MakeTargets(Job(), {}, {Group("host" + std::to_string(i))}).active[0];
    seconds.insert(TimeToFirstScrape(each, kNow, 7).count() / 1000);
  }
  EXPECT_EQ(seconds.size(), 15U);
}

}  // namespace
}  // namespace baro::scraper

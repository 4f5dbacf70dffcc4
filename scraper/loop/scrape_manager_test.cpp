// Whole scrape loops on a simulated clock, with scripted targets and a storage that remembers.
#include "scraper/scrape_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_executor.h"
#include "base/sim_file_system.h"
#include "scraper/loop/recording_storage.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Answers each URL with what the test wrote for it.
class ScriptedFetcher : public net::HttpFetcher {
 public:
  struct Page {
    int status = 200;
    std::string body;
    std::string content_type = "text/plain; version=0.0.4";
    std::optional<base::Error> error;
    std::chrono::milliseconds delay{0};
  };

  explicit ScriptedFetcher(base::Executor& executor) : executor_(executor) {}

  CallId Fetch(net::FetchRequest request, net::FetchOptions, net::FetchCallback callback) override {
    requests.push_back(request);
    const Page page = pages[request.url];
    executor_.PostAfter(page.delay, [page, callback = std::move(callback)]() mutable {
      if (page.error) {
        callback(std::unexpected(*page.error));
        return;
      }
      net::FetchResponse response;
      response.status = page.status;
      response.headers.Set("Content-Type", page.content_type);
      response.body = page.body;
      callback(std::move(response));
    });
    return CallId{++last_call_};
  }
  void Cancel(CallId) override {}

  std::map<std::string, Page> pages;
  std::vector<net::FetchRequest> requests;

 private:
  base::Executor& executor_;
  std::uint64_t last_call_ = 0;
};

class ScrapeManagerTest : public testing::Test {
 protected:
  ScrapeManagerTest() {
    manager_.emplace(ScrapeDependencies{.clock = clock_,
                                        .executor = executor_,
                                        .files = files_,
                                        .storage = storage_,
                                        .registry = registry_,
                                        .make_fetcher = [this](const net::HttpClientOptions&) { return fetcher_; },
                                        .log = {}},
                     ScrapeSettings{});
  }

  static ScrapeJobOptions Job(const std::string& name, std::vector<std::string> addresses) {
    ScrapeJobOptions job{.job_name = name, .interval = 10s, .timeout = 5s};
    TargetGroup group;
    for (auto& address : addresses) group.targets.push_back({{"__address__", address}});
    job.static_groups.push_back(group);
    return job;
  }
  ScriptedFetcher::Page& Page(const std::string& address) { return fetcher_->pages["http://" + address + "/metrics"]; }
  void Apply(std::vector<ScrapeJobOptions> jobs) {
    const auto applied = manager_->Apply(jobs);
    ASSERT_TRUE(applied) << applied.error().message();
  }
  TargetStatus OnlyTarget() {
    const auto jobs = manager_->status();
    EXPECT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0].active.size(), 1U);
    return jobs[0].active[0];
  }
  /// Values of a metric, without times.
  std::vector<std::string> Values(std::string_view metric) const {
    std::vector<std::string> values;
    for (const auto& entry : storage_.entries()) {
      if (entry.labels.metric_name() != metric) continue;
      values.push_back(model::IsStaleNaN(entry.value) ? "stale" : fmt::format("{}", entry.value));
    }
    return values;
  }
  model::Labels LabelsOf(std::string_view metric) const {
    for (const auto& entry : storage_.entries()) {
      if (entry.labels.metric_name() == metric) return entry.labels;
    }
    return {};
  }

  using Strings = std::vector<std::string>;

  base::SimClock clock_;
  base::SimFileSystem files_;
  RecordingStorage storage_;  // outlives the executor: tasks that it drops at its end hold loops
  base::SimExecutor executor_{clock_, 1};
  base::Registry registry_;
  std::shared_ptr<ScriptedFetcher> fetcher_ = std::make_shared<ScriptedFetcher>(executor_);
  std::optional<ScrapeManager> manager_;
};

TEST_F(ScrapeManagerTest, WritesSamplesAndTheReportEachInterval) {
  Page("t:1").body = "a 1\nb{x=\"y\"} 2\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(30s);
  EXPECT_EQ(Values("a"), (Strings{"1", "1", "1"}));
  EXPECT_EQ(Values("up"), (Strings{"1", "1", "1"}));
  EXPECT_EQ(Values("scrape_samples_scraped"), (Strings{"2", "2", "2"}));
  EXPECT_EQ(Values("scrape_samples_post_metric_relabeling"), (Strings{"2", "2", "2"}));
  EXPECT_EQ(Values("scrape_series_added"), (Strings{"2", "0", "0"}));
  EXPECT_EQ(LabelsOf("b").ToString(), R"({__name__="b", instance="t:1", job="j", x="y"})");
  EXPECT_EQ(OnlyTarget().health, TargetHealth::kUp);
  const auto& request = fetcher_->requests[0];
  EXPECT_EQ(request.headers.Get("X-Prometheus-Scrape-Timeout-Seconds"), "5");
  EXPECT_THAT(std::string(request.headers.Get("Accept")), HasSubstr("application/openmetrics-text;version=1.0.0"));
}

TEST_F(ScrapeManagerTest, ScrapesAreSpacedByTheIntervalAtTheTargetsPhase) {
  Page("t:1").body = "a 1\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(60s);
  std::vector<std::int64_t> times;
  for (const auto& entry : storage_.entries()) {
    if (entry.labels.metric_name() == "a") times.push_back(entry.timestamp_ms);
  }
  ASSERT_EQ(times.size(), 6U);
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_EQ(times[i] - times[i - 1], 10'000);
}

TEST_F(ScrapeManagerTest, SeriesThatVanishEnd) {
  Page("t:1").body = "a 1\nb 2\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  Page("t:1").body = "b 3\n";
  executor_.RunFor(20s);
  EXPECT_EQ(Values("a"), (Strings{"1", "stale"}));
  EXPECT_EQ(Values("b"), (Strings{"2", "3", "3"}));
}

TEST_F(ScrapeManagerTest, AFailedScrapeEndsAllSeriesOnceAndRecoveryBringsThemBack) {
  struct Row {
    const char* name;
    ScriptedFetcher::Page page;
    const char* reason;
  };
  const Row kRows[] = {
      {"status", {.status = 500}, "server returned HTTP status 500 Internal Server Error"},
      {"garbage", {.body = "a 1\n}{\n"}, "line 2"},
      {"refused", {.error = base::Error(base::Code::kIo, "connect to t:1 refused")}, "connect to t:1 refused"},
      {"type", {.body = "a 1\n", .content_type = "text/html"}, "text/html"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const std::string address = std::string(row.name) + ":1";
    Page(address).body = "a 1\n";
    storage_ = RecordingStorage();
    Apply({Job(row.name, {address})});
    executor_.RunFor(10s);
    const auto good = Page(address);
    Page(address) = row.page;
    executor_.RunFor(20s);
    EXPECT_EQ(OnlyTarget().health, TargetHealth::kDown);
    EXPECT_THAT(OnlyTarget().last_error, HasSubstr(row.reason));
    Page(address) = good;
    executor_.RunFor(10s);
    EXPECT_EQ(Values("a"), (Strings{"1", "stale", "1"}));
    EXPECT_EQ(Values("up"), (Strings{"1", "0", "0", "1"}));
    EXPECT_EQ(OnlyTarget().last_error, "");
    Apply({});
    executor_.RunFor(60s);
  }
}

TEST_F(ScrapeManagerTest, ATargetThatIsGoneEndsAfterTwoIntervalsAtItsNextScrapesTime) {
  Page("t:1").body = "a 1\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  ASSERT_EQ(Values("a"), (Strings{"1"}));
  const std::int64_t last = storage_.entries().back().timestamp_ms;
  Apply({});
  executor_.RunFor(20s);
  EXPECT_EQ(Values("a"), (Strings{"1"}));
  executor_.RunFor(2s);
  EXPECT_EQ(Values("a"), (Strings{"1", "stale"}));
  EXPECT_EQ(Values("up"), (Strings{"1", "stale"}));
  EXPECT_EQ(storage_.entries().back().timestamp_ms, last + 10'000);
}

TEST_F(ScrapeManagerTest, AShutdownEndsNothing) {
  Page("t:1").body = "a 1\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  manager_->Stop();
  executor_.RunFor(60s);
  EXPECT_EQ(Values("a"), (Strings{"1"}));
}

TEST_F(ScrapeManagerTest, AReloadLeavesUnchangedJobsAloneAndHandsChangedOnesOver) {
  Page("t:1").body = "a 1\nb 1\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  EXPECT_EQ(Values("a"), (Strings{"1", "1"}));
  ScrapeJobOptions changed = Job("j", {"t:1"});
  changed.fingerprint = "new";
  changed.metric_relabel = {{.source_labels = {"__name__"}, .regex = "b", .action = model::RelabelAction::kDrop}};
  Apply({changed});
  executor_.RunFor(20s);
  EXPECT_EQ(Values("a"), (Strings{"1", "1", "1", "1"}));
  EXPECT_EQ(Values("b"), (Strings{"1", "1", "stale"}));
}

TEST_F(ScrapeManagerTest, ClashingLabelsAreRenamedOrHonoured) {
  Page("t:1").body = "a{instance=\"own\",job=\"\",exported_instance=\"x\"} 1\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  EXPECT_EQ(LabelsOf("a").ToString(),
            R"({__name__="a", exported_exported_instance="own", exported_instance="x", instance="t:1", job="j"})");
  storage_ = RecordingStorage();
  ScrapeJobOptions honest = Job("k", {"u:1"});
  honest.honor_labels = true;
  Page("u:1").body = "a{instance=\"own\"} 1\n";
  Apply({honest});
  executor_.RunFor(10s);
  EXPECT_EQ(LabelsOf("a").ToString(), R"({__name__="a", instance="own", job="k"})");
}

TEST_F(ScrapeManagerTest, ExplicitTimestampsAreHonouredAndExemptFromEnds) {
  Page("t:1").body = "a 1 1700000001000\nb 2\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  EXPECT_EQ(storage_.Of("a"), "1700000001:1");
  Page("t:1").body = "b 2\n";
  executor_.RunFor(10s);
  EXPECT_EQ(Values("a"), (Strings{"1"}));
}

TEST_F(ScrapeManagerTest, LimitsFailTheScrapeByName) {
  ScrapeJobOptions samples = Job("j", {"t:1"});
  samples.limits.samples = 2;
  Page("t:1").body = "a 1\nb 2\n";
  Apply({samples});
  executor_.RunFor(10s);
  EXPECT_EQ(OnlyTarget().health, TargetHealth::kUp);
  Page("t:1").body = "a 1\nb 2\nc 3\n";
  executor_.RunFor(10s);
  EXPECT_THAT(OnlyTarget().last_error, HasSubstr("sample_limit: 3 samples after relabelling, the limit is 2"));
  EXPECT_EQ(Values("a"), (Strings{"1", "stale"}));
  EXPECT_EQ(Values("scrape_samples_scraped"), (Strings{"2", "3"}));
  Page("t:1").body = "b 4\n";
  executor_.RunFor(10s);
  EXPECT_EQ(Values("b"), (Strings{"2", "stale", "4"}));
}

TEST_F(ScrapeManagerTest, TooManyTargetsFailThemAll) {
  ScrapeJobOptions job = Job("j", {"t:1", "t:2"});
  job.limits.targets = 1;
  Page("t:1").body = Page("t:2").body = "a 1\n";
  Apply({job});
  executor_.RunFor(10s);
  EXPECT_EQ(Values("up"), (Strings{"0", "0"}));
  EXPECT_TRUE(Values("a").empty());
  EXPECT_TRUE(fetcher_->requests.empty());
}

TEST_F(ScrapeManagerTest, SeriesThatStorageForgotAreMadeAgain) {
  Page("t:1").body = "a 1\n";
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(10s);
  storage_.ForgetSeries();
  executor_.RunFor(10s);
  EXPECT_EQ(Values("a"), (Strings{"1", "1"}));
  EXPECT_EQ(Values("up"), (Strings{"1", "1"}));
}

TEST_F(ScrapeManagerTest, AScrapeThatCannotBeStoredIsAFailureAndHeals) {
  Page("t:1").body = "a 1\n";
  Apply({Job("j", {"t:1"})});
  storage_.is_full = true;
  executor_.RunFor(10s);
  EXPECT_THAT(OnlyTarget().last_error, HasSubstr("no space left"));
  storage_.is_full = false;
  executor_.RunFor(10s);
  EXPECT_EQ(Values("a"), (Strings{"1"}));
  EXPECT_EQ(OnlyTarget().health, TargetHealth::kUp);
}

TEST_F(ScrapeManagerTest, ASlowTargetMissesTicksWithoutOverlap) {
  Page("t:1").body = "a 1\n";
  Page("t:1").delay = 14s;
  Apply({Job("j", {"t:1"})});
  executor_.RunFor(61s);
  EXPECT_LE(fetcher_->requests.size(), 4U);
  EXPECT_GE(Values("a").size(), 2U);
}

TEST_F(ScrapeManagerTest, TargetsComeFromFilesAndAreRelabelled) {
  ASSERT_TRUE(files_.CreateDirectories("sd"));
  const auto write = [&](const std::string& name, std::string_view text) {
    ASSERT_TRUE(base::WriteFileAtomically(files_, "sd/" + name, base::AsBytes(text)));
  };
  write("a.json", R"([{"targets": ["t:1", "drop:1"], "labels": {"team": "core"}}])");
  write("b.yml", "- targets: ['t:2']\n");
  ScrapeJobOptions job{.job_name = "j", .interval = 10s, .timeout = 5s};
  job.file_discoveries = {{.files = {"sd/*.json", "sd/b.yml"}}};
  job.relabel = {{.source_labels = {"__address__"}, .regex = "drop.*", .action = model::RelabelAction::kDrop},
                 {.source_labels = {"__meta_filepath"}, .target_label = "file"}};
  Page("t:1").body = Page("t:2").body = "a 1\n";
  Apply({job});
  executor_.RunFor(15s);
  auto status = manager_->status()[0];
  ASSERT_EQ(status.active.size(), 2U);
  EXPECT_EQ(status.dropped_count, 1U);
  EXPECT_EQ(LabelsOf("a").Get("file").substr(0, 3), "sd/");
  write("a.json", "[{");
  write("b.yml", "- targets: ['t:2']\n  nonsense: 1\n");
  executor_.RunFor(30s);
  EXPECT_EQ(manager_->status()[0].active.size(), 2U) << "broken files keep their last good content";
  write("a.json", "[]");
  ASSERT_TRUE(files_.Remove("sd/b.yml"));
  executor_.RunFor(30s);
  EXPECT_EQ(manager_->status()[0].active.size(), 0U);
}

TEST_F(ScrapeManagerTest, AJobThatCannotRunChangesNothing) {
  Page("t:1").body = "a 1\n";
  Apply({Job("j", {"t:1"})});
  ScrapeJobOptions bad = Job("bad", {"t:2"});
  bad.relabel = {{.regex = "(", .target_label = "x"}};
  EXPECT_FALSE(manager_->Apply({bad}));
  EXPECT_EQ(manager_->status()[0].job_name, "j");
}

TEST(Target, IsMadeOfGroupJobAndRelabelling) {
  ScrapeJobOptions job{.job_name = "j", .interval = 10s, .timeout = 5s, .metrics_path = "/m"};
  job.params = {{"module", {"a b", "c"}}};
  const auto make = [&](std::map<std::string, std::string> labels) {
    return MakeTarget(job, {}, DiscoveredLabels(job, {}, labels));
  };
  const auto made = make({{"__address__", "h:1"}, {"__scheme__", "https"}, {"x", "y"}});
  ASSERT_TRUE(made);
  const auto& target = std::get<Target>(*made);
  EXPECT_EQ(target.url, "https://h:1/m?module=a%20b&module=c");
  EXPECT_EQ(target.labels.ToString(), R"({instance="h:1", job="j", x="y"})");
  EXPECT_EQ(target.hash, std::get<Target>(*make({{"x", "y"}, {"__address__", "h:1"}, {"__scheme__", "https"}})).hash);
  for (const auto& [labels, reason] : std::vector<std::pair<std::map<std::string, std::string>, std::string>>{
           {{}, "no __address__"},
           {{{"__address__", "h:1/x"}}, "has a \"/\""},
           {{{"__address__", "h:1"}, {"__scrape_interval__", "1x"}}, "no duration"},
           {{{"__address__", "h:1"}, {"__scrape_timeout__", "1m"}}, "greater than the interval"},
           {{{"__address__", "h:1"}, {"v", "\xff"}}, "not valid UTF-8"}}) {
    const auto bad = make(labels);
    ASSERT_FALSE(bad) << reason;
    EXPECT_THAT(bad.error().message(), HasSubstr(reason));
  }
}

}  // namespace
}  // namespace baro::scraper

#include "scraper/scrape_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "scraper/loop/fake_storage.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class ScrapeManagerTest : public testing::Test {
 protected:
  ScrapeManagerTest() {
    for (const char* host : {"a", "b", "c", "d"}) {
      targets_->At(fmt::format("http://{}/metrics", host)).body = "x 1\n";
      targets_->At(fmt::format("http://{}/other", host)).body = "y 1\n";
    }
  }
  ~ScrapeManagerTest() override {
    manager_.Stop();
    targets_->DropCalls();
  }

  static ScrapeJobOptions Job(std::string name, std::vector<std::string> hosts, std::string fingerprint = "1") {
    ScrapeJobOptions job{.job_name = std::move(name), .interval = 10s, .timeout = 5s};
    job.fingerprint = std::move(fingerprint);
    TargetGroup group{.source = "static"};
    for (std::string& host : hosts) group.targets.push_back({{"__address__", std::move(host)}});
    job.static_groups = {group};
    return job;
  }

  void Apply(const std::vector<ScrapeJobOptions>& jobs) {
    const auto applied = manager_.Apply(jobs);
    ASSERT_TRUE(applied) << applied.error().message();
  }
  void WriteFile(const std::string& path, std::string_view text) {
    ASSERT_TRUE(base::WriteFileAtomically(files_, path, base::AsBytes(text)));
  }

  /// Values of a series of that host, without their times.
  std::string Values(const std::string& metric, const std::string& host, const std::string& job = "j") const {
    const std::string samples = storage_.Samples(fmt::format(R"({}{{instance="{}", job="{}"}})", metric, host, job));
    std::string values;
    for (std::size_t at = samples.find('='); at != std::string::npos; at = samples.find('=', at + 1)) {
      const std::size_t end = samples.find(' ', at);
      values += samples.substr(at + 1, end == std::string::npos ? end : end - at - 1) + " ";
    }
    return values;
  }

  FakeStorage storage_;
  base::SimFileSystem files_;
  base::Registry registry_;
  base::SimClock clock_;
  base::SimExecutor executor_{clock_, 1};
  std::shared_ptr<FakeTargets> targets_ = std::make_shared<FakeTargets>(executor_);
  int fetchers_made_ = 0;
  ScrapeManager manager_{
      {.clock = clock_,
       .executor = executor_,
       .files = files_,
       .storage = storage_,
       .registry = registry_,
       .make_fetcher = [this](const net::HttpClientOptions&) -> base::Result<std::shared_ptr<net::HttpFetcher>> {
         ++fetchers_made_;
         return targets_;
       },
       .log = {}},
      {}};
};

TEST_F(ScrapeManagerTest, ScrapesTheTargetsOfAllJobs) {
  Apply({Job("j", {"a", "b"}), Job("k", {"c"})});
  executor_.RunFor(30s);
  EXPECT_EQ(Values("x", "a"), "1 1 1 ");
  EXPECT_EQ(Values("x", "b"), "1 1 1 ");
  EXPECT_EQ(Values("x", "c", "k"), "1 1 1 ");
  const auto status = manager_.status();
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status[0].active.size(), 2U);
  EXPECT_EQ(status[1].active[0].health, TargetHealth::kUp);
}

TEST_F(ScrapeManagerTest, AReloadLeavesUnchangedJobsAlone) {
  Apply({Job("j", {"a"}), Job("k", {"b"})});
  executor_.RunFor(20s);
  const int fetchers_before = fetchers_made_;
  const int groups_before = storage_.groups();
  Apply({Job("j", {"a"}), Job("k", {"b"})});
  EXPECT_EQ(fetchers_made_, fetchers_before);
  EXPECT_EQ(storage_.groups(), groups_before) << "the same loops";
  executor_.RunFor(20s);
  EXPECT_EQ(Values("x", "a"), "1 1 1 1 ");
}

TEST_F(ScrapeManagerTest, ChangedJobsHandTheirSeriesOver) {
  Apply({Job("j", {"a"})});
  executor_.RunFor(20s);
  targets_->At("http://a/metrics").body = "x 2\nz 2\n";
  ScrapeJobOptions changed = Job("j", {"a"}, "2");
  changed.metric_relabel = {{.source_labels = {"__name__"}, .regex = "x", .action = model::RelabelAction::kDrop}};
  Apply({changed});
  executor_.RunFor(20s);
  EXPECT_EQ(Values("x", "a"), "1 1 end ") << "the new rules drop it: it ends with the first scrape";
  EXPECT_EQ(Values("z", "a"), "2 2 ");
  EXPECT_EQ(Values("up", "a"), "1 1 1 1 ") << "no gap, no end";
}

TEST_F(ScrapeManagerTest, TargetsComeAndGoWithAReload) {
  Apply({Job("j", {"a", "b"})});
  executor_.RunFor(20s);
  Apply({Job("j", {"b", "c"})});
  executor_.RunFor(40s);
  EXPECT_EQ(Values("x", "a"), "1 1 end ");
  EXPECT_EQ(Values("x", "b"), "1 1 1 1 1 1 ");
  EXPECT_EQ(Values("x", "c"), "1 1 1 1 ");
}

TEST_F(ScrapeManagerTest, AReloadTellsWhatItChanged) {
  ASSERT_TRUE(manager_.Apply({Job("gone", {"a"}), Job("moved", {"b"}), Job("other", {"c"}), Job("same", {"d"})}));
  executor_.RunFor(10s);
  const int groups_before = storage_.groups();
  const auto changes = manager_.Apply(
      {Job("new", {"a"}), Job("moved", {"b", "c"}), Job("other", {"c"}, "2"), Job("same", {"d"}), Job("fresh", {"a"})});
  ASSERT_TRUE(changes);
  EXPECT_THAT(changes->added, ElementsAre("fresh", "new"));
  EXPECT_THAT(changes->changed, ElementsAre("other"));
  EXPECT_THAT(changes->retargeted, ElementsAre("moved"));
  EXPECT_THAT(changes->removed, ElementsAre("gone"));
  EXPECT_EQ(changes->unchanged, 1U);
  EXPECT_EQ(storage_.groups(), groups_before + 3 * 2) << "the targets of the new jobs and the second of the moved one";
  EXPECT_EQ(manager_.job("other")->fingerprint, "2");
  EXPECT_FALSE(manager_.job("gone").has_value());
}

TEST_F(ScrapeManagerTest, AVanishedJobEndsAndIsForgotten) {
  Apply({Job("j", {"a"}), Job("k", {"b"})});
  executor_.RunFor(20s);
  Apply({Job("k", {"b"})});
  executor_.RunFor(40s);
  EXPECT_EQ(Values("x", "a"), "1 1 end ");
  EXPECT_EQ(manager_.status().size(), 1U);
  for (const auto& family : registry_.Gather()) {
    for (const auto& point : family.points) {
      for (const auto& [name, value] : point.labels) EXPECT_FALSE(name == "scrape_job" && value == "j") << family.name;
    }
  }
}

TEST_F(ScrapeManagerTest, ABadJobChangesNothing) {
  Apply({Job("j", {"a"})});
  executor_.RunFor(20s);
  ScrapeJobOptions bad = Job("k", {"b"});
  bad.relabel = {{.regex = "("}};
  const auto applied = manager_.Apply({Job("j", {"c"}, "2"), bad});
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error().message(), HasSubstr(R"(job "k")"));
  EXPECT_FALSE(manager_.Apply({Job("j", {"c"}), Job("j", {"d"})}));
  executor_.RunFor(20s);
  EXPECT_EQ(Values("x", "a"), "1 1 1 1 ");
  EXPECT_EQ(Values("x", "c"), "");
  EXPECT_EQ(manager_.status().size(), 1U);
}

TEST_F(ScrapeManagerTest, ShutdownEndsNothing) {
  Apply({Job("j", {"a"})});
  executor_.RunFor(20s);
  manager_.Stop();
  executor_.RunFor(60s);
  EXPECT_EQ(Values("x", "a"), "1 1 ");
  EXPECT_EQ(Values("up", "a"), "1 1 ");
  EXPECT_TRUE(manager_.status().empty());
}

TEST_F(ScrapeManagerTest, TooManyTargetsFailAllOfThem) {
  ScrapeJobOptions job = Job("j", {"a", "b"});
  job.limits.targets = 2;
  Apply({job});
  executor_.RunFor(10s);
  job.static_groups[0].targets.push_back({{"__address__", "c"}});
  Apply({job});
  executor_.RunFor(20s);
  EXPECT_EQ(Values("up", "a"), "1 0 0 ");
  EXPECT_EQ(Values("x", "b"), "1 end ");
  EXPECT_EQ(Values("up", "c"), "0 0 ");
  EXPECT_THAT(manager_.status()[0].active[0].last_error, HasSubstr("target_limit"));
  job.static_groups[0].targets.pop_back();
  Apply({job});
  executor_.RunFor(10s);
  EXPECT_EQ(Values("up", "a"), "1 0 0 1 ");
}

TEST_F(ScrapeManagerTest, DroppedTargetsAreCountedAndShownUpToTheLimit) {
  ScrapeJobOptions job = Job("j", {"a", "b", "c", "d"});
  job.relabel = {{.source_labels = {"__address__"}, .regex = "a", .action = model::RelabelAction::kKeep}};
  job.limits.dropped_targets_kept = 2;
  Apply({job});
  const JobStatus status = manager_.status()[0];
  EXPECT_EQ(status.active.size(), 1U);
  EXPECT_EQ(status.dropped.size(), 2U);
  EXPECT_EQ(status.dropped_count, 3U);
  job.fingerprint = "2";
  job.relabel.clear();
  Apply({job});
  EXPECT_EQ(manager_.status()[0].dropped_count, 0U);
  EXPECT_EQ(manager_.status()[0].active.size(), 4U);
}

TEST_F(ScrapeManagerTest, FollowsTargetFiles) {
  ASSERT_TRUE(files_.CreateDirectories("sd"));
  WriteFile("sd/one.json", R"([{"targets": ["a"], "labels": {"__metrics_path__": "/metrics"}}])");
  ScrapeJobOptions job = Job("j", {});
  job.file_discoveries = {{.files = {"sd/*.json"}}};
  Apply({job});
  executor_.RunFor(10s);
  EXPECT_EQ(Values("x", "a"), "1 ") << "the first targets start at once";
  WriteFile("sd/two.json", R"([{"targets": ["b"]}])");
  executor_.RunFor(20s);
  EXPECT_THAT(Values("x", "b"), testing::StartsWith("1 "));
  WriteFile("sd/one.json", "[{");
  executor_.RunFor(20s);
  EXPECT_EQ(Values("x", "a"), "1 1 1 1 1 ") << "a broken file keeps its targets";
  ASSERT_TRUE(files_.Remove("sd/one.json"));
  executor_.RunFor(50s);
  EXPECT_THAT(Values("x", "a"), EndsWith("1 end "));
  EXPECT_THAT(Values("x", "b"), testing::Not(HasSubstr("end")));
}

TEST_F(ScrapeManagerTest, AReloadWithOtherFilesKeepsTheTargetsThatStay) {
  ASSERT_TRUE(files_.CreateDirectories("sd"));
  WriteFile("sd/one.json", R"([{"targets": ["a", "b"]}])");
  WriteFile("sd/two.json", R"([{"targets": ["b", "c"]}])");
  ScrapeJobOptions job = Job("j", {});
  job.file_discoveries = {{.files = {"sd/one.json"}}};
  Apply({job});
  executor_.RunFor(20s);
  job.file_discoveries = {{.files = {"sd/two.json"}}};
  Apply({job});
  executor_.RunFor(60s);
  EXPECT_THAT(Values("x", "a"), EndsWith("end "));
  EXPECT_EQ(Values("x", "b"), "1 1 1 1 1 1 1 1 ");
  EXPECT_THAT(Values("x", "c"), testing::StartsWith("1 1 1 1 1 "));
}

TEST_F(ScrapeManagerTest, AsksForProtobufFirstWhereOnlyThatHasWhatIsWanted) {
  ScrapeJobOptions plain = Job("plain", {"a"});
  ScrapeJobOptions native = Job("native", {"b"});
  native.native_histograms.scrape = true;
  ScrapeJobOptions starts = Job("starts", {"c"});
  starts.stores_starts = true;
  ScrapeJobOptions chosen = Job("chosen", {"d"});
  chosen.native_histograms.scrape = true;
  chosen.protocols = {ScrapeProtocol::kPrometheusText0_0_4};
  Apply({plain, native, starts, chosen});
  executor_.RunFor(20s);
  std::map<std::string, bool> is_asked;
  for (const auto& [request, limits] : targets_->requests) {
    is_asked[request.url] = request.headers.Get("Accept").starts_with("application/vnd.google.protobuf");
  }
  EXPECT_EQ(is_asked, (std::map<std::string, bool>{{"http://a/metrics", false},
                                                   {"http://b/metrics", true},
                                                   {"http://c/metrics", true},
                                                   {"http://d/metrics", false}}));
}

TEST_F(ScrapeManagerTest, ShowsWhatDiscoverySaysNowOfATargetThatStays) {
  ScrapeJobOptions job = Job("j", {"a"});
  job.static_groups[0].labels["__meta_rack"] = "1";
  Apply({job});
  EXPECT_EQ(manager_.status()[0].active[0].target.discovered_labels.Get("__meta_rack"), "1");
  ASSERT_TRUE(files_.CreateDirectories("sd"));
  WriteFile("sd/f.json", R"([{"targets": ["b"], "labels": {"__meta_rack": "1"}}])");
  ScrapeJobOptions files = Job("k", {});
  files.file_discoveries = {{.files = {"sd/f.json"}}};
  Apply({job, files});
  executor_.RunFor(6s);
  const int groups = storage_.groups();
  WriteFile("sd/f.json", R"([{"targets": ["b"], "labels": {"__meta_rack": "2"}}])");
  executor_.RunFor(12s);
  EXPECT_EQ(manager_.status()[1].active[0].target.discovered_labels.Get("__meta_rack"), "2");
  EXPECT_EQ(storage_.groups(), groups) << "the same loop";
}

}  // namespace
}  // namespace baro::scraper

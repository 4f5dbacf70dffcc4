#include "scraper/discovery/file_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_executor.h"
#include "base/sim_file_system.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(TargetFile, JsonAndYamlSayTheSame) {
  const auto json =
      ParseTargetFile(R"([{"targets": ["a:1", "b:2"], "labels": {"env": "prod"}}, {"targets": []}])", "t.json");
  ASSERT_TRUE(json) << json.error().message();
  ASSERT_EQ(json->size(), 2U);
  EXPECT_EQ((*json)[0].targets[1].at("__address__"), "b:2");
  EXPECT_EQ((*json)[0].labels, (std::map<std::string, std::string>{{"__meta_filepath", "t.json"}, {"env", "prod"}}));
  EXPECT_NE((*json)[0].source, (*json)[1].source);
  const auto yaml = ParseTargetFile("- targets: [a:1, 'b:2']\n  labels:\n    env: prod\n- targets:\n", "t.yml");
  ASSERT_TRUE(yaml) << yaml.error().message();
  ASSERT_EQ(yaml->size(), 2U);
  EXPECT_EQ((*yaml)[0].targets, (*json)[0].targets);
  EXPECT_TRUE(ParseTargetFile("", "t.yml")->empty());
}

TEST(TargetFile, WhatIsWrongIsToldWithItsPlace) {
  struct Row {
    const char* path;
    const char* text;
    const char* want;
  };
  const Row kRows[] = {
      {"t.json", "", "not valid JSON"},
      {"t.json", "{}", "expected a list of groups"},
      {"t.json", "[1]", "group 1: expected an object"},
      {"t.json", R"([{"targets": "a"}])", "targets: expected a list of strings"},
      {"t.json", R"([{"targets": [1]}])", "targets: expected a list of strings"},
      {"t.json", R"([{"targets": []}, {"labels": {"a": 1}}])", "group 2: label a: expected a string"},
      {"t.json", R"([{"target": []}])", "unknown field target"},
      {"t.json", R"([{"labels": {"": "x"}}])", "not a valid label name"},
      {"t.yml", "a: b", "expected a list of groups"},
      {"t.yml", "- targets: a", "targets"},
      {"t.yml", "- [", "line"},
      {"t.yml", "- targets:\n  - x: y\n", "line 2, column 5"},
  };
  for (const Row& row : kRows) {
    const auto groups = ParseTargetFile(row.text, row.path);
    ASSERT_FALSE(groups) << row.text;
    EXPECT_EQ(groups.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(groups.error().message(), HasSubstr(row.want));
    EXPECT_THAT(groups.error().message(), HasSubstr(row.path));
  }
  EXPECT_EQ(ParseTargetFile(std::string(kTargetFileBytesMax + 1, ' '), "t.yml").error().code(),
            base::Code::kLimitExceeded);
  std::string many = R"([{"targets": ["a")";
  for (std::size_t i = 0; i < kDiscoveredTargetsMax; ++i) many += R"(,"a")";
  EXPECT_EQ(ParseTargetFile(many + "]}]", "t.json").error().code(), base::Code::kLimitExceeded);
}

TEST(TargetFile, LabelsCountForEachTarget) {
  const std::string label(1024 * 1024, 'x');
  const auto parse = [&label](std::size_t targets) {
    std::string text = R"([{"labels": {"l": ")" + label + R"("}, "targets": ["a")";
    for (std::size_t i = 1; i < targets; ++i) text += R"(,"a")";
    return ParseHttpTargets(text + "]}]", "http://sd");
  };
  EXPECT_TRUE(parse(255));
  const auto many = parse(256);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code(), base::Code::kLimitExceeded);
  EXPECT_EQ(many.error().message(), "labels of targets have more than 268435456 bytes");
  std::string repeated = "- labels: &l\n    l: " + label + "\n";
  for (int i = 0; i < 256; ++i) repeated += "- labels: *l\n";
  EXPECT_EQ(ParseTargetFile(repeated, "t.yml").error().code(), base::Code::kLimitExceeded);
}

class FileDiscoveryTest : public testing::Test {
 protected:
  FileDiscoveryTest() { EXPECT_TRUE(files_.CreateDirectories("sd")); }
  ~FileDiscoveryTest() override {
    if (discovery_) discovery_->Stop();
  }

  void Start(std::vector<std::string> patterns) {
    discovery_ = std::make_shared<FileDiscovery>(
        FileDiscoveryOptions{.files = std::move(patterns)},
        DiscoveryContext{
            .clock = clock_,
            .executor = executor_,
            .files = files_,
            .metrics = metrics_,
            .directories = watcher_,
            .log = base::Logger(base::MakeFunctionSink(base::LogLevel::kInfo, base::LogFormat::kLogfmt,
                                                       [this](std::string_view line) { log_.emplace_back(line); })),
            .job_name = "j"},
        budget_);
    discovery_->Start([this](std::vector<TargetGroup> groups) {
      std::string text;
      for (const auto& group : groups) {
        for (const auto& target : group.targets) text += target.at("__address__") + " ";
      }
      told_.push_back(text);
    });
  }
  void Write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(base::WriteFileAtomically(files_, path, base::AsBytes(text)));
  }
  double failures() { return metrics_.sd_refresh_failures_total.With({"file", "j"}).value(); }

  base::SimFileSystem files_;
  base::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  base::SimClock clock_;
  base::SimExecutor executor_{clock_, 1};
  base::DirectoryWatcher* watcher_ = nullptr;
  std::shared_ptr<TargetBudget> budget_ = std::make_shared<TargetBudget>();
  std::shared_ptr<FileDiscovery> discovery_;
  std::vector<std::string> told_;
  std::vector<std::string> log_;
};

TEST_F(FileDiscoveryTest, TellsAllGroupsAtFirstAndWhenAContentChanges) {
  Write("sd/b.yml", "- targets: [b]\n");
  Start({"sd/*.json", "sd/*.yml"});
  executor_.RunFor(60s);
  EXPECT_THAT(told_, ElementsAre("b "));
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  executor_.RunFor(60s);
  EXPECT_THAT(told_, ElementsAre("b ", "a b "));
  Write("sd/b.yml", "- targets: [c]\n");
  executor_.RunFor(60s);
  ASSERT_TRUE(files_.Remove("sd/a.json"));
  executor_.RunFor(60s);
  EXPECT_THAT(told_, ElementsAre("b ", "a b ", "a c ", "c "));
  EXPECT_EQ(failures(), 0);
  discovery_->Stop();
  Write("sd/b.yml", "- targets: [d]\n");
  executor_.RunFor(60s);
  EXPECT_EQ(told_.size(), 4U);
}

TEST_F(FileDiscoveryTest, ABrokenFileKeepsItsLastGoodContentAndIsToldOnce) {
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  Start({"sd/a.json"});
  executor_.RunFor(10s);
  for (int i = 0; i < 2; ++i) {
    Write("sd/a.json", "[{");
    executor_.RunFor(60s);
    Write("sd/a.json", R"([{"targets": ["a"]}])");  // as it was
    executor_.RunFor(60s);
    EXPECT_EQ(failures(), i + 1);
  }
  EXPECT_THAT(told_, ElementsAre("a "));
  ASSERT_EQ(log_.size(), 4U) << "when it breaks, and when it is good again";
  EXPECT_THAT(log_[0], HasSubstr("last good answer"));
  EXPECT_THAT(log_[1], HasSubstr("works again"));
  EXPECT_EQ(discovery_->status().targets, 1U);
}

TEST_F(FileDiscoveryTest, AFileThatDoesNotExistHasNoTargetsUntilItDoes) {
  Start({"sd/a.json"});
  executor_.RunFor(60s);
  EXPECT_THAT(told_, ElementsAre(""));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("does not exist"));
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  executor_.RunFor(10s);
  ASSERT_TRUE(files_.Remove("sd/a.json"));
  executor_.RunFor(10s);
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  executor_.RunFor(10s);
  EXPECT_THAT(told_, ElementsAre("", "a ", "", "a "));
}

/// A watch that tells when a test says so.
class FakeWatcher : public base::DirectoryWatcher {
 public:
  base::Result<std::unique_ptr<base::DirectoryWatch>> Watch(std::vector<std::string> directories,
                                                            std::function<void()> changed) override {
    directories_ = std::move(directories);
    changed_ = std::move(changed);
    return std::make_unique<FakeWatch>(*this);
  }

  void Tell() const { changed_(); }

  std::vector<std::string> directories_;
  std::function<void()> changed_;
  base::Result<> renewal;
  int renewals = 0;
  int ends = 0;

 private:
  class FakeWatch : public base::DirectoryWatch {
   public:
    explicit FakeWatch(FakeWatcher& watcher) : watcher_(watcher) {}
    ~FakeWatch() override { ++watcher_.ends; }
    FakeWatch(const FakeWatch&) = delete;
    FakeWatch& operator=(const FakeWatch&) = delete;
    base::Result<> Renew() override {
      ++watcher_.renewals;
      return watcher_.renewal;
    }

   private:
    FakeWatcher& watcher_;
  };
};

TEST_F(FileDiscoveryTest, AWatchedFileIsReadWhenItChangesAndNotWithoutReason) {
  FakeWatcher watcher;
  watcher_ = &watcher;
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  Start({"sd/a.json", "other/*.yml"});
  executor_.RunFor(1s);
  EXPECT_THAT(watcher.directories_, ElementsAre("sd", "other"));
  EXPECT_EQ(watcher.renewals, 1);
  Write("sd/a.json", R"([{"targets": ["b"]}])");
  executor_.RunFor(1min);
  EXPECT_THAT(told_, ElementsAre("a ")) << "nobody has told";
  watcher.Tell();
  watcher.Tell();
  executor_.RunFor(100ms);
  EXPECT_THAT(told_, ElementsAre("a ", "b "));
  EXPECT_EQ(watcher.renewals, 2) << "watched anew before it is read";
  for (int i = 0; i < 600; ++i) {  // something in the folder is written all the time
    watcher.Tell();
    executor_.RunFor(100ms);
  }
  EXPECT_LE(watcher.renewals, 2 + 61);
  Write("sd/a.json", R"([{"targets": ["c"]}])");
  executor_.RunFor(5min);
  EXPECT_THAT(told_, ElementsAre("a ", "b ", "c ")) << "within the refresh interval, without a word";
  discovery_->Stop();
  EXPECT_EQ(watcher.ends, 1);
  watcher.Tell();  // late
  executor_.RunFor(1min);
}

TEST_F(FileDiscoveryTest, WithoutAWatchFilesAreReadOften) {
  FakeWatcher watcher;
  watcher_ = &watcher;
  watcher.renewal = base::Fail(base::Code::kLimitExceeded, "no more watches");
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  Start({"sd/a.json"});
  executor_.RunFor(1min);
  EXPECT_GE(watcher.renewals, 12);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("no more watches"));
  watcher.renewal = {};
  executor_.RunFor(10s);
  const int renewals = watcher.renewals;
  executor_.RunFor(4min);
  EXPECT_EQ(watcher.renewals, renewals) << "it works now: the next look is after the refresh interval";
  discovery_->Stop();
}

TEST_F(FileDiscoveryTest, AllFilesOfAJobHaveOneBudget) {
  budget_ = std::make_shared<TargetBudget>(TargetAmount{.targets = 3, .bytes = 1000});
  Write("sd/a.json", R"([{"targets": ["a", "b"]}])");
  Write("sd/b.json", R"([{"targets": ["c", "d"]}])");
  Start({"sd/*.json"});
  executor_.RunFor(10s);
  EXPECT_THAT(told_, ElementsAre("a b "));
  EXPECT_EQ(discovery_->status().last_error,
            "sd/b.json: with it the target files of the job have 4 targets, the limit is 3");
  Write("sd/a.json", R"([{"targets": ["a"]}])");
  executor_.RunFor(10s);
  EXPECT_THAT(told_, ElementsAre("a b ", "a c d "));
  EXPECT_EQ(discovery_->status().last_error, "");
  Write("sd/a.json", fmt::format(R"([{{"targets": ["{}"]}}])", std::string(1000, 'x')));
  executor_.RunFor(10s);
  EXPECT_THAT(discovery_->status().last_error, HasSubstr("bytes, the limit is 1000"));
  ASSERT_TRUE(files_.Remove("sd/a.json"));
  executor_.RunFor(10s);
  Write("sd/c.json", R"([{"targets": ["e"]}])");
  executor_.RunFor(10s);
  EXPECT_EQ(told_.back(), "c d e ");
  EXPECT_EQ(discovery_->status().last_error, "");
}

TEST_F(FileDiscoveryTest, ABrokenFileThatIsGoneIsNoFailureAnyMore) {
  Write("sd/a.json", "[{");
  Start({"sd/*.json"});
  executor_.RunFor(10s);
  EXPECT_NE(discovery_->status().last_error, "");
  ASSERT_TRUE(files_.Remove("sd/a.json"));
  executor_.RunFor(10s);
  EXPECT_EQ(discovery_->status().last_error, "");
}

}  // namespace
}  // namespace baro::scraper

#include "scraper/loop/scrape_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/duration_text.h"
#include "base/sim_file_system.h"
#include "scraper/loop/fake_storage.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr const char* kUrl = "http://t:1/metrics";
constexpr const char* kUp = R"(up{instance="t:1", job="j"})";
constexpr const char* kA = R"(a{instance="t:1", job="j"})";

class ScrapeLoopTest : public testing::Test {
 protected:
  ScrapeLoopTest() { targets_->At(kUrl).body = "a 1\n"; }
  ~ScrapeLoopTest() override { targets_->DropCalls(); }

  /// A loop whose phase is `phase` after the clock's start.
  std::shared_ptr<ScrapeLoop> MakeLoop(std::chrono::milliseconds phase = 3s, std::string socket = "") {
    Target target{.labels = model::Labels::FromPairs({{"instance", "t:1"}, {"job", "j"}}),
                  .url = kUrl,
                  .interval = options_.interval,
                  .timeout = options_.timeout,
                  .unix_socket = std::move(socket)};
    target.hash = static_cast<std::uint64_t>((kStart + phase.count()) % options_.interval.count());
    auto job = std::make_shared<ScrapeJob>();
    job->options = options_;
    job->fetcher = targets_;
    job->accept = "text/plain";
    return std::make_shared<ScrapeLoop>(std::move(target), std::move(job), context_);
  }

  std::string Samples(const char* series) const { return storage_.Samples(series); }

  FakeStorage storage_;
  base::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  base::SimClock clock_{base::FromMs(kStart)};
  base::SimExecutor executor_{clock_, 1};
  std::shared_ptr<FakeTargets> targets_ = std::make_shared<FakeTargets>(executor_);
  base::SimFileSystem files_;
  FailureLog failure_log_{files_, clock_, {}};
  ScrapeContext context_{
      .clock = clock_, .executor = executor_, .storage = storage_, .metrics = metrics_, .failure_log = failure_log_};
  ScrapeJobOptions options_{.job_name = "j", .interval = 10s, .timeout = 5s};
};

TEST_F(ScrapeLoopTest, ScrapesAtItsPhaseInEachInterval) {
  const auto loop = MakeLoop(3s);
  loop->Start();
  executor_.RunFor(2999ms);
  EXPECT_TRUE(targets_->requests.empty());
  EXPECT_EQ(loop->status().health, TargetHealth::kUnknown);
  executor_.RunFor(31s);
  EXPECT_EQ(Samples(kUp), "3=1 13=1 23=1 33=1");
  const TargetStatus status = loop->status();
  EXPECT_EQ(status.health, TargetHealth::kUp);
  EXPECT_EQ(status.last_error, "");
  EXPECT_EQ(status.last_samples, 1U);
  EXPECT_EQ(status.last_body_bytes, 4U);
  EXPECT_EQ(base::ToMs(status.last_scrape), kStart + 33'000);
}

TEST_F(ScrapeLoopTest, GoesThroughTheSocketOfItsTarget) {
  const auto loop = MakeLoop(3s, "/run/app.sock");
  loop->Start();
  executor_.RunFor(4s);
  ASSERT_EQ(targets_->requests.size(), 1U);
  EXPECT_EQ(targets_->requests[0].first.unix_socket, "/run/app.sock");
}

TEST_F(ScrapeLoopTest, WritesFailuresToTheirLog) {
  options_.scrape_failure_log_file = "failures";
  auto files = failure_log_.Open({"failures"});
  ASSERT_TRUE(files);
  failure_log_.Use(*std::move(files));
  const auto loop = MakeLoop();
  loop->Start();
  executor_.RunFor(4s);
  EXPECT_EQ(base::ReadFile(files_, "failures", 1 << 20).value_or("none"), "");
  targets_->At(kUrl).status = 503;
  executor_.RunFor(10s);
  const std::string line = base::ReadFile(files_, "failures", 1 << 20).value_or("none");
  EXPECT_THAT(line, HasSubstr("\"msg\":\"server returned HTTP status 503 Service Unavailable\""));
  EXPECT_THAT(line, HasSubstr("\"job_name\":\"j\",\"target\":\"http://t:1/metrics\"}"));
}

TEST_F(ScrapeLoopTest, AsksAsConfigured) {
  options_.limits.body_size_bytes = 100;
  options_.enable_compression = false;
  options_.timeout = 2500ms;
  const auto loop = MakeLoop();
  loop->Start();
  executor_.RunFor(4s);
  ASSERT_EQ(targets_->requests.size(), 1U);
  const auto& [request, limits] = targets_->requests[0];
  EXPECT_EQ(request.headers.Get("Accept"), "text/plain");
  EXPECT_EQ(request.headers.Get("X-Prometheus-Scrape-Timeout-Seconds"), "2.5");
  EXPECT_EQ(limits.timeout, 2500ms);
  EXPECT_EQ(limits.body_bytes_max, 100U);
  EXPECT_FALSE(limits.accept_gzip);
}

TEST_F(ScrapeLoopTest, TimestampsAreTheIdealOnesWithinTheTolerance) {
  struct Row {
    std::chrono::milliseconds jitter;
    bool adjust;
    const char* want;
  };
  const Row kRows[] = {{0ms, true, "3=1"}, {2ms, true, "3=1"}, {3ms, true, "3.003=1"}, {2ms, false, "3.002=1"}};
  for (const Row& row : kRows) {
    FakeStorage storage;
    context_.settings.adjust_timestamps = row.adjust;
    base::SimClock clock{base::FromMs(kStart)};
    base::SimExecutor executor(clock, 1);
    ScrapeContext context{.clock = clock,
                          .executor = executor,
                          .storage = storage,
                          .metrics = metrics_,
                          .failure_log = failure_log_,
                          .settings = {.adjust_timestamps = row.adjust}};
    auto job = std::make_shared<ScrapeJob>();
    job->options = options_;
    const auto targets = std::make_shared<FakeTargets>(executor);
    targets->At(kUrl).body = "a 1\n";
    job->fetcher = targets;
    Target target{.labels = model::Labels::FromPairs({{"job", "j"}}), .url = kUrl, .interval = 10s, .timeout = 5s};
    target.hash = (kStart + 3000) % 10'000;
    const auto loop = std::make_shared<ScrapeLoop>(std::move(target), std::move(job), context);
    loop->Start();
    clock.JumpWall(row.jitter);  // the timer comes late by as much
    executor.RunFor(4s);
    EXPECT_EQ(storage.Samples(R"(a{job="j"})"), row.want) << row.jitter.count() << " ms";
    targets->DropCalls();
  }
}

TEST_F(ScrapeLoopTest, FailuresAreUpZeroWithAReason) {
  struct Row {
    FakeAnswer answer;
    const char* want;
  };
  const Row kRows[] = {
      {{.status = 500}, "500 Internal Server Error"},
      {{.status = 404}, "404 Not Found"},
      {{.body = "<html>"}, "line 1"},
      {{.body = "a 1\n", .content_type = "text/html"}, "text/html"},
      {{.delay = 6s}, "did not answer in time"},
      {{.error = base::Error(base::Code::kIo, "connection refused")}, "connection refused"},
      {{.body = std::string(200, '#')}, "body_size_limit"},
  };
  options_.limits.body_size_bytes = 100;
  const auto loop = MakeLoop(5s);
  loop->Start();
  for (const Row& row : kRows) {
    targets_->At(kUrl) = {.body = "a 1\n"};
    executor_.RunFor(10s);
    EXPECT_EQ(loop->status().health, TargetHealth::kUp);
    EXPECT_EQ(loop->status().last_error, "");
    targets_->At(kUrl) = row.answer;
    executor_.RunFor(10s);
    EXPECT_EQ(loop->status().health, TargetHealth::kDown) << row.want;
    EXPECT_THAT(loop->status().last_error, HasSubstr(row.want));
  }
  EXPECT_THAT(Samples(kA), testing::StartsWith("5=1 15=end 25=1 35=end 45=1 55=end"));
  EXPECT_THAT(Samples(kUp), testing::StartsWith("5=1 15=0 25=1 35=0 45=1 55=0"));
}

TEST_F(ScrapeLoopTest, OneScrapeAtATimeAndAHangingTargetIsDownInEachInterval) {
  options_.timeout = 10s;
  targets_->At(kUrl).delay = 1h;
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(45s);
  EXPECT_EQ(Samples(kUp), "0=0 10=0 20=0 30=0");
  EXPECT_EQ(targets_->requests.size(), 5U);
}

TEST_F(ScrapeLoopTest, TicksMissedByMoreAreLeftOut) {
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(11s);
  clock_.Advance(37s);  // the machine was asleep
  executor_.RunFor(25s);
  EXPECT_EQ(Samples(kUp), "0=1 10=1 48=1 50=1 60=1 70=1");
}

TEST_F(ScrapeLoopTest, SurvivesAWallClockThatIsSet) {
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(11s);
  clock_.JumpWall(1h);
  executor_.RunFor(30s);
  EXPECT_EQ(Samples(kUp), "0=1 10=1 3620=1 3630=1 3640=1");
  clock_.JumpWall(-2h);
  executor_.RunFor(30s);
  EXPECT_GE(targets_->requests.size(), 8U) << "the loop goes on; storage refuses what is older";
}

TEST_F(ScrapeLoopTest, AForcedErrorAsksNobody) {
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(5s);
  loop->SetForcedError("target_limit: too many");
  executor_.RunFor(10s);
  EXPECT_EQ(targets_->requests.size(), 1U);
  EXPECT_EQ(loop->status().last_error, "target_limit: too many");
  loop->SetForcedError(std::nullopt);
  executor_.RunFor(10s);
  EXPECT_EQ(Samples(kA), "0=1 10=end 20=1");
  EXPECT_EQ(Samples(kUp), "0=1 10=0 20=1");
}

TEST_F(ScrapeLoopTest, AGoneTargetsSeriesEndAfterTwoIntervalsAtItsNextScrape) {
  auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(12s);
  loop->Stop(StopMode::kTargetGone);
  loop.reset();
  executor_.RunFor(20'999ms);
  EXPECT_EQ(Samples(kA), "0=1 10=1");
  executor_.RunFor(2ms);
  EXPECT_EQ(Samples(kA), "0=1 10=1 20=end");
  EXPECT_EQ(Samples(kUp), "0=1 10=1 20=end");
  EXPECT_EQ(storage_.groups(), 0) << "nothing is left of the loop";
}

TEST_F(ScrapeLoopTest, ATargetThatComesBackMeanwhileWins) {
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(12s);
  loop->Stop(StopMode::kTargetGone);
  const auto again = MakeLoop(0s);
  again->Start();
  executor_.RunFor(30s);
  EXPECT_EQ(Samples(kA), "0=1 10=1 20=1 30=1 40=1");
}

TEST_F(ScrapeLoopTest, AnAnswerOnItsWayIsWrittenWhenTheTargetGoes) {
  targets_->At(kUrl).delay = 2s;
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(1s);
  loop->Stop(StopMode::kTargetGone);
  executor_.RunFor(60s);
  EXPECT_EQ(Samples(kA), "0=1 10=end");
}

TEST_F(ScrapeLoopTest, ATargetThatWasNeverScrapedEndsNothing) {
  const auto loop = MakeLoop(5s);
  loop->Start();
  executor_.RunFor(1s);
  loop->Stop(StopMode::kTargetGone);
  executor_.RunFor(60s);
  EXPECT_EQ(storage_.series_count(), 0U);
  EXPECT_EQ(executor_.waiting_timers(), 0U);
}

TEST_F(ScrapeLoopTest, ShutdownEndsNothing) {
  targets_->At(kUrl).delay = 2s;
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(11s);
  loop->Stop(StopMode::kShutdown);  // with an answer on its way
  executor_.RunFor(60s);
  EXPECT_EQ(Samples(kA), "0=1");
  EXPECT_EQ(Samples(kUp), "0=1");
}

TEST_F(ScrapeLoopTest, AReplacedLoopHandsItsSeriesOverAlsoWhileItWaits) {
  targets_->At(kUrl) = {.body = "a 1\nb 1\n", .delay = 2s};
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(11s);
  loop->Stop(StopMode::kReplaced);
  EXPECT_EQ(loop->TakePresentSeries().scraped.size(), 2U);
  executor_.RunFor(60s);
  EXPECT_EQ(Samples(kA), "0=1") << "the answer belongs to nobody";
}

TEST_F(ScrapeLoopTest, TellsTheMetadataOfItsTarget) {
  targets_->At(kUrl).body = "# HELP a What it counts.\n# TYPE a counter\na 1\n";
  const auto loop = MakeLoop(0s);
  loop->Start();
  executor_.RunFor(1s);
  const auto metadata = loop->metadata();
  ASSERT_EQ(metadata.size(), 1U);
  EXPECT_EQ(metadata[0].metric, "a");
  EXPECT_EQ(metadata[0].metadata.help, "What it counts.");
  EXPECT_EQ(metadata[0].target.Get("instance"), "t:1");
}

TEST_F(ScrapeLoopTest, TheSameSeedGivesTheSameRun) {
  const auto run = [&](std::uint64_t seed) {
    base::SimClock clock{base::FromMs(kStart)};
    FakeStorage storage;
    base::SimExecutor executor(clock, seed);
    ScrapeContext context{
        .clock = clock, .executor = executor, .storage = storage, .metrics = metrics_, .failure_log = failure_log_};
    const auto targets = std::make_shared<FakeTargets>(executor);
    auto job = std::make_shared<ScrapeJob>();
    job->options = options_;
    job->fetcher = targets;
    std::vector<std::shared_ptr<ScrapeLoop>> loops;
    for (std::uint64_t i = 0; i < 20; ++i) {
      const std::string url = fmt::format("http://t{}/metrics", i);
      targets->At(url) = {.body = "a 1\n", .delay = std::chrono::milliseconds(i % 3 * 3000)};
      Target target{
          .labels = model::Labels::FromPairs({{"instance", url}}), .url = url, .interval = 10s, .timeout = 5s};
      target.hash = i / 4;  // some at the same moment
      loops.push_back(std::make_shared<ScrapeLoop>(std::move(target), job, context));
      loops.back()->Start();
    }
    executor.RunFor(299s);
    for (std::uint64_t i = 0; i < 20; ++i) {
      const std::string up = storage.Samples(fmt::format(R"(up{{instance="http://t{}/metrics"}})", i));
      EXPECT_EQ(std::ranges::count(up, '='), 30) << up;
    }
    targets->DropCalls();
    return executor.trace_hash();
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

}  // namespace
}  // namespace baro::scraper

#include "scraper/loop/target_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "scraper/loop/fake_storage.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kStart = 1'700'000'000'000;

class TargetWriterTest : public testing::Test {
 protected:
  TargetWriterTest() {
    target_.labels = model::Labels::FromPairs({{"instance", "i"}, {"job", "j"}});
    target_.interval = 10s;
    target_.timeout = 5s;
  }

  TargetWriter& writer() {
    if (!writer_) {
      auto compiled = model::Relabeler::Compile(job_.metric_relabel);
      EXPECT_TRUE(compiled);
      relabeler_ = *std::move(compiled);
      writer_ = std::make_unique<TargetWriter>(target_, job_, relabeler_, storage_, metrics_, 1, inherited_);
    }
    return *writer_;
  }

  /// The next scrape, ten seconds after the last.
  ScrapeOutcome Scrape(std::string_view body, std::string_view content_type = "text/plain") {
    return writer().Write({.timestamp_ms = NextTime(), .duration = 250ms, .body = body, .content_type = content_type});
  }
  ScrapeOutcome Fail(base::Code code = base::Code::kIo, bool is_body_too_large = false) {
    return writer().Write({.timestamp_ms = NextTime(),
                           .duration = 250ms,
                           .fetched = base::Fail(code, "refused"),
                           .is_body_too_large = is_body_too_large});
  }
  std::int64_t NextTime() { return kStart + 10'000 * scrapes_++; }

  /// Samples of `name` with the target's labels.
  std::string Of(const std::string& name) { return storage_.Samples(name + R"({instance="i", job="j"})"); }

  base::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  FakeStorage storage_;
  Target target_;
  ScrapeJobOptions job_{.job_name = "j"};
  model::Relabeler relabeler_;
  LiveSeries inherited_;
  std::unique_ptr<TargetWriter> writer_;
  int scrapes_ = 0;
};

TEST_F(TargetWriterTest, WritesSamplesAndItsReport) {
  job_.metric_relabel = {{.source_labels = {"__name__"}, .regex = "noise", .action = model::RelabelAction::kDrop}};
  const auto outcome = Scrape("a 1\nb{x=\"y\"} 2\nnoise 3\n");
  EXPECT_TRUE(outcome.result);
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre(R"(a{instance="i", job="j"})", R"(b{instance="i", job="j", x="y"})"));
  Scrape("a 1\nb{x=\"y\"} 2\nnoise 3\nc 4\n");
  EXPECT_EQ(Of("a"), "0=1 10=1");
  EXPECT_EQ(Of("up"), "0=1 10=1");
  EXPECT_EQ(Of("scrape_duration_seconds"), "0=0.25 10=0.25");
  EXPECT_EQ(Of("scrape_samples_scraped"), "0=3 10=4");
  EXPECT_EQ(Of("scrape_samples_post_metric_relabeling"), "0=2 10=3");
  EXPECT_EQ(Of("scrape_series_added"), "0=2 10=1");
  EXPECT_EQ(Of("scrape_timeout_seconds"), "");
}

TEST_F(TargetWriterTest, ReportsMoreWhenAsked) {
  job_.extra_metrics = true;
  job_.limits.samples = 100;
  Scrape("a 1\n");
  Fail(base::Code::kLimitExceeded, true);
  Fail();
  EXPECT_EQ(Of("scrape_timeout_seconds"), "0=5 10=5 20=5");
  EXPECT_EQ(Of("scrape_sample_limit"), "0=100 10=100 20=100");
  EXPECT_EQ(Of("scrape_body_size_bytes"), "0=4 10=-1 20=0");
  EXPECT_EQ(metrics_.exceeded_body_size_limit_total.value(), 1);
}

TEST_F(TargetWriterTest, LabelsThatClashAreRenamedUnlessTheTargetsWordCounts) {
  Scrape("a{job=\"own\",exported_job=\"e\",instance=\"\"} 1\n");
  EXPECT_THAT(storage_.SeriesNames(),
              ElementsAre(R"(a{exported_exported_job="own", exported_job="e", instance="i", job="j"})"));
  writer_.reset();
  job_.honor_labels = true;
  Scrape("b{job=\"own\",instance=\"\"} 1\n");
  EXPECT_EQ(storage_.Samples(R"(b{job="own"})"), "10=1") << "an empty label is honoured too";
  Scrape("c{x=\"\"} 1\n");
  EXPECT_EQ(Of("c"), "20=1");
}

TEST_F(TargetWriterTest, ASeriesHasMoreLabelsBeforeRelabellingThanAfterButNotAnyNumber) {
  job_.metric_relabel = {{.regex = "x.*", .action = model::RelabelAction::kLabelDrop}};
  const auto labels = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += fmt::format("x{}=\"1\",", i);
    return text;
  };
  EXPECT_TRUE(Scrape("a{" + labels(4'096) + "} 1\n").result);
  const auto outcome = Scrape("a{" + labels(4'097) + "} 1\n");
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code(), base::Code::kLimitExceeded);
  EXPECT_THAT(outcome.result.error().message(), HasSubstr("a series has more labels than are read: 4096"));
  EXPECT_EQ(Of("a"), "0=1 10=end");
}

TEST_F(TargetWriterTest, ErrorsQuoteLittleOfLongNames) {
  const std::string name(100'000, 'n');
  job_.limits.labels = 1;
  EXPECT_EQ(Scrape(name + "{a=\"b\"} 1\n").result.error().message(),
            fmt::format("line 1: label_limit: series {}... has 4 labels, the limit is 1", std::string(200, 'n')));
  const auto refused =
      writer().Write({.timestamp_ms = NextTime(), .fetched = base::Fail(base::Code::kIo, std::string(100'000, 'x'))});
  EXPECT_EQ(refused.result.error(), base::Error(base::Code::kIo, std::string(4'096, 'x') + "..."));
}

TEST_F(TargetWriterTest, AnExemplarWithVeryManyLabelsIsPassedOver) {
  std::string labels;
  for (int i = 0; i < 5'000; ++i) labels += fmt::format("x{}=\"1\",", i);
  EXPECT_TRUE(
      Scrape("# TYPE c counter\nc_total 1 # {" + labels + "} 2\n# EOF\n", "application/openmetrics-text").result);
  EXPECT_THAT(storage_.TakeExemplars(), ElementsAre());
}

TEST_F(TargetWriterTest, TimestampsOfTheTargetCountUnlessTheyAreNotHonoured) {
  Scrape("a 1 1700000000500\nb 2\n");
  EXPECT_EQ(Of("a"), "0.5=1");
  EXPECT_EQ(Of("b"), "0=2");
  writer_.reset();
  job_.honor_timestamps = false;
  Scrape("a 3 1700000000700\n");
  EXPECT_EQ(Of("a"), "0.5=1 10=3");
}

TEST_F(TargetWriterTest, ASeriesThatIsGoneEnds) {
  Scrape("a 1\nb 2\n");
  Scrape("a 1\n");
  Scrape("a 1\n");
  Scrape("a 1\nb 4\n");
  EXPECT_EQ(Of("a"), "0=1 10=1 20=1 30=1");
  EXPECT_EQ(Of("b"), "0=2 10=end 30=4");
}

TEST_F(TargetWriterTest, AFailedScrapeEndsAllAndTheyBeginAgain) {
  Scrape("a 1\nb 2\n");
  Fail();
  Fail();
  Scrape("a 3\n");
  Scrape("a 3\nb{ 4\n");
  Scrape("a 5\n");
  EXPECT_EQ(Of("a"), "0=1 10=end 30=3 40=end 50=5");
  EXPECT_EQ(Of("b"), "0=2 10=end") << "one end is enough";
  EXPECT_EQ(Of("up"), "0=1 10=0 20=0 30=1 40=0 50=1");
  EXPECT_EQ(Of("scrape_samples_scraped"), "0=2 10=0 20=0 30=1 40=1 50=1")
      << "what came before the fault was scraped, too";
}

TEST_F(TargetWriterTest, OfABrokenScrapeTheSamplesUpToTheFaultAreCounted) {
  job_.limits.labels = 4;
  job_.metric_relabel = {{.source_labels = {"__name__"}, .regex = "noise", .action = model::RelabelAction::kDrop}};
  Scrape("a 1\nnoise 1\nb one\nc 1\n");                   // the line with the fault is no sample
  Scrape("a 1\nnoise 1\nb{x=\"1\",y=\"2\"} 1\nc 1\n");    // a sample, but one that cannot be kept
  Scrape("a 1\nnoise 1\nb{x=\"1\",y=\"2\"} one\nc 1\n");  // its value is looked at first
  Scrape("a 1\n", "text/html");
  EXPECT_EQ(Of("scrape_samples_scraped"), "0=2 10=3 20=2 30=0");
  EXPECT_EQ(Of("scrape_samples_post_metric_relabeling"), "0=1 10=1 20=1 30=0");
  EXPECT_EQ(Of("scrape_series_added"), "0=0 10=0 20=0 30=0");
  EXPECT_EQ(Of("a"), "");
}

TEST_F(TargetWriterTest, SeriesWithTheirOwnTimestampsDoNotEndUnlessTracked) {
  Scrape("a 1 1700000000500\nb 1\n");
  Scrape("b 1\n");
  Fail();
  EXPECT_EQ(Of("a"), "0.5=1");
  EXPECT_EQ(Of("b"), "0=1 10=1 20=end");
  writer_.reset();
  job_.track_timestamps_staleness = true;
  Scrape("a 1 1700000030500\nb 1\n");
  Scrape("b 1\n");
  EXPECT_EQ(Of("a"), "0.5=1 30.5=1 40=end");
}

TEST_F(TargetWriterTest, GarbageFailsTheScrapeAndSaysWhere) {
  struct Row {
    const char* body;
    const char* content_type;
    const char* want;
  };
  const Row kRows[] = {{"a 1\n<html>\n", "text/plain", "line 2"},
                       {"a 1\n", "text/html", "text/html"},
                       {"a 1\n", "", "Content-Type"},
                       {"a one\n", "text/plain", "line 1"},
                       {"a 1\n", "application/openmetrics-text", "EOF"}};
  for (const Row& row : kRows) {
    const auto outcome = Scrape(row.body, row.content_type);
    ASSERT_FALSE(outcome.result) << row.body;
    EXPECT_THAT(outcome.result.error().message(), HasSubstr(row.want));
  }
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre());
  job_.fallback_protocol = ScrapeProtocol::kPrometheusText0_0_4;
  EXPECT_TRUE(Scrape("a 1\n", "text/html").result);
}

TEST_F(TargetWriterTest, TheSampleLimitCountsWhatRelabellingKeepsAndSparesStorage) {
  job_.limits.samples = 2;
  job_.metric_relabel = {{.source_labels = {"__name__"}, .regex = "noise", .action = model::RelabelAction::kDrop}};
  EXPECT_TRUE(Scrape("a 1\nb 1\nnoise 1\n").result);
  const std::size_t series_before = storage_.series_count();
  std::string many = "a 2\n";
  for (int i = 0; i < 1000; ++i) many += fmt::format("m{} 1\n", i);
  const auto outcome = Scrape(many);
  EXPECT_THAT(outcome.result.error().message(), HasSubstr("sample_limit: 1001 samples"));
  EXPECT_LE(storage_.series_count(), series_before + 2);
  EXPECT_EQ(Of("scrape_samples_post_metric_relabeling"), "0=2 10=1001");
  EXPECT_EQ(Of("a"), "0=1 10=end");
  EXPECT_EQ(Of("b"), "0=1 10=end");
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre(R"(a{instance="i", job="j"})", R"(b{instance="i", job="j"})"))
      << "what was never stored does not end";
  EXPECT_TRUE(Scrape("m1 1\nm999 2\n").result) << "series that storage was spared are made when they fit";
  EXPECT_EQ(Of("m999"), "20=2");
  EXPECT_EQ(Of("a"), "0=1 10=end");
  EXPECT_EQ(metrics_.exceeded_sample_limit_total.value(), 1);
}

TEST_F(TargetWriterTest, LimitsOnLabelsFailTheScrape) {
  struct Row {
    ScrapeLimits limits;
    const char* want;
  };
  const Row kRows[] = {{{.labels = 3}, "label_limit: series a has 4 labels, the limit is 3"},
                       {{.label_name_length_bytes = 8}, "label_name_length_limit"},
                       {{.label_value_length_bytes = 4}, "label_value_length_limit"}};
  for (const Row& row : kRows) {
    writer_.reset();
    job_.limits = row.limits;
    const auto outcome = Scrape("ok 1\na{long_name=\"12345\"} 1\n");
    ASSERT_FALSE(outcome.result);
    EXPECT_THAT(outcome.result.error().message(), HasSubstr(row.want));
  }
  EXPECT_EQ(metrics_.exceeded_label_limits_total.value(), 3);
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre());
}

TEST_F(TargetWriterTest, RelabellingMayMergeButNotUnnameSeries) {
  job_.metric_relabel = {{.regex = "x", .action = model::RelabelAction::kLabelDrop}};
  EXPECT_TRUE(Scrape("a{x=\"1\"} 1\na{x=\"2\"} 2\n").result);
  EXPECT_EQ(Of("a"), "0=1") << "the first counts";
  EXPECT_EQ(metrics_.duplicate_timestamp_total.value(), 1);
  EXPECT_EQ(Of("scrape_samples_post_metric_relabeling"), "0=2");
  EXPECT_TRUE(Scrape("a{x=\"2\"} 5\n").result);
  EXPECT_EQ(Of("a"), "0=1 10=5") << "another line, the same series: it goes on";
  writer_.reset();
  job_.metric_relabel = {{.target_label = "__name__", .replacement = ""}};
  EXPECT_THAT(Scrape("a 1\n").result.error().message(), HasSubstr("no metric name"));
  writer_.reset();
  job_.metric_relabel = {{.regex = ".*", .action = model::RelabelAction::kLabelDrop}};
  EXPECT_TRUE(Scrape("a 1\n").result) << "a series without any label is dropped";
}

TEST_F(TargetWriterTest, DroppedSamplesAreCountedAndDoNotFailTheScrape) {
  const ScrapeOutcome first = Scrape("a 1 1700000005000\nb 1 1700000005000\nc 1 1700900000000\n");
  EXPECT_TRUE(first.result);
  EXPECT_EQ(first.refused.out_of_bounds, 1U);
  const ScrapeOutcome second = Scrape("a 2 1700000004000\nb 2 1700000005000\n");
  EXPECT_TRUE(second.result);
  EXPECT_EQ(second.refused.out_of_bounds, 0U);
  EXPECT_EQ(second.refused.out_of_order, 1U);
  EXPECT_EQ(second.refused.duplicate, 1U);
  const ScrapeOutcome third = Scrape("d 1\nd 2\n");
  EXPECT_EQ(third.refused.duplicate, 1U);
  EXPECT_EQ(third.samples_kept, 2U);
  EXPECT_EQ(metrics_.out_of_bounds_total.value(), 1);
  EXPECT_EQ(metrics_.out_of_order_total.value(), 1);
  EXPECT_EQ(metrics_.duplicate_timestamp_total.value(), 2);
  EXPECT_EQ(Of("up"), "0=1 10=1 20=1");
}

TEST_F(TargetWriterTest, SeriesThatStorageForgotAreResolvedAgain) {
  Scrape("a 1\nb 1 1700000000500\n");
  storage_.ForgetSeries();
  EXPECT_TRUE(Scrape("a 2\nb 2 1700000010500\n").result);
  EXPECT_TRUE(Scrape("a 3\nb 3 1700000020500\n").result);
  EXPECT_EQ(Of("a"), "0=1 10=2 20=3");
  EXPECT_EQ(Of("b"), "0.5=1 10.5=2 20.5=3");
  EXPECT_EQ(Of("up"), "0=1 10=1 20=1");
}

TEST_F(TargetWriterTest, WhatAFullDiskRefusedEndsOnceItTakesSamplesAgain) {
  Scrape("a 1\nb 1\nc 1\n");
  storage_.FailCommits(base::Code::kNoSpace);
  const auto outcome = Scrape("a 2\nnew 2\n");
  EXPECT_EQ(outcome.result.error().code(), base::Code::kNoSpace);
  EXPECT_THAT(outcome.result.error().message(), HasSubstr("could not be stored"));
  EXPECT_FALSE(Scrape("a 3\nc 3\n").result);
  storage_.FailCommits(std::nullopt);
  EXPECT_TRUE(Scrape("a 4\nc 4\n").result);
  EXPECT_TRUE(Scrape("a 5\nc 5\n").result);
  EXPECT_EQ(Of("a"), "0=1 30=4 40=5");
  EXPECT_EQ(Of("b"), "0=1 30=end");
  EXPECT_EQ(Of("c"), "0=1 30=4 40=5");
  EXPECT_EQ(Of("new"), "");
}

TEST_F(TargetWriterTest, InheritedSeriesGoOnOrEnd) {
  job_.track_timestamps_staleness = true;
  Scrape("a 1\nb 1\nt 1 1700000000500\n");
  inherited_ = writer().AllPresentSeries();
  EXPECT_EQ(inherited_.scraped.size(), 3U);
  EXPECT_EQ(inherited_.report.size(), 5U);
  writer_.reset();
  Scrape("a 2\nt 2 1700000010500\n");
  EXPECT_EQ(Of("a"), "0=1 10=2");
  EXPECT_EQ(Of("b"), "0=1 10=end");
  EXPECT_EQ(Of("t"), "0.5=1 10.5=2");
  Scrape("a 3\nt 3 1700000020500\n");
  EXPECT_EQ(Of("b"), "0=1 10=end");
  inherited_ = writer().AllPresentSeries();
  writer_.reset();
  Fail();
  EXPECT_EQ(Of("a"), "0=1 10=2 20=3 30=end") << "the successor's first scrape failed";
}

TEST_F(TargetWriterTest, EndMarkersEndTheReportToo) {
  Scrape("a 1\n");
  ASSERT_TRUE(writer().WriteEndMarkers(NextTime()));
  ASSERT_TRUE(writer().WriteEndMarkers(NextTime()));
  EXPECT_EQ(Of("a"), "0=1 10=end");
  EXPECT_THAT(Of("up"), testing::StartsWith("0=1 10=end"));
  EXPECT_TRUE(writer().PresentSeries().empty());
  writer_.reset();
  EXPECT_EQ(storage_.groups(), 0);
}

TEST_F(TargetWriterTest, AnInheritedReportGoesOnOrEnds) {
  job_.extra_metrics = true;
  Scrape("a 1\n");
  inherited_ = writer().AllPresentSeries();
  writer_.reset();
  job_.extra_metrics = false;
  Scrape("a 1\n");
  EXPECT_EQ(Of("up"), "0=1 10=1");
  EXPECT_EQ(Of("scrape_timeout_seconds"), "0=5 10=end");
  inherited_ = writer().AllPresentSeries();
  writer_.reset();
  ASSERT_TRUE(writer().WriteEndMarkers(NextTime())) << "its successor never came to scrape";
  EXPECT_EQ(Of("up"), "0=1 10=1 20=end");
  EXPECT_EQ(Of("scrape_series_added"), "0=1 10=1 20=end");
  EXPECT_EQ(Of("scrape_timeout_seconds"), "0=5 10=end");
}

constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0";

TEST_F(TargetWriterTest, StoresExemplarsWithTheTimeTheyHave) {
  ASSERT_TRUE(Scrape(R"(# TYPE c counter
c_total{a="1"} 5 # {t="x"} 0.5 1700000001.5
c_total{a="2"} 5 1700000002 # {t="y",u="z"} 1
c_total{a="3"} 5 # {} 2
# EOF
)",
                     kOpenMetrics)
                  .result);
  EXPECT_THAT(storage_.TakeExemplars(),
              ElementsAre(R"(c_total {t="x"} 0.5@1500)", R"(c_total {t="y", u="z"} 1@2000)", R"(c_total {} 2@0)"));
  job_.honor_timestamps = false;
  ASSERT_TRUE(Scrape("# TYPE c counter\nc_total{a=\"2\"} 5 1700000002 # {} -1\n# EOF\n", kOpenMetrics).result);
  EXPECT_THAT(storage_.TakeExemplars(), ElementsAre(R"(c_total {} -1@10000)"));
  EXPECT_EQ(metrics_.exemplar_out_of_order_total.value(), 1);
}

TEST_F(TargetWriterTest, TellsMetadataWhenItChangesAndOnceInAnHour) {
  constexpr std::string_view kOne = "# HELP m Help.\n# TYPE m gauge\nm 1\n";
  ASSERT_TRUE(Scrape(kOne).result);
  EXPECT_THAT(storage_.TakeMetadata(), ElementsAre("m gauge Help."));
  ASSERT_TRUE(Scrape(kOne).result);
  EXPECT_THAT(storage_.TakeMetadata(), ElementsAre());
  ASSERT_TRUE(Scrape("# HELP m Other.\n# TYPE m gauge\nm 1\n").result);
  EXPECT_THAT(storage_.TakeMetadata(), ElementsAre("m gauge Other."));
  // What could not be stored is told again.
  storage_.FailCommits(base::Code::kNoSpace);
  EXPECT_FALSE(Scrape(kOne).result);
  storage_.FailCommits(std::nullopt);
  ASSERT_TRUE(Scrape(kOne).result);
  EXPECT_THAT(storage_.TakeMetadata(), ElementsAre("m gauge Help."));
  scrapes_ += 360;
  ASSERT_TRUE(Scrape(kOne).result);
  EXPECT_THAT(storage_.TakeMetadata(), ElementsAre("m gauge Help."));
  ASSERT_TRUE(Scrape(kOne).result);
  EXPECT_THAT(storage_.TakeMetadata(), ElementsAre());
}

constexpr std::string_view kWithStarts = R"(# TYPE c counter
c_total{a="1"} 5
c_created{a="1"} 1700000000.5
c_total{a="2"} 5
# TYPE h histogram
h_created 1699999000
h_bucket{le="1.0"} 1
h_bucket{le="+Inf"} 2
h_count 2
h_sum 3
# TYPE g gauge
g_created 7
# EOF
)";

TEST_F(TargetWriterTest, CreatedLinesAreSeriesUnlessStartsAreAskedFor) {
  ASSERT_TRUE(Scrape(kWithStarts, kOpenMetrics).result);
  EXPECT_NE(storage_.Samples(R"(c_created{a="1", instance="i", job="j"})"), "");
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre());
}

TEST_F(TargetWriterTest, ToldStartsAreThoseOfTheMetricPointWhenTheyChange) {
  job_.stores_starts = true;
  const auto first = Scrape(kWithStarts, kOpenMetrics);
  ASSERT_TRUE(first.result);
  EXPECT_EQ(first.samples_scraped, 7U);
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("h_bucket -1000000@0", "h_bucket -1000000@0", "h_count -1000000@0",
                                                 "h_sum -1000000@0"));  // that of c is later than its sample
  EXPECT_EQ(storage_.Samples(R"(c_created{a="1", instance="i", job="j"})"), "");
  EXPECT_EQ(Of("h_created"), "");
  EXPECT_NE(Of("g_created"), "");  // gauges have no start
  EXPECT_EQ(Of("h_sum"), "0=3");
  ASSERT_TRUE(Scrape(kWithStarts, kOpenMetrics).result);
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("c_total 500@10000"));
  ASSERT_TRUE(Scrape(kWithStarts, kOpenMetrics).result);
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre());
  // It is not said any more, and the other one has a new one.
  ASSERT_TRUE(Scrape("# TYPE c counter\nc_total{a=\"1\"} 6\nc_created{a=\"2\"} 1700000020\nc_total{a=\"2\"} 1\n# EOF\n",
                     kOpenMetrics)
                  .result);
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("c_total 0@30000", "c_total 20000@30000"));
  // What may not have been stored is told again.
  storage_.FailCommits(base::Code::kNoSpace);
  EXPECT_FALSE(Scrape(kWithStarts, kOpenMetrics).result);
  storage_.FailCommits(std::nullopt);
  ASSERT_TRUE(Scrape(kWithStarts, kOpenMetrics).result);
  EXPECT_THAT(storage_.TakeStarts(), testing::Contains("c_total 500@50000"));
}

TEST_F(TargetWriterTest, ZerosAreWrittenAtStarts) {
  job_.writes_zeros_at_starts = true;
  ++scrapes_;
  ASSERT_TRUE(Scrape(kWithStarts, kOpenMetrics).result);
  ASSERT_TRUE(Scrape(kWithStarts, kOpenMetrics).result);
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre());
  EXPECT_EQ(storage_.Samples(R"(c_total{a="1", instance="i", job="j"})"), "0.5=0 10=5 20=5");
  EXPECT_EQ(storage_.Samples(R"(c_total{a="2", instance="i", job="j"})"), "10=5 20=5");
  EXPECT_EQ(Of("h_sum"), "-1000=0 10=3 20=3");
}

TEST_F(TargetWriterTest, TypesAndUnitsBecomeLabelsWhereTheyAreAskedFor) {
  job_.adds_type_and_unit = true;
  constexpr std::string_view kType = "application/openmetrics-text";
  const auto body = [](std::string_view unit) {
    return fmt::format(
        "# TYPE time_{0} counter\n# UNIT time_{0} {0}\ntime_{0}_total{{__unit__=\"own\"}} 1\n"
        "# TYPE b gauge\nb{{__unit__=\"own\"}} 2\n# TYPE c unknown\nc 3\n# EOF\n",
        unit);
  };
  EXPECT_TRUE(Scrape(body("seconds"), kType).result);
  EXPECT_THAT(
      storage_.SeriesNames(),
      ElementsAre(R"(b{__type__="gauge", __unit__="own", instance="i", job="j"})", R"(c{instance="i", job="j"})",
                  R"(time_seconds_total{__type__="counter", __unit__="seconds", instance="i", job="j"})"));
}

TEST_F(TargetWriterTest, AUnitThatChangesMakesOtherSeries) {
  job_.adds_type_and_unit = true;
  const auto scrape = [this](std::string_view unit) {
    // A family of Protobuf: name, type gauge, unit, a metric with the value 0.
    std::string family =
        "\x0a\x01"
        "d"
        "\x18\x01\x2a";
    family += static_cast<char>(unit.size());
    family += unit;
    family += std::string("\x22\x02\x12\x00", 4);
    Scrape(static_cast<char>(family.size()) + family,
           "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited");
    return storage_.Samples(fmt::format(R"(d{{__type__="gauge", __unit__="{}", instance="i", job="j"}})", unit));
  };
  EXPECT_EQ(scrape("a"), "0=0");
  EXPECT_EQ(scrape("a"), "0=0 10=0");
  EXPECT_EQ(scrape("bytes"), "20=0");
  EXPECT_EQ(scrape("bytes"), "20=0 30=0");
  EXPECT_EQ(storage_.Samples(R"(d{__type__="gauge", __unit__="a", instance="i", job="j"})"), "0=0 10=0 20=end");
}

TEST_F(TargetWriterTest, NothingAtAllIsGoodInWhateverFormat) {
  Scrape("a 1\n");
  EXPECT_TRUE(Scrape("", "").result);
  EXPECT_TRUE(Scrape("", "application/openmetrics-text").result);
  EXPECT_EQ(Of("up"), "0=1 10=1 20=1");
  EXPECT_EQ(Of("a"), "0=1 10=end");
}

}  // namespace
}  // namespace baro::scraper

// What TargetWriter does with native histograms.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "scraper/loop/fake_storage.h"
#include "scraper/loop/target_writer.h"
#include "scraper/testing/metric_family.pb.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kStart = 1'700'000'000'000;

class TargetHistogramsTest : public ::testing::Test {
 protected:
  TargetHistogramsTest() {
    target_.interval = 10s;
    target_.timeout = 5s;
    target_.native_histograms.scrape = true;
  }

  TargetWriter& writer() {
    if (!writer_) {
      auto compiled = model::Relabeler::Compile(metric_relabel_);
      EXPECT_TRUE(compiled);
      relabeler_ = *std::move(compiled);
      writer_ = std::make_unique<TargetWriter>(target_, job_, relabeler_, storage_, metrics_, 1, LiveSeries());
    }
    return *writer_;
  }

  /// A family of one histogram: (1,2]: 1 and (2,4]: `second`, since `start_s` behind the test's start if it is not 0.
  testing::MetricFamily Family(int second, int start_s = 0) {
    testing::MetricFamily family;
    family.set_name("h");
    family.set_type(4);
    testing::Histogram& histogram = *family.add_metric()->mutable_histogram();
    histogram.set_count(static_cast<std::uint64_t>(second) + 1);
    histogram.set_sum(5);
    histogram.add_positive_span()->set_offset(1);
    histogram.mutable_positive_span(0)->set_length(2);
    histogram.add_positive_delta(1);
    histogram.add_positive_delta(second - 1);
    if (start_s != 0) histogram.mutable_start()->set_seconds(kStart / 1000 + start_s);
    return family;
  }

  ScrapeOutcome Scrape(std::initializer_list<testing::MetricFamily> families) {
    std::string body;
    for (const testing::MetricFamily& family : families) {
      const std::string bytes = family.SerializeAsString();
      body += static_cast<char>(bytes.size());
      body += bytes;
    }
    return writer().Write({.timestamp_ms = NextTime(),
                           .duration = 250ms,
                           .body = body,
                           .content_type = "application/vnd.google.protobuf; "
                                           "proto=io.prometheus.client.MetricFamily; encoding=delimited"});
  }
  std::int64_t NextTime() { return kStart + 10'000 * scrapes_++; }

  base::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  FakeStorage storage_;
  Target target_;
  ScrapeJobOptions job_{.job_name = "j"};
  std::vector<model::RelabelConfig> metric_relabel_;
  model::Relabeler relabeler_;
  std::unique_ptr<TargetWriter> writer_;
  int scrapes_ = 0;
};

TEST_F(TargetHistogramsTest, AreStoredAndEndAsHistogramsWhenTheyAreGone) {
  EXPECT_TRUE(Scrape({Family(2)}).result);
  EXPECT_TRUE(Scrape({Family(3)}).result);
  const ScrapeOutcome none = Scrape({});
  EXPECT_TRUE(none.result);
  EXPECT_EQ(none.samples_scraped, 0U);
  EXPECT_TRUE(Scrape({}).result);
  EXPECT_EQ(storage_.Samples("h"),
            "0={count:3, sum:5, (1,2]:1, (2,4]:2} 10={count:4, sum:5, (1,2]:1, (2,4]:3} 20=histogram-end");
  EXPECT_EQ(storage_.Samples("up"), "0=1 10=1 20=1 30=1");
  EXPECT_EQ(storage_.Samples("scrape_samples_scraped"), "0=1 10=1 20=0 30=0");
  EXPECT_EQ(storage_.Samples("scrape_series_added"), "0=1 10=0 20=0 30=0");
}

TEST_F(TargetHistogramsTest, EndWhenTheScrapeFailsAndWhenTheTargetIsGone) {
  Scrape({Family(2)});
  writer().Write({.timestamp_ms = NextTime(), .fetched = base::Fail(base::Code::kIo, "refused")});
  Scrape({Family(2)});
  EXPECT_TRUE(writer().WriteEndMarkers(NextTime()));
  EXPECT_EQ(storage_.Samples("h"),
            "0={count:3, sum:5, (1,2]:1, (2,4]:2} 10=histogram-end 20={count:3, sum:5, (1,2]:1, (2,4]:2} "
            "30=histogram-end");
}

TEST_F(TargetHistogramsTest, AreClassicOnesWhereNativeOnesAreNotWanted) {
  target_.native_histograms.scrape = false;
  EXPECT_TRUE(Scrape({Family(2)}).result);
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("h_bucket{le=\"+Inf\"}", "h_count", "h_sum"));
}

TEST_F(TargetHistogramsTest, AreStoredBesideTheClassicOnesOnDemand) {
  target_.native_histograms.always_scrape_classic = true;
  testing::MetricFamily family = Family(2);
  family.mutable_metric(0)->mutable_histogram()->add_bucket()->set_upper_bound(1);
  EXPECT_TRUE(Scrape({family}).result);
  EXPECT_THAT(storage_.SeriesNames(),
              ElementsAre("h", "h_bucket{le=\"+Inf\"}", "h_bucket{le=\"1.0\"}", "h_count", "h_sum"));
}

TEST_F(TargetHistogramsTest, CountAsSamplesForTheLimit) {
  job_.limits.samples = 1;
  EXPECT_TRUE(Scrape({Family(2)}).result);
  testing::MetricFamily two = Family(2);
  *two.add_metric() = two.metric(0);
  two.mutable_metric(1)->add_label()->set_name("a");
  two.mutable_metric(1)->mutable_label(0)->set_value("b");
  const ScrapeOutcome outcome = Scrape({two});
  ASSERT_FALSE(outcome.result);
  EXPECT_THAT(outcome.result.error().message(), HasSubstr("sample_limit: 2 samples"));
}

TEST_F(TargetHistogramsTest, TooLargeOnesBecomeCoarserOrFailTheScrape) {
  target_.native_histograms.bucket_limit = 1;
  EXPECT_TRUE(Scrape({Family(2)}).result);
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:5, (1,4]:3}");
  testing::MetricFamily family = Family(2);
  testing::Histogram& histogram = *family.mutable_metric(0)->mutable_histogram();
  histogram.add_negative_span()->set_length(1);
  histogram.add_negative_delta(1);
  histogram.set_count(4);
  const ScrapeOutcome outcome = Scrape({family});
  ASSERT_FALSE(outcome.result);
  EXPECT_THAT(outcome.result.error().message(), HasSubstr("native_histogram_bucket_limit"));
  EXPECT_EQ(metrics_.exceeded_bucket_limit_total.value(), 1);
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:5, (1,4]:3} 10=histogram-end");
}

TEST_F(TargetHistogramsTest, ThatContradictThemselvesFailTheScrape) {
  testing::MetricFamily family = Family(2);
  family.mutable_metric(0)->mutable_histogram()->set_count(9);
  const ScrapeOutcome outcome = Scrape({family});
  ASSERT_FALSE(outcome.result);
  EXPECT_THAT(outcome.result.error().message(), HasSubstr("byte 0: metric family h: histogram"));
  EXPECT_EQ(storage_.Samples("up"), "0=0");
}

TEST_F(TargetHistogramsTest, TellSinceWhenTheyCount) {
  job_.stores_starts = true;
  Scrape({Family(2, -5)});
  Scrape({Family(3, -5)});
  Scrape({Family(1, 15)});
  Scrape({Family(1)});
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("h -5000@0", "h 15000@20000", "h 0@30000"));
}

TEST_F(TargetHistogramsTest, BeginWithNothingWhereZerosAreWanted) {
  job_.writes_zeros_at_starts = true;
  Scrape({Family(2, -5)});
  Scrape({Family(3, -5)});
  Scrape({Family(1, 15)});
  EXPECT_EQ(storage_.Samples("h"),
            "-5={count:0, sum:0} 0={count:3, sum:5, (1,2]:1, (2,4]:2} 10={count:4, sum:5, (1,2]:1, (2,4]:3} "
            "15={count:0, sum:0} 20={count:2, sum:5, (1,2]:1, (2,4]:1}");
}

TEST_F(TargetHistogramsTest, LeaveNoZeroWhereTheScrapeFails) {
  job_.writes_zeros_at_starts = true;
  target_.native_histograms.bucket_limit = 1;
  testing::MetricFamily family = Family(2, -5);
  testing::Histogram& histogram = *family.mutable_metric(0)->mutable_histogram();
  histogram.add_negative_span()->set_length(1);
  histogram.add_negative_delta(1);
  histogram.set_count(4);
  EXPECT_FALSE(Scrape({family}).result);
  EXPECT_EQ(storage_.Samples("h"), "");
  EXPECT_EQ(metrics_.exceeded_bucket_limit_total.value(), 1);
}

TEST_F(TargetHistogramsTest, CountersOfProtobufTellTheirStartsToo) {
  job_.stores_starts = true;
  job_.writes_zeros_at_starts = true;
  testing::MetricFamily family;
  family.set_name("c_total");
  family.set_type(0);
  family.add_metric()->mutable_counter()->set_value(3);
  family.mutable_metric(0)->mutable_counter()->mutable_start()->set_seconds(kStart / 1000 - 7);
  Scrape({family});
  EXPECT_EQ(storage_.Samples("c_total"), "-7=0 0=3");
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("c_total -7000@0"));
}

TEST_F(TargetHistogramsTest, ThatStorageForgotAreResolvedAgain) {
  Scrape({Family(2)});
  storage_.ForgetSeries();
  EXPECT_TRUE(Scrape({Family(3)}).result);
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:5, (1,2]:1, (2,4]:2} 10={count:4, sum:5, (1,2]:1, (2,4]:3}");
}

TEST_F(TargetHistogramsTest, OfTheSameSeriesTwiceAreCounted) {
  EXPECT_TRUE(Scrape({Family(2), Family(3)}).result);
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:5, (1,2]:1, (2,4]:2}");
  EXPECT_EQ(metrics_.duplicate_timestamp_total.value(), 1);
}

// --- Classic ones, converted --------------------------------------------------------------------------------------

class ConvertedHistogramsTest : public TargetHistogramsTest {
 protected:
  ConvertedHistogramsTest() { target_.native_histograms.convert_classic_to_nhcb = true; }

  ScrapeOutcome ScrapeText(std::string_view body, std::string_view content_type = "text/plain") {
    return writer().Write({.timestamp_ms = NextTime(), .duration = 250ms, .body = body, .content_type = content_type});
  }
};

TEST_F(ConvertedHistogramsTest, AreStoredInPlaceOfTheirLines) {
  constexpr std::string_view kBody =
      "# TYPE h histogram\nh_bucket{a=\"x\",le=\"1\"} 2\nh_bucket{a=\"x\",le=\"5\"} 2\nh_bucket{a=\"x\",le=\"+Inf\"} "
      "6\n"
      "h_sum{a=\"x\"} 30.5\nh_count{a=\"x\"} 6\n# TYPE g gauge\ng 7\n";
  EXPECT_TRUE(ScrapeText(kBody).result);
  EXPECT_TRUE(ScrapeText(kBody).result);
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("g", "h{a=\"x\"}"));
  EXPECT_EQ(storage_.Samples("h{a=\"x\"}"),
            "0={count:6, sum:30.5, [-Inf,1]:2, (5,+Inf]:4} 10={count:6, sum:30.5, [-Inf,1]:2, (5,+Inf]:4}");
  EXPECT_EQ(storage_.Samples("scrape_samples_scraped"), "0=2 10=2");
  EXPECT_EQ(storage_.Samples("scrape_samples_post_metric_relabeling"), "0=2 10=2");
  EXPECT_EQ(storage_.Samples("scrape_series_added"), "0=2 10=0");
  EXPECT_TRUE(ScrapeText("g 1\n").result);
  EXPECT_THAT(storage_.Samples("h{a=\"x\"}"), ::testing::EndsWith("20=histogram-end"));
  EXPECT_EQ(storage_.Samples("g"), "0=7 10=7 20=1");
}

TEST_F(ConvertedHistogramsTest, ComeBesideTheirLinesOnDemandAlsoWhereRelabellingDropsThose) {
  target_.native_histograms.always_scrape_classic = true;
  metric_relabel_ = {{.source_labels = {"__name__"}, .regex = "h_(bucket|sum)", .action = model::RelabelAction::kDrop}};
  EXPECT_TRUE(ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\nh_sum 4\n").result);
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1}");
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("h", "h_count"));
  EXPECT_EQ(storage_.Samples("scrape_samples_scraped"), "0=4");
  EXPECT_EQ(storage_.Samples("scrape_samples_post_metric_relabeling"), "0=2");
}

TEST_F(ConvertedHistogramsTest, AreWhatTheirLinesAgreeOn) {
  struct Row {
    std::string_view lines;
    std::string_view want;  // "": nothing is stored
  };
  const Row rows[] = {
      {"h_bucket{le=\"2\"} 3\nh_bucket{le=\"1\"} 1\n", "{count:3, sum:0, [-Inf,1]:1, (1,2]:2}"},
      {"h_bucket{le=\"2\"} 3\nh_bucket{le=\"2.0\"} 9\n", "{count:3, sum:0, [-Inf,2]:3}"},
      {"h_bucket{le=\"2\"} 2.5\nh_count 4\n", "{count:4, sum:0, [-Inf,2]:2.5, (2,+Inf]:1.5}"},
      {"h_count 4\n", "{count:4, sum:0, [-Inf,+Inf]:4}"},
      {"h_sum 4\n", "{count:0, sum:4}"},
      {"h_bucket{le=\"1\"} 3\nh_bucket{le=\"2\"} 2\n", ""},
      {"h_bucket{le=\"1\"} -1\n", ""},
      {"h_bucket{le=\"1\"} NaN\n", ""},
      {"h_bucket{le=\"1\"} 3\nh_count 2\n", ""},
      {"h_bucket{le=\"+Inf\"} 3\nh_count 4\n", ""},
  };
  for (const auto& [lines, want] : rows) {
    const std::string body = fmt::format("# TYPE h histogram\n{}", lines);
    FakeStorage storage;
    TargetWriter own(target_, job_, relabeler_, storage, metrics_, 1, {});
    const auto outcome = own.Write({.timestamp_ms = kStart, .body = body, .content_type = "text/plain"});
    EXPECT_TRUE(outcome.result) << lines;
    EXPECT_EQ(storage.Samples("h"), want.empty() ? "" : fmt::format("0={}", want)) << lines;
    EXPECT_EQ(storage.SeriesNames().size(), want.empty() ? 0U : 1U) << lines;
  }
}

TEST_F(ConvertedHistogramsTest, EndWhenTheirLinesContradictEachOther) {
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_count 3\n");
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_count 2\n");
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_count 2\n");
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_count 4\n");
  EXPECT_TRUE(writer().WriteEndMarkers(NextTime()));
  EXPECT_EQ(storage_.Samples("h"),
            "0={count:3, sum:0, [-Inf,1]:3} 10=histogram-end 30={count:4, sum:0, [-Inf,1]:3, (1,+Inf]:1} "
            "40=histogram-end");
}

// Its lines go all at once, by a bad line behind them and by the histogram's end: with a visit of each part for each of
// them this would take minutes.
TEST_F(ConvertedHistogramsTest, MayLoseVeryManyLinesAtOnce) {
  std::string body = "# TYPE h histogram\n";
  for (int i = 0; i < 200'000; ++i) body += fmt::format("h_bucket{{le=\"{}\"}} {}\n", i, i);
  EXPECT_FALSE(ScrapeText(body + "h_bucket x\n").result);
  EXPECT_TRUE(ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\"} 3\n").result);
  EXPECT_TRUE(ScrapeText("# TYPE h histogram\nh_bucket{le=\"2\"} 3\n").result);
  EXPECT_TRUE(ScrapeText("g 1\n").result);
  EXPECT_EQ(storage_.Samples("h"), "10={count:3, sum:0, [-Inf,1]:3} 20={count:3, sum:0, [-Inf,2]:3} 30=histogram-end");
}

TEST_F(ConvertedHistogramsTest, LinesOfOtherFamiliesStayWhatTheyAre) {
  ScrapeText(
      "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"x\"} 3\nh_bucket 1\nh 2\nother_count "
      "5\nother_bucket{le=\"1\"} 5\n");
  EXPECT_THAT(storage_.SeriesNames(),
              ElementsAre("h", "h_bucket", "h_bucket{le=\"x\"}", "other_bucket{le=\"1.0\"}", "other_count"));
}

TEST_F(ConvertedHistogramsTest, LinesBesideThemGoOnWhenTheyAreSpelledAnew) {
  target_.native_histograms.always_scrape_classic = true;
  ScrapeText("# TYPE h histogram\nh_bucket{a=\"x\",le=\"1\"} 3\nh_count{a=\"x\"} 3\n");
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\",a=\"x\"} 4\n");
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1\",a=\"x\"} 5\n");
  ScrapeText("g 1\n");
  EXPECT_EQ(storage_.Samples("h_bucket{a=\"x\", le=\"1.0\"}"), "0=3 10=4 20=5 30=end");
  EXPECT_EQ(storage_.Samples("h_count{a=\"x\"}"), "0=3 10=end");
}

TEST_F(ConvertedHistogramsTest, GaugeHistogramsOfTextStayTheirLines) {
  EXPECT_TRUE(ScrapeText("# TYPE h gaugehistogram\nh_bucket{le=\"1.0\"} 3\nh_gcount 3\nh_gsum 2\n# EOF\n",
                         "application/openmetrics-text")
                  .result);
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("h_bucket{le=\"1.0\"}", "h_gcount", "h_gsum"));
}

TEST_F(ConvertedHistogramsTest, KeepTheTimesStartsAndExemplarsOfTheirLines) {
  job_.stores_starts = true;
  constexpr std::string_view kType = "application/openmetrics-text";
  ScrapeText(
      "# TYPE h histogram\nh_bucket{le=\"1.0\"} 3 # {t=\"a\"} 0.5 1700000000.5\n"
      "h_bucket{le=\"+Inf\"} 3 # {t=\"b\"} 2\nh_count 3\nh_sum 2\nh_created 1699999990\n# EOF\n",
      kType);
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("h -10000@0"));
  EXPECT_THAT(storage_.TakeExemplars(), ElementsAre("h {t=\"a\"} 0.5@500"));
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("h"));
  ScrapeText("# TYPE h histogram\nh_bucket{le=\"1.0\"} 4 1700000005\nh_count 4 1700000005\n# EOF\n", kType);
  ScrapeText("# EOF\n", kType);
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:2, [-Inf,1]:3} 5={count:4, sum:0, [-Inf,1]:4}");
}

TEST_F(ConvertedHistogramsTest, OfProtobufAreConvertedUnlessTheyAreNative) {
  testing::MetricFamily family;
  family.set_name("c");
  family.set_type(5);
  testing::Histogram& classic = *family.add_metric()->mutable_histogram();
  classic.set_count(3);
  classic.add_bucket()->set_upper_bound(1);
  classic.mutable_bucket(0)->set_count(2);
  target_.native_histograms.always_scrape_classic = true;
  testing::MetricFamily native = Family(2);
  native.mutable_metric(0)->mutable_histogram()->add_bucket()->set_upper_bound(1);
  Scrape({family, native});
  EXPECT_EQ(storage_.Samples("c"), "0={count:3, sum:0, [-Inf,1]:2, (1,+Inf]:1}");
  EXPECT_EQ(storage_.Samples("h"), "0={count:3, sum:5, (1,2]:1, (2,4]:2}");
  // The native one turns classic and back: the series goes on.
  native.mutable_metric(0)->mutable_histogram()->clear_positive_span();
  native.mutable_metric(0)->mutable_histogram()->clear_positive_delta();
  Scrape({family, native});
  Scrape({family, Family(2)});
  Scrape({});
  EXPECT_EQ(
      storage_.Samples("h"),
      "0={count:3, sum:5, (1,2]:1, (2,4]:2} 10={count:3, sum:5, (1,+Inf]:3} 20={count:3, sum:5, (1,2]:1, (2,4]:2} "
      "30=histogram-end");
  EXPECT_THAT(storage_.Samples("c"), ::testing::EndsWith("30=histogram-end"));
}

}  // namespace
}  // namespace baro::scraper

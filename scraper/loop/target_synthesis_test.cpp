// What TargetWriter does with starts that it makes itself (`st-synthesis`).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "scraper/loop/fake_storage.h"
#include "scraper/loop/target_writer.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr std::int64_t kStart = 1'700'000'000'000;

class TargetSynthesisTest : public ::testing::Test {
 protected:
  TargetSynthesisTest() {
    target_.interval = 10s;
    target_.timeout = 5s;
    job_.synthesizes_starts = job_.stores_starts = true;
  }

  TargetWriter& writer() {
    if (!writer_) {
      writer_ = std::make_unique<TargetWriter>(target_, job_, relabeler_, storage_, metrics_, 1, LiveSeries());
    }
    return *writer_;
  }
  ScrapeOutcome Scrape(std::string_view body, std::string_view content_type = "text/plain") {
    return writer().Write({.timestamp_ms = NextTime(), .duration = 250ms, .body = body, .content_type = content_type});
  }
  std::int64_t NextTime() { return kStart + 10'000 * scrapes_++; }

  base::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  FakeStorage storage_;
  Target target_;
  ScrapeJobOptions job_{.job_name = "j"};
  model::Relabeler relabeler_;
  std::unique_ptr<TargetWriter> writer_;
  int scrapes_ = 0;
};

TEST_F(TargetSynthesisTest, WhatCountsIsCountedSinceItsFirstSample) {
  // A TYPE line speaks of the lines below it: each family stands below its own.
  const auto ordered = [&](int n) {
    return fmt::format(
        "untyped {0}\n# TYPE g gauge\ng {0}\n# TYPE c_total counter\nc_total {0}\n# TYPE h histogram\n"
        "h_bucket{{le=\"+Inf\"}} {0}\nh_sum {0}\nh_count {0}\n# TYPE s summary\ns{{quantile=\"0.5\"}} {0}\n"
        "s_sum {0}\ns_count {0}\n# TYPE x counter\nstray {0}\n",
        n);
  };
  const ScrapeOutcome first = Scrape(ordered(7));
  EXPECT_TRUE(first.result);
  EXPECT_EQ(first.samples_kept, 10U);
  EXPECT_EQ(first.series_added, 10U);
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("g", "stray", "s{quantile=\"0.5\"}", "untyped"));
  Scrape(ordered(9));
  Scrape(ordered(3));
  for (const char* const plain : {"g", "s{quantile=\"0.5\"}", "stray", "untyped"}) {
    EXPECT_EQ(storage_.Samples(plain), "0=7 10=9 20=3") << plain;
  }
  for (const char* const counted : {"c_total", "h_bucket{le=\"+Inf\"}", "h_sum", "h_count", "s_sum", "s_count"}) {
    EXPECT_EQ(storage_.Samples(counted), "10=2 20=3") << counted;
  }
  EXPECT_THAT(storage_.TakeStarts(),
              ::testing::AllOf(::testing::Contains("c_total 0@10000"), ::testing::Contains("c_total 19999@20000"),
                               ::testing::Not(::testing::Contains(::testing::HasSubstr("g ")))));
}

TEST_F(TargetSynthesisTest, SeriesThatEndBeforeTheirSecondSampleAreNoSeries) {
  Scrape("a 1\n# TYPE c counter\nc 5\n");
  Scrape("a 1\n");
  EXPECT_THAT(storage_.SeriesNames(), ElementsAre("a"));
  Scrape("a 1\n# TYPE c counter\nc 5\n");
  Scrape("a 1\n# TYPE c counter\nc 6\n");
  Scrape("a 1\n");
  EXPECT_EQ(storage_.Samples("c"), "30=1 40=end");
  Scrape("a 1\n# TYPE c counter\nc 8\n");
  Scrape("a 1\n# TYPE c counter\nc 9\n");
  EXPECT_EQ(storage_.Samples("c"), "30=1 40=end 60=1") << "who comes again begins anew";
}

TEST_F(TargetSynthesisTest, AFailedScrapeEndsSeriesAndKeepsTheirStart) {
  Scrape("# TYPE c counter\nc 5\n");
  Scrape("# TYPE c counter\nc 7\n");
  writer().Write({.timestamp_ms = NextTime(), .fetched = base::Fail(base::Code::kIo, "refused")});
  Scrape("# TYPE c counter\nc 9\n");
  EXPECT_EQ(storage_.Samples("c"), "10=2 20=end 30=4");
}

TEST_F(TargetSynthesisTest, ToldStartsStayWhatTheyAre) {
  constexpr const char* kType = "application/openmetrics-text";
  Scrape("# TYPE c counter\nc_total 5\nc_created 1699999999\n# TYPE d counter\nd_total 5\n# EOF\n", kType);
  Scrape("# TYPE c counter\nc_total 7\nc_created 1699999999\n# TYPE d counter\nd_total 7\n# EOF\n", kType);
  EXPECT_EQ(storage_.Samples("c_total"), "0=5 10=7");
  EXPECT_EQ(storage_.Samples("d_total"), "10=2");
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre("c_total -1000@0", "d_total 0@10000"));
}

TEST_F(TargetSynthesisTest, WhatStorageRefusesBeginsAnew) {
  Scrape("# TYPE c counter\nc 5\n");
  Scrape("# TYPE c counter\nc 7\n");
  writer().Write({.timestamp_ms = kStart + 100 * 3'600'000,
                  .body = "# TYPE c counter\nc 8\n",
                  .content_type = "text/plain"});  // too far in the future
  Scrape("# TYPE c counter\nc 9\n");
  Scrape("# TYPE c counter\nc 12\n");
  EXPECT_EQ(storage_.Samples("c"), "10=2 30=3");
}

TEST_F(TargetSynthesisTest, TakesTimesOfSamples) {
  const auto body = [](int value, int second) {
    return fmt::format("# TYPE c counter\nc {} {}\n", value, kStart + second * 1000);
  };
  for (const auto& [value, second] : {std::pair(5, 1), {7, 3}, {8, 2}, {9, 5}, {14, 6}}) Scrape(body(value, second));
  EXPECT_EQ(storage_.Samples("c"), "3=2 6=5") << "at 2 it comes too late, at 5 it begins anew";
}

TEST_F(TargetSynthesisTest, ConvertedHistogramsCountToo) {
  target_.native_histograms.convert_classic_to_nhcb = true;
  const auto body = [](int n) {
    return fmt::format(
        "# TYPE h histogram\nh_bucket{{le=\"1\"}} {0}\nh_bucket{{le=\"+Inf\"}} {1}\nh_sum {1}\nh_count {1}\n", n,
        2 * n);
  };
  Scrape(body(2));
  EXPECT_EQ(storage_.Samples("h"), "");
  Scrape(body(5));
  EXPECT_EQ(storage_.Samples("h"), "10={count:6, sum:6, [-Inf,1]:3, (1,+Inf]:3}");
  Scrape("");
  EXPECT_EQ(storage_.Samples("h"), "10={count:6, sum:6, [-Inf,1]:3, (1,+Inf]:3} 20=histogram-end");
}

TEST_F(TargetSynthesisTest, NeedsNoStorageOfStarts) {
  job_.stores_starts = false;
  Scrape("# TYPE c counter\nc 5\nc_created 3\n");
  Scrape("# TYPE c counter\nc 7\nc_created 3\n");
  EXPECT_EQ(storage_.Samples("c"), "10=2");
  EXPECT_EQ(storage_.Samples("c_created"), "0=3 10=3");
  EXPECT_THAT(storage_.TakeStarts(), ElementsAre());
}

}  // namespace
}  // namespace baro::scraper

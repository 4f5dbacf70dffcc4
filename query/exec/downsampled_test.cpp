// Queries over a store whose older blocks were downsampled, against the same queries over all samples.
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/idle_executor.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "query/engine.h"
#include "tsdb/memory_reader.h"
#include "tsdb/storage.h"

namespace baro::query {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kStartMs = 472'222 * kHourMs;
constexpr std::int64_t kIntervalMs = 30'000;
constexpr int kHours = 14;

using Points = std::map<std::pair<std::string, std::int64_t>, double>;

// Fourteen hours of gauges and counters: the first about seven hours as windows of an hour, then windows of five
// minutes, the last two or three hours as samples.
class Downsampled : public testing::Test {
 protected:
  Downsampled() : clock_(base::FromMs(kStartMs)) {
    const auto after = [](std::chrono::hours age, std::chrono::minutes resolution) {
      return tsdb::DownsamplingRule{.matchers = {}, .after = age, .resolution = resolution};
    };
    tsdb::StorageOptions options;
    options.directory = "d";
    options.block_range = 20min;
    options.block_range_max = 1h;
    options.lateness_max = 10min;
    options.retention = {.time = {},
                         .rules = std::make_shared<const tsdb::StorageRules>(
                             tsdb::StorageRules{.retention = {}, .downsampling = {after(2h, 5min), after(6h, 60min)}})};
    storage_ = tsdb::Storage::Open(options, {.files = files_,
                                             .clock = clock_,
                                             .background = executor_,
                                             .metrics = registry_,
                                             .log = {},
                                             .random = &random_})
                   .value();
    Fill();
    samples_ = std::make_unique<tsdb::MemoryReaderSource>(literal_);
  }

  void Fill() {
    for (const char* name : {"g", "c_total"}) {
      for (int i = 0; i < 3; ++i) {
        literal_.push_back({.labels = model::Labels::FromPairs({{"__name__", name}, {"i", std::to_string(i)}}),
                            .samples = {},
                            .histograms = {}});
      }
    }
    std::vector<double> values(literal_.size());
    for (std::int64_t at = kStartMs + kIntervalMs; at <= kStartMs + kHours * kHourMs; at += kIntervalMs) {
      clock_.Advance(std::chrono::milliseconds(kIntervalMs));
      auto appender = storage_->NewAppender();
      for (std::size_t i = 0; i < literal_.size(); ++i) {
        const bool is_counter = i >= 3;
        const double random = static_cast<double>(random_.Below(100)) / 8;  // sums of eighths are exact
        values[i] = !is_counter ? random - 4 : random_.OneIn(150) ? random : values[i] + random;
        const std::int64_t scraped = at - static_cast<std::int64_t>(i) * 7;
        literal_[i].samples.push_back({.timestamp_ms = scraped, .value = values[i]});
        EXPECT_EQ(appender->Append(*appender->Resolve(literal_[i].labels), literal_[i].samples.back()),
                  tsdb::SampleStatus::kAccepted);
      }
      EXPECT_TRUE(appender->Commit(tsdb::Durability::kInterval));
      if (at % (10 * 60'000) != 0) continue;
      EXPECT_TRUE(storage_->Maintain());
    }
  }

  static Points PointsOf(const QueryResult& result) {
    Points points;
    const SeriesTable& table = std::get<MatrixResult>(result.value).series;
    for (std::size_t i = 0; i < table.size(); ++i) {
      for (std::size_t k = 0; k < table.values(i).size(); ++k) {
        points[{table.labels(i).ToString(), (table.timestamps_ms(i)[k] - kStartMs) / 60'000}] = table.values(i)[k];
      }
    }
    return points;
  }

  QueryResult Ask(const tsdb::ReaderSource& source, const std::string& query, const QueryRange& range) {
    Engine engine({}, {.source = &source});
    auto result = engine.Range(query, range);
    EXPECT_TRUE(result) << query << ": " << result.error().message();
    return *std::move(result);
  }
  Points OfStore(const std::string& query, const QueryRange& range) { return PointsOf(Ask(*storage_, query, range)); }
  Points OfSamples(const std::string& query, const QueryRange& range) { return PointsOf(Ask(*samples_, query, range)); }

  base::SimFileSystem files_;
  base::SimClock clock_;
  base::IdleExecutor executor_;
  base::Registry registry_;
  base::SeededRandom random_{11};
  std::vector<tsdb::LiteralSeries> literal_;
  std::unique_ptr<tsdb::Storage> storage_;
  std::unique_ptr<tsdb::MemoryReaderSource> samples_;
};

constexpr QueryRange kEachHour{
    .start_ms = kStartMs + kHourMs, .end_ms = kStartMs + kHours * kHourMs, .step_ms = kHourMs};

TEST_F(Downsampled, FunctionsWithAnAggregateAreExactOverWholeWindows) {
  for (const char* query :
       {"sum_over_time(g[1h])", "count_over_time(g[1h])", "min_over_time(g[1h])", "max_over_time(g[1h])",
        "avg_over_time(g[1h])", "sum_over_time(g[4h])", "count_over_time(c_total[4h])", "min_over_time(g[4h])",
        "max_over_time(c_total[4h])", "avg_over_time(g[4h])", "last_over_time(g[1h])", "last_over_time(c_total[3h])",
        "sum(avg_over_time(g[2h]))", "avg_over_time(g[2h] offset 1h)", "present_over_time(g[1h])"}) {
    const Points want = OfSamples(query, kEachHour);
    const Points got = OfStore(query, kEachHour);
    ASSERT_EQ(want.size(), got.size()) << query;
    for (const auto& [key, value] : want) {
      ASSERT_TRUE(got.contains(key)) << query << " " << key.first << " " << key.second;
      EXPECT_EQ(got.at(key), value) << query << " " << key.first << " minute " << key.second;
    }
  }
}

TEST_F(Downsampled, RatesOfSomeWindowsAreNearThoseOfSamples) {
  for (const char* query : {"rate(c_total[4h])", "increase(c_total[4h])", "sum(rate(c_total[6h]))"}) {
    const QueryRange range{
        .start_ms = kStartMs + 6 * kHourMs, .end_ms = kStartMs + kHours * kHourMs, .step_ms = kHourMs};
    const Points want = OfSamples(query, range);
    const Points got = OfStore(query, range);
    ASSERT_EQ(want.size(), got.size()) << query;
    for (const auto& [key, value] : want) {
      ASSERT_TRUE(got.contains(key)) << query;
      EXPECT_NEAR(got.at(key), value, 0.1 * value) << query << " " << key.first << " minute " << key.second;
    }
  }
}

TEST_F(Downsampled, SelectorsFindTheLevelOfTheWindowAtEveryTime) {
  const QueryRange often{.start_ms = kStartMs + 120'000, .end_ms = kStartMs + kHours * kHourMs, .step_ms = 7 * 60'000};
  const Points want = OfSamples("g", often);
  const Points got = OfStore("g", often);
  const Points least = OfStore("min by (i) (g)", often);
  const Points greatest = OfStore("max by (i) (g)", often);
  ASSERT_EQ(want.size(), got.size());
  for (const auto& [key, value] : want) {
    ASSERT_TRUE(got.contains(key)) << key.first << " minute " << key.second;
    const std::string by = fmt::format("{{i=\"{}\"}}", literal_[0].labels.Get("i"));
    if (key.first.find("i=\"0\"") == std::string::npos) continue;
    const auto bounds = std::pair(by, key.second);
    ASSERT_TRUE(least.contains(bounds) && greatest.contains(bounds));
    EXPECT_LE(least.at(bounds), value);
    EXPECT_GE(greatest.at(bounds), value);
    EXPECT_LE(least.at(bounds), got.at(key));
    EXPECT_GE(greatest.at(bounds), got.at(key));
  }
  EXPECT_TRUE(OfStore("absent(g)", often).empty());
  EXPECT_TRUE(OfStore("absent_over_time(g[6m])", often).empty());
  // What is not downsampled is as it was.
  const QueryRange young{
      .start_ms = kStartMs + (kHours - 1) * kHourMs, .end_ms = kStartMs + kHours * kHourMs, .step_ms = 60'000};
  EXPECT_EQ(OfStore("g + on (i) c_total", young), OfSamples("g + on (i) c_total", young));
}

TEST_F(Downsampled, AnInfoSaysThatDownsampledDataWasUsedAndWhatThatMeans) {
  struct Row {
    const char* query;
    const char* want;
  };
  constexpr Row kRows[] = {
      {"g", "with a resolution of 1h: each value is the average of its window"},
      {"max(g)", "with a resolution of 1h: each value is the greatest of its window"},
      {"sum_over_time(g[3h])", "with a resolution of 1h: the result is exact where a range covers whole windows"},
      {"rate(c_total[3h])", "the increase is exact between borders of windows"},
      {"stddev_over_time(g[3h])", "the result is an estimate from the last value of each window"},
      {"rate(c_total[5m])", "; a range of 5m is shorter than two windows, so that values may be missing"},
      {"avg_over_time(rate(c_total[3h])[2h:10m])", "with a resolution of 1h"},
  };
  for (const Row& row : kRows) {
    const QueryResult result = Ask(*storage_, row.query, kEachHour);
    std::vector<std::string> infos;
    for (const Annotation& info : result.infos) infos.push_back(info.text);
    EXPECT_THAT(infos, testing::Contains(HasSubstr(row.want))) << row.query;
  }
  const QueryRange young{
      .start_ms = kStartMs + kHours * kHourMs, .end_ms = kStartMs + kHours * kHourMs, .step_ms = 60'000};
  EXPECT_TRUE(Ask(*storage_, "g", young).infos.empty());
}

}  // namespace
}  // namespace baro::query

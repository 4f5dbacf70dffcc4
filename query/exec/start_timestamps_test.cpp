// Start timestamps in whole queries: over literal data, and over a store that has some in blocks, some in memory and
// some that came late.
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>
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

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

EngineOptions With(bool starts) {
  EngineOptions options;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = false,
                      .delayed_name_removal = false,
                      .type_and_unit_labels = false,
                      .use_start_timestamps = starts};
  return options;
}

// An answer as lines of text, with its warnings.
std::vector<std::string> Ask(const tsdb::ReaderSource& source, const EngineOptions& options, const std::string& query,
                             const QueryRange& range) {
  Engine engine(options, {.source = &source});
  const auto result = engine.Range(query, range);
  if (!result) return {result.error().message()};
  std::vector<std::string> lines;
  const SeriesTable& table = std::get<MatrixResult>(result->value).series;
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::string line = table.labels(i).ToMetricString();
    for (std::size_t k = 0; k < table.values(i).size(); ++k) {
      line += fmt::format(" {}@{}", table.values(i)[k], table.timestamps_ms(i)[k]);
    }
    for (const HistogramPoint& point : table.histograms(i)) {
      line += fmt::format(" {}@{}", point.histogram->ToString(), point.timestamp_ms);
    }
    lines.push_back(line);
  }
  for (const Annotation& warning : result->warnings) lines.push_back(warning.text);
  return lines;
}

std::vector<std::string> AskAt(const tsdb::ReaderSource& source, bool starts, const std::string& query,
                               std::int64_t time_ms) {
  return Ask(source, With(starts), query, {.start_ms = time_ms, .end_ms = time_ms, .step_ms = 1000});
}

// A sample a minute, a restart at minute 3 that only the start shows, and a stale marker between.
tsdb::MemoryReaderSource OneRestart() {
  tsdb::LiteralSeries series{
      .labels = model::Labels::FromPairs({{"__name__", "c_total"}}), .samples = {}, .histograms = {}};
  for (int minute = 1; minute <= 5; ++minute) {
    series.samples.push_back({.timestamp_ms = minute * 60'000, .value = 60.0 * minute});
    series.start_timestamps_ms.push_back(minute < 3 ? 30'000 : 150'000);
  }
  series.samples[1].value = model::StaleNaN();
  std::vector<tsdb::LiteralSeries> all = {std::move(series)};
  return tsdb::MemoryReaderSource(std::move(all));
}

TEST(StartTimestamps, AreLookedAtOnlyIfTheEngineIsAskedTo) {
  const tsdb::MemoryReaderSource source = OneRestart();
  EXPECT_THAT(AskAt(source, false, "resets(c_total[5m])", 300'000), ElementsAre("{} 0@300000"));
  EXPECT_THAT(AskAt(source, true, "resets(c_total[5m])", 300'000), ElementsAre("{} 1@300000"));
  // 60 counted from zero at second 30, then 180 from zero, then 120 more, all the way to the end.
  EXPECT_THAT(AskAt(source, true, "increase(c_total[5m])", 300'000), ElementsAre("{} 360@300000"));
  EXPECT_THAT(AskAt(source, false, "increase(c_total[5m])", 300'000), ElementsAre("{} 300@300000"));
  EXPECT_THAT(AskAt(source, true, "increase(c_total[1m])", 60'000), ElementsAre("{} 60@60000"));
  EXPECT_THAT(AskAt(source, false, "increase(c_total[1m])", 60'000), IsEmpty());
  EXPECT_THAT(AskAt(source, true, "delta(c_total[5m])", 300'000), AskAt(source, false, "delta(c_total[5m])", 300'000));
}

TEST(StartTimestamps, OfSelectorsAreTold) {
  const tsdb::MemoryReaderSource source = OneRestart();
  EXPECT_THAT(AskAt(source, true, "start_timestamp(c_total)", 60'000), ElementsAre("{} 30@60000"));
  EXPECT_THAT(AskAt(source, true, "start_timestamp((c_total offset 1m))", 240'000), ElementsAre("{} 150@240000"));
  EXPECT_THAT(AskAt(source, true, "start_timestamp(c_total @ 240)", 600'000), ElementsAre("{} 150@600000"));
  EXPECT_THAT(AskAt(source, true, "start_timestamp(c_total)", 120'000), IsEmpty());  // stale
  EXPECT_THAT(AskAt(source, true, "start_timestamp(c_total smoothed)", 90'000), ElementsAre("{} 30@90000"));
  EXPECT_THAT(AskAt(source, true, "timestamp(c_total smoothed)", 90'000), ElementsAre("{} 60@90000"));
  EXPECT_THAT(AskAt(source, true, "start_timestamp(-c_total)", 60'000), IsEmpty());
  EXPECT_THAT(AskAt(source, false, "start_timestamp(c_total)", 60'000), IsEmpty());
}

TEST(StartTimestamps, EndAtSubqueries) {
  const tsdb::MemoryReaderSource source = OneRestart();
  EXPECT_THAT(AskAt(source, true, "resets(c_total[5m:1m])", 300'000), ElementsAre("{} 0@300000"));
}

constexpr std::int64_t kStartMs = 472'222LL * 3'600'000;
constexpr std::int64_t kIntervalMs = 15'000;
constexpr int kScrapes = 600;

class StoredStarts : public testing::Test {
 protected:
  StoredStarts() : clock_(base::FromMs(kStartMs)) {
    tsdb::StorageOptions options;
    options.directory = "d";
    options.block_range = 20min;
    options.block_range_max = 1h;
    options.lateness_max = 10min;
    options.out_of_order_window = 30min;
    storage_ = tsdb::Storage::Open(options, {.files = files_,
                                             .clock = clock_,
                                             .background = executor_,
                                             .metrics = registry_,
                                             .log = {},
                                             .random = &random_})
                   .value();
    for (int i = 0; i < kSeries; ++i) {
      literal_.push_back({.labels = model::Labels::FromPairs({{"__name__", "c_total"}, {"i", std::to_string(i)}}),
                          .samples = {},
                          .histograms = {}});
    }
    for (int scrape = 0; scrape < kScrapes; ++scrape) Scrape(scrape);
  }

  // Counters that restart without falling; series 0 has no start, series 3 is of histograms. Each 40th scrape comes
  // late.
  void Scrape(int scrape) {
    const std::int64_t now_ms = kStartMs + (scrape + 1) * kIntervalMs;
    clock_.Advance(std::chrono::milliseconds(kIntervalMs));
    if (scrape % 40 != 7) {
      Append(scrape, now_ms);
    }
    if (scrape % 40 == 30) Append(scrape - 23, now_ms - 23 * kIntervalMs);
    if (scrape % 40 == 39) {
      EXPECT_TRUE(storage_->Maintain());
    }
  }

  void Append(int scrape, std::int64_t at_ms) {
    auto appender = storage_->NewAppender();
    for (int i = 0; i < kSeries; ++i) {
      tsdb::LiteralSeries& literal = literal_[static_cast<std::size_t>(i)];
      const tsdb::SeriesRef ref = *appender->Resolve(literal.labels);
      const double value = scrape * (i + 1);
      const int since = scrape - scrape % (17 + i);
      const std::int64_t start_ms = i == 0 ? 0 : kStartMs + since * kIntervalMs + 4'000;
      if (i > 0) appender->AppendStart(ref, at_ms, start_ms);
      if (i == 3) {
        auto histogram = std::make_shared<model::FloatHistogram>();
        histogram->count = value;
        histogram->positive_spans = {{.offset = 0, .length = 1}};
        histogram->positive_buckets = {value};
        EXPECT_TRUE(appender->AppendHistogram(ref, at_ms, *histogram));
        literal.histograms.push_back({.timestamp_ms = at_ms, .histogram = histogram, .start_timestamp_ms = start_ms});
      } else {
        EXPECT_EQ(appender->Append(ref, {.timestamp_ms = at_ms, .value = value}), tsdb::SampleStatus::kAccepted);
        literal.samples.push_back({.timestamp_ms = at_ms, .value = value});
        literal.start_timestamps_ms.push_back(start_ms);
      }
    }
    const auto committed = appender->Commit(tsdb::Durability::kInterval);
    ASSERT_TRUE(committed);
  }

  static constexpr int kSeries = 4;
  base::SimFileSystem files_;
  base::SimClock clock_;
  base::IdleExecutor executor_;
  base::Registry registry_;
  base::SeededRandom random_{11};
  std::vector<tsdb::LiteralSeries> literal_;
  std::unique_ptr<tsdb::Storage> storage_;
};

TEST_F(StoredStarts, AnswerAsLiteralDataDoes) {
  // In the order of time, as a reader gives them.
  for (tsdb::LiteralSeries& series : literal_) {
    std::vector<std::pair<model::Sample, std::int64_t>> both;
    for (std::size_t i = 0; i < series.samples.size(); ++i) {
      both.emplace_back(series.samples[i], series.start_timestamps_ms[i]);
    }
    std::ranges::sort(both, {}, [](const auto& each) { return each.first.timestamp_ms; });
    for (std::size_t i = 0; i < both.size(); ++i) {
      std::tie(series.samples[i], series.start_timestamps_ms[i]) = both[i];
    }
    std::ranges::sort(series.histograms, {}, &tsdb::HistogramSample::timestamp_ms);
  }
  const tsdb::MemoryReaderSource source(literal_);
  ASSERT_GT(storage_->Blocks().size(), 1U);
  const QueryRange range{.start_ms = kStartMs, .end_ms = kStartMs + kScrapes * kIntervalMs, .step_ms = 20'000};
  for (const char* query : {"start_timestamp(c_total)", "rate(c_total[4m])", "increase(c_total[4m])",
                            "irate(c_total[1m])", "resets(c_total[10m])", "resets(c_total[10m] anchored)",
                            "rate(c_total[20s])", "sum(increase(c_total{i!=\"3\"}[5m] offset 1m))"}) {
    const auto want = Ask(source, With(true), query, range);
    EXPECT_EQ(Ask(*storage_, With(true), query, range), want) << query;
    EXPECT_NE(Ask(*storage_, With(false), query, range), want) << query;
  }
}

}  // namespace
}  // namespace baro::query

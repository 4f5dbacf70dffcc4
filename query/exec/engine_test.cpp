#include "query/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/compute_pool.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "tsdb/memory_reader.h"

namespace baro::query {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

tsdb::LiteralSeries MakeSeries(std::initializer_list<model::LabelView> labels, std::vector<model::Sample> samples) {
  return {.labels = model::Labels::FromPairs(labels), .samples = std::move(samples), .histograms = {}};
}

// A sample each 15 s: counters with resets, gauges, gaps and staleness markers.
std::vector<tsdb::LiteralSeries> RandomSeries(std::uint64_t seed) {
  base::SeededRandom random(seed);
  std::vector<tsdb::LiteralSeries> all;
  for (const char* name : {"a_total", "b_total", "c"}) {
    for (int job = 0; job < 3; ++job) {
      for (int instance = 0; instance < 4; ++instance) {
        if (random.OneIn(6)) continue;
        tsdb::LiteralSeries series = MakeSeries(
            {{"__name__", name}, {"job", fmt::format("j{}", job)}, {"instance", fmt::format("i{}", instance)}}, {});
        double value = 0;
        for (int i = 0; i < 200; ++i) {
          if (random.OneIn(10)) continue;
          value = random.OneIn(25) ? 0 : value + static_cast<double>(random.Below(100)) / 8;
          const double sample = random.OneIn(40) ? model::StaleNaN() : value;
          series.samples.push_back(
              {.timestamp_ms = i * 15'000 + static_cast<std::int64_t>(random.Below(900)), .value = sample});
        }
        all.push_back(std::move(series));
      }
    }
  }
  return all;
}

constexpr const char* kQueries[] = {
    "a_total",
    "rate(a_total[2m])",
    "sum by (job) (rate(a_total[1m]))",
    "avg without (instance) (c) / on (job) group_left sum by (job) (b_total)",
    "a_total + ignoring (x) b_total",
    "a_total > bool 20",
    "a_total > c",
    "c and on (job) (a_total > 30)",
    "c or a_total",
    "c unless on (instance) a_total > 50",
    "topk by (job) (2, c)",
    "bottomk(3, a_total)",
    "quantile by (instance) (0.3, c)",
    "count_values(\"v\", round(c, 10))",
    "stddev(c)",
    "max_over_time(rate(a_total[1m])[5m:30s])",
    "avg_over_time(c[3m] offset 1m)",
    "increase(a_total[4m] @ 900) + c",
    "absent(c{job=\"j1\", instance=\"i2\"})",
    "absent_over_time(c{job=\"j1\"}[20s])",
    "vector(scalar(sum(c)) + time())",
    "-c * 2 - 1",
    "label_replace(c, \"job\", \"${1}x\", \"job\", \"(.*)\")",
    "timestamp(c)",
    "clamp(c, 3, scalar(avg(a_total)))",
    "predict_linear(c[5m], 60)",
    "quantile_over_time(0.9, c[5m])",
    "changes(c[5m]) + resets(c[5m])",
    "irate(a_total[1m]) or idelta(c[1m])",
    "deriv(c[2m])",
    "hour() + minute(c)",
    "group(c) by (job) * 7 % 3 ^ 2",
};

// Values by labels and time, in bits: NaN equals NaN.
using Points = std::map<std::pair<std::string, std::int64_t>, double>;

void Collect(const SeriesTable& table, Points& points) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    for (std::size_t k = 0; k < table.values(i).size(); ++k) {
      points[{table.labels(i).ToString(), table.timestamps_ms(i)[k]}] = table.values(i)[k];
    }
  }
}

void ExpectSame(const Points& want, const Points& got, const std::string& query) {
  ASSERT_EQ(want.size(), got.size()) << query;
  for (const auto& [key, value] : want) {
    const auto at = got.find(key);
    ASSERT_NE(at, got.end()) << query << " " << key.first << " " << key.second;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(at->second)) << query << " " << key.first << " " << key.second;
    } else {
      EXPECT_NEAR(value, at->second, 1e-9 * std::max(1.0, std::fabs(value)))
          << query << " " << key.first << " " << key.second;
    }
  }
}

TEST(Engine, RangesAreInstantsOneAfterTheOther) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const tsdb::MemoryReaderSource source(RandomSeries(seed));
    Engine engine({}, {.source = &source});
    for (const char* query : kQueries) {
      const QueryRange range{.start_ms = 30'000, .end_ms = 3'300'000, .step_ms = 37'000};
      const auto result = engine.Range(query, range);
      ASSERT_TRUE(result) << query << ": " << result.error().message();
      Points got;
      Collect(std::get<MatrixResult>(result->value).series, got);
      Points want;
      for (std::int64_t time = range.start_ms; time <= range.end_ms; time += range.step_ms) {
        const auto instant = engine.Instant(query, time);
        ASSERT_TRUE(instant) << query << ": " << instant.error().message();
        Collect(std::get<VectorResult>(instant->value).series, want);
      }
      ExpectSame(want, got, fmt::format("{} seed {}", query, seed));
    }
  }
}

TEST(Engine, GivesTheSameOnManyThreads) {
  const tsdb::MemoryReaderSource source(RandomSeries(99));
  base::ComputePool pool({.threads = 3});
  Engine serial({}, {.source = &source});
  Engine parallel({}, {.source = &source, .pool = &pool, .clock = &base::RealClock()});
  for (const char* query : kQueries) {
    const QueryRange range{.start_ms = 0, .end_ms = 3'000'000, .step_ms = 15'000};
    const auto want = serial.Range(query, range);
    const auto got = parallel.Range(query, range);
    ASSERT_TRUE(want && got) << query;
    Points a;
    Points b;
    Collect(std::get<MatrixResult>(want->value).series, a);
    Collect(std::get<MatrixResult>(got->value).series, b);
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [key, value] : a) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(value), std::bit_cast<std::uint64_t>(b.at(key))) << query;
    }
  }
}

// x is 1 at 0 s, 2 at 60 s, ended at 120 s; y{i="0"} and y{i="1"} are 1 and 2 throughout.
class SmallEngine : public testing::Test {
 protected:
  SmallEngine()
      : source_({MakeSeries({{"__name__", "x"}}, {{0, 1}, {60'000, 2}, {120'000, model::StaleNaN()}}),
                 MakeSeries({{"__name__", "y"}, {"i", "0"}}, {{0, 1}, {60'000, 1}, {120'000, 1}}),
                 MakeSeries({{"__name__", "y"}, {"i", "1"}}, {{0, 2}, {60'000, 2}, {120'000, 2}})}) {}

  base::Result<QueryResult> Ask(std::string_view text, std::int64_t time_ms = 60'000, EngineOptions options = {}) {
    Engine engine(options, {.source = &source_, .clock = &clock_});
    return engine.Instant(text, time_ms);
  }

  tsdb::MemoryReaderSource source_;
  base::SimClock clock_;
};

TEST_F(SmallEngine, LooksBackFiveMinutesButNotToTheirVeryStart) {
  struct Row {
    const char* query;
    std::int64_t at_ms;
    std::size_t series;
  };
  constexpr Row kRows[] = {
      {"y", 120'000, 2},
      {"y", 419'999, 2},
      {"y", 420'000, 0},
      {"x", 119'999, 1},
      {"x", 120'000, 0},  // a staleness marker ends it at once
      {"x", -1, 0},
      {"x offset 1m", 60'000, 1},
      {"x offset -1m", 0, 1},
      {"x @ 60", 10'000'000, 1},
      {"count_over_time(y[1m])", 60'000, 2},
      {"count_over_time(y[1m])", 180'000, 0},
  };
  for (const Row& row : kRows) {
    const auto result = Ask(row.query, row.at_ms);
    ASSERT_TRUE(result) << row.query;
    EXPECT_EQ(std::get<VectorResult>(result->value).series.size(), row.series) << row.query << " at " << row.at_ms;
  }
}

TEST_F(SmallEngine, RefusesWithACodeThatSaysWhatToDo) {
  struct Row {
    const char* query;
    base::Code code;
    const char* message;
  };
  constexpr Row kRows[] = {
      {"sum(", base::Code::kInvalidArgument, "1:5"},
      {"y + on () y", base::Code::kUnprocessable, "found duplicate series for the match group {} on the right"},
      {"y + on () x", base::Code::kUnprocessable, "many-to-one matching must be explicit"},
      {"topk(NaN, y)", base::Code::kUnprocessable, "Parameter value is NaN"},
      {"label_replace(y, \"i\", \"\", \"i\", \".*\")", base::Code::kUnprocessable, "same labelset"},
      {"label_replace(y, \"i\", \"\", \"i\", \"(\")", base::Code::kUnprocessable, "invalid regular expression"},
      {"rate({__name__=~\"x|y\", i=~\"|0\"}[5m]) * 0 + rate({__name__=~\".+\"}[5m])", base::Code::kUnprocessable, ""},
      {"ceil({__name__=~\"x|y\"}) + ceil(label_replace(y, \"i\", \"\", \"i\", \"0\"))", base::Code::kUnprocessable, ""},
  };
  for (const Row& row : kRows) {
    const auto result = Ask(row.query);
    if (std::string_view(row.message).empty() && result) continue;  // only that it does not crash
    ASSERT_FALSE(result) << row.query;
    EXPECT_EQ(result.error().code(), row.code) << row.query << ": " << result.error().message();
    EXPECT_THAT(result.error().message(), HasSubstr(row.message)) << row.query;
  }
}

TEST_F(SmallEngine, KeepsLimits) {
  EngineOptions few_samples;
  few_samples.samples_max = 1;
  auto result = Ask("y", 60'000, few_samples);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kLimitExceeded);
  EXPECT_THAT(result.error().message(), HasSubstr("too many samples into memory in query execution"));

  EngineOptions little_memory;
  little_memory.memory_bytes_max = 1 << 20;
  result = Ask("sum_over_time(vector(1)[30d:10ms])", 60'000, little_memory);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kLimitExceeded);
  EXPECT_THAT(result.error().message(), HasSubstr("1048576 bytes"));

  Engine engine({}, {.source = &source_});
  EXPECT_EQ(engine.Range("x", {.start_ms = 0, .end_ms = 11'001'000, .step_ms = 1000}).error().code(),
            base::Code::kInvalidArgument);
  EXPECT_EQ(engine.Range("x", {.start_ms = 0, .end_ms = 10, .step_ms = 0}).error().code(),
            base::Code::kInvalidArgument);
  EXPECT_EQ(engine.Range("x", {.start_ms = 10, .end_ms = 0, .step_ms = 1}).error().code(),
            base::Code::kInvalidArgument);
  EXPECT_EQ(engine.Range("x[5m]", {.start_ms = 0, .end_ms = 10, .step_ms = 1}).error().code(),
            base::Code::kInvalidArgument);
}

// Each look at the clock is a second later.
class HurryingClock final : public base::Clock {
 public:
  base::WallTime Now() const override { return base::FromMs(0); }
  base::MonotonicTime Monotonic() const override { return base::MonotonicTime(std::chrono::seconds(++looks_)); }

 private:
  mutable std::atomic<int> looks_{0};
};

TEST_F(SmallEngine, StopsWhenTheTimeIsOverOrNobodyWaits) {
  const HurryingClock clock;
  Engine engine({}, {.source = &source_, .clock = &clock});
  const auto late =
      engine.Instant("sum(sum(sum(y)))", 0, {.cancel = {}, .lookback = {}, .timeout = milliseconds(3000)});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), base::Code::kTimeout);

  QueryOptions cancelled;
  cancelled.cancel.Cancel();
  const auto unwanted = engine.Instant("y", 0, cancelled);
  ASSERT_FALSE(unwanted);
  EXPECT_EQ(unwanted.error().code(), base::Code::kCancelled);
  EXPECT_EQ(engine.active_queries(), 0U);
}

TEST_F(SmallEngine, IsNotLateWithASingleDearSeries) {
  // Minutes of work on one row.
  const char* const query = "quantile_over_time(0.5, (vector(time()) % 7)[10h:1s])";
  Engine engine({}, {.source = &source_, .clock = &base::RealClock()});
  const QueryRange range{.start_ms = 0, .end_ms = 100'000'000, .step_ms = 10'000};
  const auto late =
      engine.Range(query, range, {.cancel = {}, .lookback = {}, .timeout = milliseconds(300), .origin = {}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), base::Code::kTimeout);
  // In pieces it is the same.
  const auto whole = engine.Range("stddev_over_time((vector(time()) % 7)[1h:1s])",
                                  {.start_ms = 0, .end_ms = 36'000'000, .step_ms = 36'000});
  ASSERT_TRUE(whole);
  const SeriesTable& table = std::get<MatrixResult>(whole->value).series;
  ASSERT_EQ(table.size(), 1U);
  ASSERT_EQ(table.values(0).size(), 1001U);
  for (const std::size_t step : {0U, 1U, 290U, 291U, 292U, 999U, 1000U}) {
    const auto one = engine.Instant("stddev_over_time((vector(time()) % 7)[1h:1s])", std::int64_t{36'000} * step);
    ASSERT_TRUE(one);
    EXPECT_EQ(table.values(0)[step], std::get<VectorResult>(one->value).series.values(0)[0]) << step;
  }
}

TEST_F(SmallEngine, WalksLongChainsWithoutRecursion) {
  std::string scalars = "1";
  for (int i = 0; i < 40'000; ++i) scalars += "+1";
  auto result = Ask(scalars);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(std::get<ScalarResult>(result->value).value, 40'001);

  std::string vectors = "x";
  for (int i = 0; i < 3000; ++i) vectors += i % 2 == 0 ? "+1" : "+x";
  result = Ask(vectors);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(std::get<VectorResult>(result->value).series.values(0)[0], 2 + 1500 + 1500 * 2);
}

TEST_F(SmallEngine, NamesTheCounterThatIsNone) {
  const auto result = Ask("rate(y[5m])", 120'000);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->infos.size(), 1U);
  EXPECT_EQ(result->infos[0].ToString(),
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"y\" (1:6)");
  EXPECT_TRUE(result->warnings.empty());
}

TEST_F(SmallEngine, DropsNamesAtOnceOrAtTheEnd) {
  EngineOptions late;
  late.features.delayed_name_removal = true;
  const char* const query = "label_replace(abs(x), \"was\", \"$1\", \"__name__\", \"(.*)\")";
  const auto now = Ask(query);
  const auto then = Ask(query, 60'000, late);
  ASSERT_TRUE(now && then);
  EXPECT_EQ(std::get<VectorResult>(now->value).series.labels(0).ToString(), "{}");
  EXPECT_EQ(std::get<VectorResult>(then->value).series.labels(0).ToString(), "{was=\"x\"}");
}

TEST_F(SmallEngine, CountsWhatItReads) {
  const auto result = Ask("sum(count_over_time(y[2m]))", 120'000);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stats.samples_read, 4U);
  EXPECT_EQ(result->stats.samples_queryable, 4U);
  EXPECT_GT(result->stats.memory_bytes_peak, 0U);
  EXPECT_GT(result->stats.samples_peak, 0U);
}

}  // namespace
}  // namespace baro::query

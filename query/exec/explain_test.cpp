#include "query/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/compute_pool.h"
#include "tsdb/memory_reader.h"

namespace baro::query {
namespace {

using testing::HasSubstr;

// Each look at the clock is a millisecond later.
class TickingClock final : public base::Clock {
 public:
  base::WallTime Now() const override { return base::FromMs(0); }
  base::MonotonicTime Monotonic() const override { return base::MonotonicTime(std::chrono::milliseconds(++looks_)); }
  int looks() const { return looks_; }

 private:
  mutable std::atomic<int> looks_{0};
};

class Explain : public testing::Test {
 protected:
  Explain() : source_(MakeSeries()) {}

  // 30 counters of 3 jobs, a sample each 15 s for 10 minutes.
  static std::vector<tsdb::LiteralSeries> MakeSeries() {
    std::vector<tsdb::LiteralSeries> all;
    for (int i = 0; i < 30; ++i) {
      tsdb::LiteralSeries series{
          .labels = model::Labels::FromPairs(
              {{"__name__", "c_total"}, {"instance", fmt::format("i{:02}", i)}, {"job", fmt::format("j{}", i % 3)}}),
          .samples = {},
          .histograms = {}};
      for (int k = 0; k < 40; ++k) series.samples.push_back({.timestamp_ms = k * 15'000, .value = 1.0 * k});
      all.push_back(std::move(series));
    }
    return all;
  }

  Explanation Ask(std::string_view text, bool does_analyze, EngineOptions options = {},
                  base::ComputePool* pool = nullptr) {
    Engine engine(options, {.source = &source_, .pool = pool, .clock = &clock_});
    auto explained = engine.Explain({.text = text,
                                     .range = {.start_ms = 0, .end_ms = 600'000, .step_ms = 60'000},
                                     .is_range = true,
                                     .does_analyze = does_analyze});
    EXPECT_TRUE(explained) << explained.error().message();
    return explained ? *std::move(explained) : Explanation{};
  }

  TickingClock clock_;
  tsdb::MemoryReaderSource source_;
};

TEST_F(Explain, ShowsTheTreeWithPlaces) {
  const Explanation plan =
      Ask("sum by (job) (rate(c_total{job!=\"j0\"}[1m] offset 30s)) /\n on (job) count(c_total @ 60)", false);
  ASSERT_EQ(plan.operators.size(), 6U);
  EXPECT_FALSE(plan.run);
  struct Row {
    std::size_t depth;
    const char* kind;
    const char* name;
    std::size_t line;
    std::size_t column;
  };
  constexpr Row kRows[] = {
      {0, "join", "/ on (job)", 1, 1},        {1, "aggregation", "sum by (job)", 1, 1},
      {2, "range function", "rate()", 1, 15}, {3, "range selector", "c_total{job!=\"j0\"}[1m] offset 30s", 1, 20},
      {1, "aggregation", "count", 2, 11},     {2, "selector", "c_total @ 60", 2, 17}};
  for (std::size_t i = 0; i < plan.operators.size(); ++i) {
    const ExplainedOperator& op = plan.operators[i];
    EXPECT_EQ(op.depth, kRows[i].depth) << i;
    EXPECT_EQ(op.kind, kRows[i].kind) << i;
    EXPECT_EQ(op.name, kRows[i].name) << i;
    EXPECT_EQ(op.line, kRows[i].line) << i;
    EXPECT_EQ(op.column, kRows[i].column) << i;
    EXPECT_FALSE(op.cost) << i;
  }
  const auto& facts = plan.operators[3].facts;
  EXPECT_THAT(facts, testing::ElementsAre(testing::Pair("range", "1m"), testing::Pair("offset", "30s")));
  EXPECT_THAT(plan.operators[5].facts,
              testing::ElementsAre(testing::Pair("at", "1970-01-01T00:01:00Z"), testing::Pair("evaluated", "once")));
  const std::string text = ExplanationText(plan);
  EXPECT_THAT(text, HasSubstr("11 steps of 1m"));
  EXPECT_THAT(text, HasSubstr("\n    └ c_total{job!=\"j0\"}[1m] offset 30s  range selector [range 1m, offset 30s]"));
}

TEST_F(Explain, MeasuresEachOperator) {
  base::ComputePool pool({.threads = 2});
  for (base::ComputePool* const threads : {static_cast<base::ComputePool*>(nullptr), &pool}) {
    const Explanation plan = Ask("sum by (job) (rate(c_total[1m])) + 1", true, {}, threads);
    ASSERT_TRUE(plan.run);
    EXPECT_FALSE(plan.run->error);
    EXPECT_EQ(plan.run->series, 3U);
    ASSERT_EQ(plan.operators.size(), 5U);
    const OperatorCost& plus = *plan.operators[0].cost;
    const OperatorCost& sum = *plan.operators[1].cost;
    const OperatorCost& rate = *plan.operators[2].cost;
    const OperatorCost& selector = *plan.operators[3].cost;
    EXPECT_EQ(plus.series, 3U);
    EXPECT_EQ(plus.points, plan.run->points);
    EXPECT_EQ(sum.series, 3U);
    EXPECT_EQ(sum.points, plan.run->points);
    EXPECT_EQ(rate.series, 30U);
    EXPECT_EQ(rate.points, 10 * plan.run->points);
    EXPECT_EQ(rate.steps, 11U);
    EXPECT_GT(rate.samples_queryable, 0U);
    EXPECT_EQ(selector.series, 30U);
    EXPECT_EQ(selector.samples_read, 30U * 40U);
    EXPECT_EQ(selector.bytes, 30U * 40U * 16U);
    EXPECT_GE(selector.read_time, std::chrono::milliseconds(30)) << "a tick for each series at least";
    EXPECT_GT(sum.memory_bytes_peak, 0U);
    EXPECT_LE(sum.memory_bytes_peak, plan.run->stats.memory_bytes_peak);
    for (const ExplainedOperator& op : plan.operators) EXPECT_EQ(op.cost->runs, 1U) << op.name;
    // Times are shared out without rest: an operator's are its own and those of the ones below it.
    EXPECT_EQ(plus.total_time, plus.self_time + sum.total_time + plan.operators[4].cost->total_time);
    EXPECT_EQ(sum.total_time, sum.self_time + rate.total_time);
    EXPECT_EQ(rate.total_time, rate.self_time + selector.total_time);
    EXPECT_LE(plus.total_time, plan.run->stats.evaluation_time);
    const std::string text = ExplanationText(plan);
    EXPECT_THAT(text, HasSubstr("answer   3 series, 30 points"));
    EXPECT_THAT(text, HasSubstr("1200 read"));
  }
}

TEST_F(Explain, GivesTheSameAnswerWithAndWithoutMeasuring) {
  for (const char* const query :
       {"rate(c_total[1m]) > 0.01", "max_over_time(sum(c_total)[3m:30s])", "-timestamp(c_total)",
        "c_total + c_total * 2 - c_total", "scalar(sum(c_total)) + 1", "1 + 2 * time()", "topk(2, c_total)",
        "absent(c_total{job=\"x\"})", "sort(c_total)", "c_total @ end()"}) {
    Engine engine({}, {.source = &source_});
    const auto answer = engine.Range(query, {.start_ms = 0, .end_ms = 600'000, .step_ms = 60'000});
    ASSERT_TRUE(answer) << query;
    const Explanation plan = Ask(query, true);
    ASSERT_TRUE(plan.run) << query;
    EXPECT_EQ(plan.run->points, std::get<MatrixResult>(answer->value).series.point_count()) << query;
    EXPECT_EQ(plan.run->stats.samples_read, answer->stats.samples_read) << query;
    std::uint64_t read = 0;
    for (const ExplainedOperator& op : plan.operators) read += op.cost->samples_read;
    EXPECT_EQ(read, answer->stats.samples_read) << query << ": each sample belongs to an operator";
  }
}

TEST_F(Explain, LooksAtNoClockForOperatorsThatNobodyAsksAbout) {
  Engine engine({.timeout = std::chrono::milliseconds(0)}, {.source = &source_, .clock = &clock_});
  ASSERT_TRUE(engine.Instant("c_total", 0));
  const int before = clock_.looks();
  ASSERT_TRUE(engine.Instant("c_total", 0));
  const int once = clock_.looks() - before;
  ASSERT_TRUE(engine.Instant("sum(rate(c_total[1m])) + sum(c_total)", 60'000));
  EXPECT_EQ(clock_.looks() - before - once, once) << "phases are measured, not operators";
}

TEST_F(Explain, TellsUpToWhereAQueryCame) {
  EngineOptions options;
  options.samples_max = 100;
  const Explanation plan = Ask("sum(c_total) + sum(rate(c_total[5m]))", true, options);
  ASSERT_TRUE(plan.run && plan.run->error);
  EXPECT_EQ(plan.run->error->code(), base::Code::kLimitExceeded);
  EXPECT_THAT(plan.run->error->message(), HasSubstr("limit 100 samples (--query.max-samples), needed at least"));
  EXPECT_THAT(plan.run->error->message(), HasSubstr("; reached at 1:1 in sum(c_total)"));
  EXPECT_THAT(ExplanationText(plan), HasSubstr("\nerror    query processing would load too many samples"));
}

TEST_F(Explain, NamesTheOperatorThatMetALimit) {
  struct Row {
    const char* query;
    EngineOptions options;
    const char* want;
  };
  const Row rows[] = {
      {"1 +\n sum_over_time(vector(1)[30d:10ms])",
       {.memory_bytes_max = 1 << 20},
       "(--query.max-memory), needed at least 2074080000; reached at 2:16 in vector(1)[30d:10ms]"},
      {"sum(c_total) + -c_total", {.samples_max = 330}, "needed at least 341; reached at 1:16 in -c_total"},
      {"sum(c_total)", {.memory_bytes_max = 100, .memory_bytes_total_max = 50}, "limit 100 bytes (--query.max-memory)"},
      {"sum(c_total)",
       {.memory_bytes_max = 0, .memory_bytes_total_max = 50},
       "limit 50 bytes (--query.max-memory-total)"},
  };
  for (const Row& row : rows) {
    Engine engine(row.options, {.source = &source_});
    const auto answer = engine.Range(row.query, {.start_ms = 0, .end_ms = 600'000, .step_ms = 60'000});
    ASSERT_FALSE(answer) << row.query;
    EXPECT_EQ(answer.error().code(), base::Code::kLimitExceeded);
    EXPECT_THAT(answer.error().message(), HasSubstr(row.want)) << row.query;
    EXPECT_EQ(engine.memory_bytes(), 0U) << "all is given back";
  }
}

TEST_F(Explain, IsBoundedForLongQueries) {
  std::string text = "c_total";
  for (int i = 0; i < 5000; ++i) text += " + 1";
  const Explanation plan = Ask(text, true);
  EXPECT_EQ(plan.operators.back().depth, 1U) << "the tree is whole but for what lies too deep";
  EXPECT_EQ(plan.operators.size() + plan.operators_left_out, 10'001U);
  EXPECT_LT(ExplanationText(plan).size(), 400'000U);
}

}  // namespace
}  // namespace baro::query

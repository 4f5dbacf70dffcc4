#include "query/exec/equal_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "query/engine.h"
#include "query/exec/shared_results.h"
#include "query/parser.h"
#include "tsdb/memory_reader.h"

namespace baro::query::exec {
namespace {

// How many aggregations of the query have an equal one.
std::size_t Shared(std::string_view query) {
  const auto ast = ParseQuery(query, {});
  EXPECT_TRUE(ast) << query;
  const auto plan = Plan::Make(*ast, {.start_ms = 0, .end_ms = 60'000, .step_ms = 1000});
  EXPECT_TRUE(plan) << query;
  return static_cast<std::size_t>(std::ranges::count_if(
      PostOrder(ast->root()), [&](const Expr* expr) { return plan->of(*expr).same_as.has_value(); }));
}

TEST(EqualParts, AreAggregationsOfEqualTextAndUse) {
  EXPECT_EQ(Shared("sum(x) / sum(x)"), 2U);
  EXPECT_EQ(Shared("sum by (a) (x{b='1',c='2'}) / (1 + sum  by(a)(x{c=\"2\", b=\"1\"}))"), 2U);
  EXPECT_EQ(Shared("max(sum by (a) (x)) - min(sum by (a) (x))"), 2U);
  EXPECT_EQ(Shared("max(sum(x)) - max(sum(x))"), 4U);
  EXPECT_EQ(Shared("sum(x) / count(x)"), 0U);
  EXPECT_EQ(Shared("sum(x) / sum(x offset 5m)"), 0U);
  EXPECT_EQ(Shared("sum(x @ 5) / sum(x @ 6)"), 0U);
  EXPECT_EQ(Shared("rate(x[5m]) / rate(x[5m])"), 0U) << "it is better to read twice than to hold";
  EXPECT_EQ(Shared("sum(x)"), 0U);
  // Asked for the count of histograms alone, storage looks for resets.
  EXPECT_EQ(Shared("histogram_count(sum(h)) / histogram_quantile(0.5, sum(h))"), 0U);
  EXPECT_EQ(Shared("histogram_count(sum(h)) / histogram_count(sum(h))"), 2U);
}

class SharingTest : public testing::Test {
 protected:
  static std::vector<tsdb::LiteralSeries> Series() {
    std::vector<tsdb::LiteralSeries> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back({.labels = model::Labels::FromPairs(
                         {{"__name__", "x"}, {"g", i < 2 ? "a" : "b"}, {"i", fmt::format("{}", i)}}),
                     .samples = {{.timestamp_ms = 0, .value = 1.0 + i}, {.timestamp_ms = 30'000, .value = 10.0 * i}},
                     .histograms = {}});
    }
    return all;
  }

  QueryResult Ask(const std::string& text) const {
    Engine engine({}, {.source = &source_});
    auto result = engine.Range(text, {.start_ms = 0, .end_ms = 60'000, .step_ms = 10'000});
    EXPECT_TRUE(result) << text;
    return *std::move(result);
  }
  static std::vector<double> Values(const QueryResult& result) {
    std::vector<double> values;
    const auto& series = std::get<MatrixResult>(result.value).series;
    for (std::size_t i = 0; i < series.size(); ++i) {
      for (const double value : series.values(i)) values.push_back(value);
    }
    return values;
  }

  const tsdb::MemoryReaderSource source_{Series()};
};

TEST_F(SharingTest, ReadsOnceAndCountsTwice) {
  const QueryResult one = Ask("sum by (g) (x)");
  const QueryResult two = Ask("sum by (g) (x) + on (g) sum by (g) (x)");
  EXPECT_EQ(two.stats.samples_read, one.stats.samples_read);
  EXPECT_EQ(two.stats.samples_queryable, 2 * one.stats.samples_queryable) << "as Prometheus counts";
  std::vector<double> doubled = Values(one);
  for (double& value : doubled) value *= 2;
  EXPECT_EQ(Values(two), doubled);
}

TEST_F(SharingTest, WhoChangesItsCopyChangesNoOther) {
  EXPECT_EQ(Values(Ask("(sum by (g) (x) > 15) or (sum by (g) (x) * 0)")),
            Values(Ask("(sum by (g) (x) > 15) or (sum by (g) (x + 0) * 0)")));
  EXPECT_EQ(Values(Ask("topk(1, sum by (g) (x)) or -sum by (g) (x)")),
            Values(Ask("topk(1, sum by (g) (x)) or -sum by (g) (x + 0)")));
}

TEST_F(SharingTest, ASubqueryHasStepsOfItsOwn) {
  EXPECT_EQ(Values(Ask("max_over_time(sum(x)[20s:5s]) - sum(x)")),
            Values(Ask("max_over_time(sum(x + 0)[20s:5s]) - sum(x)")));
}

TEST_F(SharingTest, WhatWasSaidIsSaidOfEach) {
  const QueryResult result = Ask("quantile(2, x) + quantile(2, x)");
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_EQ(result.warnings[0].line, 1U);
  EXPECT_EQ(result.warnings[0].column, 27U) << "the place where it was seen last";
}

TEST(SharedResults, KeepWhatIsSmallAndFits) {
  Budget budget(1 << 20, 0);
  SharedResults results(budget);
  const SharedResults::Key key(1, {.start_ms = 0, .step_ms = 1, .count = 1000});
  const auto vector = [&](std::size_t rows) {
    Vector made;
    made.cells = *Cells::Make(budget, 0, 1000);
    for (std::size_t i = 0; i < rows; ++i) EXPECT_TRUE(made.AddRow({}));
    return made;
  };
  EXPECT_FALSE(*results.Find(key));
  {
    const Vector large = vector(70);
    results.Keep(key, large, 1);
  }
  EXPECT_FALSE(*results.Find(key)) << "two of them would pass the budget";
  results.Keep(key, vector(3), 7);
  const auto found = results.Find(key);
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->vector.rows(), 3U);
  EXPECT_EQ((*found)->samples_queryable, 7U);
  EXPECT_FALSE(*results.Find(SharedResults::Key(2, {.start_ms = 0, .step_ms = 1, .count = 1000})));
  EXPECT_FALSE(*results.Find(SharedResults::Key(1, {.start_ms = 1, .step_ms = 1, .count = 1000})));
}

}  // namespace
}  // namespace baro::query::exec

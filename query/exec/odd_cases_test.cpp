// Cases that differential fuzzing beside Prometheus found (tests/differential).
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/sim_clock.h"
#include "query/engine.h"
#include "tsdb/memory_reader.h"

namespace baro::query {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// huge is 1e23, nothing is NaN, shape has the labels i and mode; all at 0 s.
class OddCases : public testing::Test {
 protected:
  static tsdb::LiteralSeries Series(std::initializer_list<model::LabelView> labels, double value) {
    return {.labels = model::Labels::FromPairs(labels), .samples = {{0, value}}, .histograms = {}};
  }

  OddCases()
      : source_({Series({{"__name__", "huge"}}, 1e23), Series({{"__name__", "nothing"}}, std::nan("")),
                 Series({{"__name__", "endless"}}, kInf), Series({{"__name__", "shape"}, {"i", "0"}, {"mode", "a"}}, 1),
                 Series({{"__name__", "shape"}, {"i", "0"}, {"mode", "b"}}, 2)}) {}

  // Label sets and values of an instant query.
  std::map<std::string, double> Ask(std::string_view text) {
    Engine engine({}, {.source = &source_, .clock = &clock_});
    const auto result = engine.Instant(text, 1000);
    std::map<std::string, double> values;
    if (!result) {
      ADD_FAILURE() << text << ": " << result.error().message();
      return values;
    }
    const SeriesTable& series = std::get<VectorResult>(result->value).series;
    for (std::size_t i = 0; i < series.size(); ++i) values[series.labels(i).ToString()] = series.values(i)[0];
    return values;
  }

  using Values = std::map<std::string, double>;

  tsdb::MemoryReaderSource source_;
  base::SimClock clock_;
};

TEST_F(OddCases, CountsValuesUnderTheirShortestText) {
  EXPECT_EQ(Ask("count_values('v', huge)"), (Values{{R"({v="100000000000000000000000"})", 1}}));
}

TEST_F(OddCases, CountsTogetherWhenTheLabelOfTheValueIsTakenAway) {
  EXPECT_EQ(Ask("count_values without (mode) ('mode', shape)"), (Values{{R"({i="0"})", 2}}));
  EXPECT_EQ(Ask("count_values without (mode) ('i', shape)"), (Values{{R"({i="1"})", 1}, {R"({i="2"})", 1}}));
  EXPECT_EQ(Ask("count_values by (mode) ('mode', shape)"), (Values{{R"({mode="1"})", 1}, {R"({mode="2"})", 1}}));
}

TEST_F(OddCases, HasOneDateForAllThatIsNoTime) {
  for (const std::string name : {"huge", "nothing", "endless", "-huge", "-endless"}) {
    EXPECT_EQ(Ask("year(" + name + ")"), (Values{{"{}", 292'277'026'596}})) << name;
    EXPECT_EQ(Ask("day_of_year(" + name + ")"), (Values{{"{}", 339}})) << name;
    EXPECT_EQ(Ask("day_of_month(" + name + ")"), (Values{{"{}", 4}})) << name;
    EXPECT_EQ(Ask("hour(" + name + ")"), (Values{{"{}", 15}})) << name;
    EXPECT_EQ(Ask("minute(" + name + ")"), (Values{{"{}", 30}})) << name;
  }
}

TEST_F(OddCases, RefusesAmbiguousPartnersWhetherOrNotAComparisonLeavesThemOut) {
  Engine engine({}, {.source = &source_, .clock = &clock_});
  for (const char* query :
       {"shape < on (i) max by (i) (shape)", "shape > on (i) max by (i) (shape)",
        "shape < on (i) group_left (mode) max by (i) (shape)", "shape > on (i) group_left (mode) max by (i) (shape)"}) {
    const auto result = engine.Instant(query, 1000);
    ASSERT_FALSE(result) << query;
    EXPECT_NE(result.error().message().find("multiple matches for labels"), std::string::npos) << query;
  }
  EXPECT_EQ(Ask("shape < on (i) group_left max by (i) (shape)").size(), 1U);
}

TEST_F(OddCases, ClampsToAnInfinityWhateverTheOtherIs) {
  EXPECT_EQ(Ask("clamp_max(-endless, NaN)"), (Values{{"{}", -kInf}}));
  EXPECT_EQ(Ask("clamp_min(endless, NaN)"), (Values{{"{}", kInf}}));
  EXPECT_EQ(Ask("clamp_max(nothing, -Inf)"), (Values{{"{}", -kInf}}));
  EXPECT_TRUE(std::isnan(Ask("clamp_max(endless, NaN)").at("{}")));
  EXPECT_TRUE(std::isnan(Ask("clamp_min(nothing, 1)").at("{}")));
}

TEST_F(OddCases, RefusesSmoothingFactorsWhereThereIsSomethingToSmooth) {
  EngineOptions options;
  options.features.experimental_functions = true;
  Engine engine(options, {.source = &source_, .clock = &clock_});
  EXPECT_FALSE(engine.Instant("double_exponential_smoothing(shape[5m], 0.5, 1)", 1000));
  EXPECT_FALSE(engine.Instant("double_exponential_smoothing(shape[5m], 0, 0.5)", 1000));
  EXPECT_TRUE(engine.Instant("double_exponential_smoothing(shape[5m], 0.5, 1)", -1000));
  EXPECT_TRUE(engine.Instant("double_exponential_smoothing(shape[1m], 0.5, 1)", 100'000));
}

TEST_F(OddCases, LetsHyperbolicFunctionsOverflowAsExpDoes) {
  EXPECT_EQ(Ask("sinh(vector(710))"), (Values{{"{}", kInf}}));
  EXPECT_EQ(Ask("sinh(vector(-710))"), (Values{{"{}", -kInf}}));
  EXPECT_EQ(Ask("cosh(vector(-710))"), (Values{{"{}", kInf}}));
  EXPECT_EQ(Ask("sinh(vector(709))").size(), 1U);
  EXPECT_TRUE(std::isfinite(Ask("sinh(vector(709))").at("{}")));
}

// Resets are added to the difference one after the other, not summed first: that would overflow here.
TEST(OddSums, AddsWhatStoodBeforeResetsInOrder) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const tsdb::MemoryReaderSource source({{.labels = model::Labels::FromPairs({{"__name__", "x"}}),
                                          .samples = {{0, 0.6 * kMax}, {1000, 0}, {2000, 0.6 * kMax}, {3000, 0}},
                                          .histograms = {}}});
  base::SimClock clock;
  Engine engine({}, {.source = &source, .clock = &clock});
  const auto result = engine.Instant("increase(x[4s])", 3000);
  ASSERT_TRUE(result);
  EXPECT_TRUE(std::isfinite(std::get<VectorResult>(result->value).series.values(0)[0]));
}

// Sums that leave the range of doubles depend on the order; a range query adds in the same order as an instant query.
TEST(OddSums, AreTheSameInRangesAndInstants) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const std::vector<double> values = {1, kMax, kMax, -kMax, -kInf, 3, 1e300, kMax, -kMax, 7, kInf, 2, kMax, kMax, 5};
  tsdb::LiteralSeries series{.labels = model::Labels::FromPairs({{"__name__", "x"}}), .samples = {}, .histograms = {}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    series.samples.push_back({static_cast<std::int64_t>(i) * 1000, values[i]});
  }
  const tsdb::MemoryReaderSource source({series});
  base::SimClock clock;
  Engine engine({}, {.source = &source, .clock = &clock});
  for (const char* query : {"sum_over_time(x[4s500ms])", "avg_over_time(x[4s500ms])", "sum_over_time(x[11s])"}) {
    const auto range = engine.Range(query, {.start_ms = 0, .end_ms = 20'000, .step_ms = 1000});
    ASSERT_TRUE(range) << query;
    const SeriesTable& table = std::get<MatrixResult>(range->value).series;
    ASSERT_EQ(table.size(), 1U);
    for (std::size_t i = 0; i < table.values(0).size(); ++i) {
      const auto instant = engine.Instant(query, table.timestamps_ms(0)[i]);
      ASSERT_TRUE(instant) << query;
      const double want = std::get<VectorResult>(instant->value).series.values(0)[0];
      const double got = table.values(0)[i];
      EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
          << query << " at " << i << ": " << got << ", " << want;
    }
  }
}

}  // namespace
}  // namespace baro::query

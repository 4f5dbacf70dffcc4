#include "tests/promql_script/promql_script.h"

#include <gtest/gtest.h>

namespace baro::conformance {
namespace {

TEST(PromqlScript, ReadsLoadClearAndEval) {
  const auto script = ParseScript("x.test", R"(# A comment.
load 5m
	up{job="a"}	0+10x2 _ stale
	# in between
	latency {{schema:0 sum:5 count:4 buckets:[1 2 1]}}x1
	latency@st -1m _

load_with_nhcb 30s
  x 1

eval instant at 50m sum by (job) (up)
	expect warn
	expect no_info
  expect ordered
	{job="a"} 20
clear
eval range from 0 to 1m30s step 30s x
	expect info msg: some text (1:2)
	expect fail regex: a.*b
	x 1 _ 3
eval instant at -10.5 1 + 1
	2
eval instant at 5 "a b"
	expect string `a b`
eval instant at 1m x[1m]
	expect range vector from 10s to 1m step 10s
	x 1 2
eval_fail instant at 0 -{job="api"})");
  ASSERT_TRUE(script) << script.error().message();
  ASSERT_EQ(script->size(), 9U);
  const auto& load = std::get<LoadCommand>((*script)[0]);
  EXPECT_EQ(load.line, 2);
  EXPECT_EQ(load.step_ms, 300'000);
  EXPECT_FALSE(load.with_nhcb);
  ASSERT_EQ(load.series.size(), 3U);
  EXPECT_EQ(load.series[0].values.size(), 5U);
  EXPECT_TRUE(load.series[2].is_start_times);
  EXPECT_TRUE(std::get<LoadCommand>((*script)[1]).with_nhcb);
  const auto& instant = std::get<EvalCommand>((*script)[2]);
  EXPECT_EQ(instant.query, "sum by (job) (up)");
  EXPECT_EQ(instant.start_ms, 3'000'000);
  EXPECT_FALSE(instant.is_range);
  EXPECT_TRUE(instant.Expects(Expectation::Kind::kWarn));
  EXPECT_TRUE(instant.Expects(Expectation::Kind::kNoInfo));
  EXPECT_TRUE(instant.Expects(Expectation::Kind::kOrdered));
  EXPECT_FALSE(instant.ExpectsFailure());
  ASSERT_EQ(instant.expected.size(), 1U);
  EXPECT_EQ(instant.expected[0].values[0].value, 20);
  EXPECT_TRUE(std::holds_alternative<ClearCommand>((*script)[3]));
  const auto& range = std::get<EvalCommand>((*script)[4]);
  EXPECT_TRUE(range.is_range && range.ExpectsFailure());
  EXPECT_EQ(range.end_ms, 90'000);
  EXPECT_EQ(range.step_ms, 30'000);
  EXPECT_EQ(range.expectations[0].text, "some text (1:2)");
  EXPECT_EQ(range.expectations[1].match, Expectation::Match::kRegex);
  const auto& scalar = std::get<EvalCommand>((*script)[5]);
  EXPECT_EQ(scalar.start_ms, -10'500);
  EXPECT_EQ(scalar.expected_scalar, 2);
  EXPECT_EQ(std::get<EvalCommand>((*script)[6]).expected_string, "a b");
  ASSERT_TRUE(std::get<EvalCommand>((*script)[7]).range_vector);
  EXPECT_EQ(std::get<EvalCommand>((*script)[7]).range_vector->step_ms, 10'000);
  EXPECT_TRUE(std::get<EvalCommand>((*script)[8]).ExpectsFailure());
}

TEST(PromqlScript, NamesTheLineThatIsWrong) {
  struct Row {
    std::string_view script;
    std::string_view want;
  };
  for (const auto& [script, want] : {
           Row{"\nfoo 5m", "x:2: expected a command (load, clear or eval), found \"foo\""},
           Row{"load x", "x:1: \"x\" is no time"},
           Row{"load 0", "x:1: the step must be greater than 0"},
           Row{"eval at 5 x", "x:1: expected \"instant\" or \"range\", found \"at\""},
           Row{"eval range from 5 to 1 step 1 x", "x:1: the times are not in order"},
           Row{"eval instant at 0 x\n expect frobs", "x:2: unknown expectation \"frobs\""},
           Row{"eval instant at 0 x\n expect fail with: y", "x:2: expected \"msg:\" or \"regex:\", found \"with: y\""},
           Row{"eval_odd instant at 0 x", "x:1: unknown command \"eval_odd\""},
       }) {
    const auto parsed = ParseScript("x", script);
    ASSERT_FALSE(parsed) << script;
    EXPECT_EQ(parsed.error().message(), want);
  }
}

}  // namespace
}  // namespace baro::conformance

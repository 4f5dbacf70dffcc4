#include "query/series_notation.h"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/sample.h"

namespace baro::query {
namespace {

std::string Text(const NotationValue& value) {
  switch (value.kind) {
    case NotationValue::Kind::kOmitted:
      return "_";
    case NotationValue::Kind::kFloat:
      return model::IsStaleNaN(value.value) ? "stale" : fmt::format("{}", value.value);
    case NotationValue::Kind::kStartOffset:
      return fmt::format("{}ms", value.offset_ms);
    case NotationValue::Kind::kHistogram:
      return fmt::format("h{}", value.histogram->count);
  }
  return "?";
}

std::string Values(std::string_view text) {
  const auto values = ParseNotationValues(text);
  if (!values) return values.error().message();
  std::string out;
  for (const NotationValue& value : *values) out += (out.empty() ? "" : " ") + Text(value);
  return out;
}

TEST(SeriesNotation, ExpandsValues) {
  struct Row {
    std::string_view text;
    std::string_view want;
  };
  for (const auto& [text, want] : std::vector<Row>{
           {"", ""},
           {"1", "1"},
           {"  1\t2  ", "1 2"},
           {"1+2x3", "1 3 5 7"},
           {"10-1x2", "10 9 8"},
           {"7x2", "7 7 7"},
           {"0x2", "0 0 0"},
           {"-5-1x1", "-5 -6"},
           {"1.5e1+.5x1", "15 15.5"},
           {"1e-1 1E+1", "0.1 10"},
           {"08 .25 3.", "8 0.25 3"},
           {"_ _x3 1", "_ _ _ _ 1"},
           {"stale stalex1", "stale stale stale"},
           {"NaN Inf -Inf +inf nanx1", "nan inf -inf inf nan nan"},
           {"{{}}", "h0"},
           {"{{count:2}}x2", "h2 h2 h2"},
           {"{{count:2}}+{{count:3}}x2 5", "h2 h5 h8 5"},
           {"{{count:9}}-{{count:3}}x2", "h9 h6 h3"},
           {"1 x", "series notation, byte 3: expected a number, found \"x\""},
           {"1y", "series notation, byte 2: expected a blank between values, found \"y\""},
           {"1x", "series notation, byte 3: expected how many more times, found the end"},
           {"1x-2", "series notation, byte 3: expected how many more times, found \"-2\""},
           {"1+x2", "series notation, byte 2: expected a number, found \"+x2\""},
           {"{{count:}}", "series notation, byte 9: expected a number, found \"}}\""},
           {"{{cnt:1}}", "series notation, byte 3: expected a field of a histogram, found \"cnt:1}}\""},
           {"{{schema:1.5}}", "series notation, byte 10: expected a whole number of 32 bits, found \"1.5}}\""},
           {"{{buckets:[1 2}}", "series notation, byte 15: expected a number, found \"}}\""},
           {"{{", "series notation, byte 3: expected \"<field>:\" or \"}}\", found the end"},
           {"{{counter_reset_hint:no}}",
            "series notation, byte 22: expected unknown, reset, not_reset or gauge, found \"no}}\""},
           {"{{schema:1}}+{{schema:0}}x1",
            "series notation: cannot add a histogram of schema 0 to one of finer schema 1"},
           {"1x1000000", "series notation: more than 1000000 values in a line"},
           {"_x18446744073709551615", "series notation: more than 1000000 values in a line"},
       }) {
    EXPECT_EQ(Values(text), want) << text;
  }
}

TEST(SeriesNotation, ReadsHistograms) {
  const auto series = ParseNotationSeries(
      R"(h{a="}"} {{schema:1 sum:-0.5 count:12 z_bucket:2 z_bucket_w:0.001 buckets:[2 3 0 ] offset:-3 )"
      R"(n_buckets:[1] n_offset:2 counter_reset_hint:gauge}} {{schema:-53 custom_values:[5 10] )"
      R"(buckets:[1 2 1]}})");
  ASSERT_TRUE(series) << series.error().message();
  EXPECT_EQ(series->labels.Get("a"), "}");
  ASSERT_EQ(series->values.size(), 2U);
  const model::FloatHistogram& first = *series->values[0].histogram;
  EXPECT_TRUE(series->values[0].has_reset_hint);
  EXPECT_EQ(first.counter_reset_hint, model::CounterResetHint::kGauge);
  EXPECT_EQ(first.schema, 1);
  EXPECT_EQ(first.sum, -0.5);
  EXPECT_EQ(first.count, 12);
  EXPECT_EQ(first.zero_count, 2);
  EXPECT_EQ(first.zero_threshold, 0.001);
  EXPECT_EQ(first.positive_spans, (std::vector<model::Span>{{-3, 3}}));
  EXPECT_EQ(first.positive_buckets, (std::vector<double>{2, 3, 0}));
  EXPECT_EQ(first.negative_spans, (std::vector<model::Span>{{2, 1}}));
  const model::FloatHistogram& second = *series->values[1].histogram;
  EXPECT_FALSE(series->values[1].has_reset_hint);
  EXPECT_EQ(second.custom_values, (std::vector<double>{5, 10}));
  EXPECT_EQ(second.positive_buckets.size(), 3U);
}

TEST(SeriesNotation, ReadsLabelsAndStartTimes) {
  const auto series = ParseNotationSeries(R"(	x{a="b c",}@st	_ -30s-1mx2 1ms 0 +1m)");
  ASSERT_TRUE(series) << series.error().message();
  EXPECT_TRUE(series->is_start_times);
  EXPECT_EQ(series->labels.metric_name(), "x");
  std::string values;
  for (const NotationValue& value : series->values) values += Text(value) + " ";
  EXPECT_EQ(values, "_ -30000ms -90000ms -150000ms 1ms 0ms 60000ms ");
  EXPECT_TRUE(ParseNotationSeries("x@st -1m")->is_start_times);
  EXPECT_TRUE(ParseNotationSeries("{} 1")->labels.empty());
  EXPECT_EQ(ParseNotationSeries(R"({"a.b", "c d"="e"} 1)")->labels.metric_name(), "a.b");
  EXPECT_EQ(ParseNotationLabels(R"(x{a=""})")->size(), 1U);
  for (const std::string_view bad :
       {"", "x{a!=\"b\"}", "x{a=~\"b\"}", "x{a=\"b\"} 1", "x{a=\"1\", a=\"2\"}", "x{__name__=\"y\"}", "1"}) {
    EXPECT_FALSE(ParseNotationLabels(bad)) << bad;
  }
}

}  // namespace
}  // namespace baro::query

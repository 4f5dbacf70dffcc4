#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/random.h"
#include "base/secret.h"

namespace baro::base {
namespace {

using namespace std::chrono_literals;

TEST(DurationText, ReadsAndPrintsAsPrometheus) {
  struct Row {
    const char* text;
    std::chrono::milliseconds want;
    const char* printed;
  };
  const Row kRows[] = {{"0", 0ms, "0s"},          {"0s", 0ms, "0s"},
                       {"15s", 15s, "15s"},       {"90s", 90s, "1m30s"},
                       {"1h30m", 90min, "1h30m"}, {"1d", 24h, "1d"},
                       {"36h", 36h, "1d12h"},     {"14d", 336h, "2w"},
                       {"1y", 8760h, "1y"},       {"1500ms", 1500ms, "1s500ms"},
                       {"1w2d", 216h, "9d"}};
  for (const Row& row : kRows) {
    const auto duration = ParseDuration(row.text);
    ASSERT_TRUE(duration) << row.text << ": " << duration.error().message();
    EXPECT_EQ(*duration, row.want) << row.text;
    EXPECT_EQ(FormatDuration(row.want), row.printed) << row.text;
  }
}

TEST(DurationText, RefusesWhatIsNone) {
  for (const char* text :
       {"", "5", "s", "5x", "1m1h", "1s1s", "-5s", "5 s", "1.5h", "99999999999y", "9223372036854775808s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(DurationText, WhatItPrintsItReads) {
  SeededRandom random(3);
  for (int i = 0; i < 10'000; ++i) {
    const std::chrono::milliseconds duration(random.NextU64() >> (22 + random.Below(42)));
    EXPECT_EQ(*ParseDuration(FormatDuration(duration)), duration);
  }
}

TEST(DurationText, PrintsNegativeOnesWithASign) {
  EXPECT_EQ(FormatDuration(-90s), "-1m30s");
  EXPECT_EQ(FormatDuration(std::chrono::milliseconds::min()).front(), '-');
}

TEST(NumberText, ReadsGoNumbersAndNothingElse) {
  EXPECT_EQ(ParseFloat("1e3"), 1000);
  EXPECT_EQ(ParseFloat("+.5"), 0.5);
  EXPECT_EQ(ParseFloat("-5."), -5);
  EXPECT_EQ(ParseFloat("+Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseFloat("-inFinity"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*ParseFloat("NaN")));
  EXPECT_TRUE(std::signbit(*ParseFloat("-0")));
  EXPECT_EQ(ParseFloat("1e999"), std::numeric_limits<double>::infinity());
  for (const char* text : {"", "+", "e5", "1e", "0x10", "1_000", " 1", "1 ", "-NaN", "infi", "--1", "1..2"}) {
    EXPECT_FALSE(ParseFloat(text)) << text;
  }
}

TEST(NumberText, PrintsTheShortestTextThatReadsBack) {
  const std::pair<double, const char*> kRows[] = {
      {0, "0"},        {-0.0, "-0"},       {1, "1"},        {0.1, "0.1"},   {1e20, "100000000000000000000"},
      {1e21, "1e+21"}, {1e-6, "0.000001"}, {1e-7, "1e-07"}, {-1.5, "-1.5"}, {std::nan(""), "NaN"}};
  for (const auto& [value, want] : kRows) EXPECT_EQ(FormatFloat(value), want);
  SeededRandom random(4);
  for (int i = 0; i < 10'000; ++i) {
    const double value = std::bit_cast<double>(random.NextU64());
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(ParseFloat(FormatFloat(value)), value);
  }
}

TEST(Secret, CannotBePrinted) {
  const Secret secret("hush");
  EXPECT_EQ(fmt::format("{}", secret), "<secret>");
  EXPECT_EQ(secret, Secret("hush"));
  EXPECT_NE(secret, Secret("hush!"));
  EXPECT_NE(secret, Secret("hesh"));
}

}  // namespace
}  // namespace baro::base

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/size_text.h"

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

TEST(SizeText, ReadsAndPrints) {
  const struct {
    std::string_view text;
    std::uint64_t want;
    std::string_view printed;
  } rows[] = {{"0", 0, "0B"},
              {"0B", 0, "0B"},
              {"512MB", 512U << 20, "512MiB"},
              {"1GiB", 1U << 30, "1GiB"},
              {"1025KB", 1025 << 10, "1025KiB"},
              {"7EB", 7ULL << 60, "7EiB"}};
  for (const auto& row : rows) {
    const auto size = ParseSize(row.text);
    ASSERT_TRUE(size) << row.text;
    EXPECT_EQ(*size, row.want);
    EXPECT_EQ(FormatSize(*size), row.printed);
  }
  for (const std::string_view text : {"", "1", "-1GB", "GB", "1 GB", "1XB", "8EB", "99999999999999999999B"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
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

TEST(NumberText, ReadsWhatGoReadsAndNothingElse) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  struct Row {
    std::string_view text;
    std::optional<double> want;
  };
  constexpr Row kRows[] = {{"0", 0.0},
                           {"-0", -0.0},
                           {"+1.5", 1.5},
                           {".5", 0.5},
                           {"5.", 5.0},
                           {"1e3", 1000.0},
                           {"1E-3", 0.001},
                           {"-12.5e+2", -1250.0},
                           {"0000000000000000000000000000000000001.2e-1", 0.12},
                           {"9223372036854775808", 9223372036854775808.0},
                           {"1.7976931348623157e308", 1.7976931348623157e308},
                           {"5e-324", 5e-324},
                           {"1e-400", 0.0},
                           {"inf", kInf},
                           {"+Inf", kInf},
                           {"-INFINITY", -kInf},
                           {"1e309", {}},  // beyond the range: an error in Go
                           {"", {}},
                           {"+", {}},
                           {"-", {}},
                           {".", {}},
                           {"e5", {}},
                           {"1e", {}},
                           {"1e+", {}},
                           {"1x", {}},
                           {"1_2", {}},
                           {"0x1p-3", {}},
                           {"0x1", {}},
                           {"0b1", {}},
                           {"+nan", {}},
                           {"-nan", {}},
                           {"nan(1)", {}},
                           {"infinit", {}},
                           {"--1", {}},
                           {"+-1", {}},
                           {" 1", {}},
                           {"1 ", {}},
                           {"1.1.1", {}}};
  for (const auto& [text, want] : kRows) {
    const std::optional<double> got = ParseFloat(text);
    EXPECT_EQ(got, want) << text;
    if (got && want) {
      EXPECT_EQ(std::signbit(*got), std::signbit(*want)) << text;
    }
  }
}

TEST(NumberText, GivesEveryNanGosBits) {
  for (const std::string_view text : {"NaN", "nan", "NAN"}) {
    const std::optional<double> got = ParseFloat(text);
    ASSERT_TRUE(got);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(*got), 0x7ff8000000000001U);
  }
}

TEST(NumberText, PrintsTheShortestTextThatReadsBack) {
  const std::pair<double, const char*> kRows[] = {{0, "0"},
                                                  {-0.0, "-0"},
                                                  {1, "1"},
                                                  {0.1, "0.1"},
                                                  {1e20, "100000000000000000000"},
                                                  {1e21, "1e+21"},
                                                  {1e-6, "0.000001"},
                                                  {1e-7, "1e-07"},
                                                  {-1.5, "-1.5"},
                                                  {std::nan(""), "NaN"},
                                                  {123456789012345678901.0, "123456789012345680000"},
                                                  {-9007199254740994.0, "-9007199254740994"}};
  for (const auto& [value, want] : kRows) EXPECT_EQ(FormatFloat(value), want);
  SeededRandom random(4);
  for (int i = 0; i < 10'000; ++i) {
    const double value = std::bit_cast<double>(random.NextU64());
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(ParseFloat(FormatFloat(value)), value);
  }
}

TEST(NumberText, ShortDecimalsAreAsTheGeneralWayPrintsThem) {
  SeededRandom random(5);
  for (int i = 0; i < 100'000; ++i) {
    const auto digits = static_cast<std::int64_t>(random.NextU64() >> random.Below(64));
    constexpr double kScales[] = {1, 10, 100, 1000, 10'000, 0.1};
    const double value = static_cast<double>(digits) / kScales[random.Below(std::size(kScales))];
    // Above 2^53 the general way prints all digits of the value, not the shortest.
    if (std::fabs(value) >= 9007199254740992 || (value != 0 && std::fabs(value) < 1e-6)) continue;
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
    EXPECT_EQ(FormatFloat(value), std::string_view(buffer.data(), end));
  }
}

TEST(NumberText, PrintsAsStrconvDoes) {
  struct Row {
    double value;
    std::string_view g, f;
  };
  constexpr Row kRows[] = {{0, "0", "0"},
                           {-0.0, "-0", "-0"},
                           {1, "1", "1"},
                           {1e5, "100000", "100000"},
                           {1e6, "1e+06", "1000000"},
                           {123456789, "1.23456789e+08", "123456789"},
                           {1.5e-7, "1.5e-07", "0.00000015"},
                           {0.0001, "0.0001", "0.0001"},
                           {1e-5, "1e-05", "0.00001"},
                           {9007199254740993.0, "9.007199254740992e+15", "9007199254740992"},
                           {123456789012345678901.0, "1.2345678901234568e+20", "123456789012345680000"},
                           {-1e23, "-1e+23", "-100000000000000000000000"},
                           {2.5e30, "2.5e+30", "2500000000000000000000000000000"}};
  for (const auto& [value, g, f] : kRows) {
    std::string text;
    AppendFloatG(text, value);
    EXPECT_EQ(text, g);
    text.clear();
    AppendFloatF(text, value);
    EXPECT_EQ(text, f);
  }
  std::string specials;
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) AppendFloatG(specials, value);
  EXPECT_EQ(specials, "NaN+Inf-Inf");
  for (const double value : {5e-324, 1.7976931348623157e308, -2.2250738585072014e-308}) {
    std::string text;
    AppendFloatF(text, value);
    EXPECT_EQ(std::strtod(text.c_str(), nullptr), value);
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

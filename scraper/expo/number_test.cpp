#include "scraper/expo/number.h"

#include <cmath>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/number_text.h"

namespace baro::scraper::expo {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(ParsePlainNumber, AgreesWithParseFloatBitByBit) {
  std::mt19937_64 random(7);
  const auto check = [](const std::string& text) {
    const std::string line = text + "\n";
    double plain = 0;
    const char* const behind = ParsePlainNumber(line.data(), line.data() + line.size(), plain);
    const std::optional<double> want = base::ParseFloat(text);
    if (behind == nullptr || *behind != '\n') return;  // leaves it to the slow path
    ASSERT_TRUE(want) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(plain), std::bit_cast<std::uint64_t>(*want)) << text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const double any = std::bit_cast<double>(random());
    if (std::isfinite(any)) check(fmt::format("{}", any));
    check(fmt::format("{}", static_cast<std::int64_t>(random()) >> (random() % 60)));
    check(fmt::format("{}.{}", random() >> (random() % 64), random() >> (random() % 64)));
    check(fmt::format("{}e{}", random() >> (random() % 64), static_cast<int>(random() % 700) - 350));
    check(fmt::format("0.{:0>{}}", random() >> 40, 1 + random() % 30));
  }
  for (const char* text : {"", "-", ".", "1e", "1e+", "-.", "x", "+1", "NaN", "1e99999999999999999999", "0e99999"})
    check(text);
}

TEST(ParsePlainNumber, TakesCommonNumbers) {
  for (const std::string_view text :
       {"0", "-1", "1.5", "2.1102016e+07", "1e-05", "12345678901234567890", "0.000123456789012345678"}) {
    const std::string line = std::string(text) + "\n";
    double value = 0;
    EXPECT_EQ(ParsePlainNumber(line.data(), line.data() + line.size(), value), line.data() + text.size()) << text;
  }
}

TEST(AppendOpenMetricsNumber, WritesBoundsAsPrometheusDoes) {
  struct Row {
    double value;
    std::string_view want;
  };
  constexpr Row kRows[] = {{0, "0.0"},
                           {-0.0, "-0.0"},
                           {1, "1.0"},
                           {-1, "-1.0"},
                           {10, "10.0"},
                           {0.5, "0.5"},
                           {0.25, "0.25"},
                           {12.5, "12.5"},
                           {-0.0001, "-0.0001"},
                           {0.00001, "1e-05"},
                           {100000, "100000.0"},
                           {999999.5, "999999.5"},
                           {1e6, "1e+06"},
                           {1555555.55555552, "1.55555555555552e+06"},
                           {1e23, "1e+23"},
                           {8.999999999999998, "8.999999999999998"},
                           {kInf, "+Inf"},
                           {-kInf, "-Inf"},
                           {std::numeric_limits<double>::quiet_NaN(), "NaN"}};
  for (const auto& [value, want] : kRows) {
    std::string got;
    AppendOpenMetricsNumber(value, got);
    EXPECT_EQ(got, want);
    EXPECT_LE(got.size(), kNumberBytesMax);
  }
}

TEST(AppendOpenMetricsNumber, KeepsEveryDoubleAndItsPromisedLength) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    std::string text;
    AppendOpenMetricsNumber(value, text);
    EXPECT_EQ(base::ParseFloat(text), value) << text;
    EXPECT_LE(text.size(), kNumberBytesMax);
  }
}

}  // namespace
}  // namespace baro::scraper::expo

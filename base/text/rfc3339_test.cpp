#include "base/rfc3339.h"

#include <gtest/gtest.h>

namespace baro::base {
namespace {

TEST(Rfc3339, ReadsTimesAndNothingElse) {
  struct Row {
    const char* text;
    std::optional<std::int64_t> want;
  };
  const Row rows[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2023-11-14T22:13:20Z", 1'700'000'000'000},
      {"2023-11-14t22:13:20.1239z", 1'700'000'000'123},
      {"2023-11-15T00:13:20+02:00", 1'700'000'000'000},
      {"2023-11-14T16:43:20.5-05:30", 1'700'000'000'500},
      {"1969-12-31T23:59:59.999Z", -1},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"2023-02-29T00:00:00Z", std::nullopt},
      {"2023-11-14T24:00:00Z", std::nullopt},
      {"2023-11-14T22:13:20", std::nullopt},
      {"2023-11-14T22:13:20.Z", std::nullopt},
      {"2023-11-14 22:13:20Z", std::nullopt},
      {"2023-11-14T22:13:20Z ", std::nullopt},
      {"2023-1-14T22:13:20Z", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(ParseRfc3339(text), want) << text;
}

TEST(Rfc3339, PrintsMilliseconds) {
  struct Row {
    std::int64_t time_ms;
    std::string_view want;
  };
  constexpr Row kRows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1'700'000'000'005, "2023-11-14T22:13:20.005Z"},
      {1'709'164'799'999, "2024-02-28T23:59:59.999Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {-62'167'219'200'000, "0000-01-01T00:00:00.000Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {253'402'300'800'000, "253402300800.000"},
      {INT64_MIN, "-9223372036854776.192"},
  };
  for (const auto& [time_ms, want] : kRows) EXPECT_EQ(FormatRfc3339(time_ms), want) << time_ms;
}

}  // namespace
}  // namespace baro::base

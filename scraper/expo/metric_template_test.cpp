#include "scraper/expo/metric_template.h"

#include <utility>

#include <gtest/gtest.h>

namespace baro::scraper::expo {
namespace {

constexpr std::string_view kHead = "head of a family";
constexpr std::string_view kField = "tag labels 8 bytes";

void PushFamily(MetricTemplate& to, std::uint32_t number, std::size_t metrics_count) {
  to.PushFamily(number, kHead);
  const std::size_t first = to.size();
  for (std::size_t i = 0; i < metrics_count; ++i) {
    to.Push({.labels = kField.substr(4, 6), .family = number}, number * 100 + i, {}, {.field = kField});
  }
  to.CloseFamily(kHead.size() + metrics_count * kField.size(), first);
}

TEST(MetricTemplate, KnowsFamiliesThatAreNothingButPlainMetrics) {
  MetricTemplate made;
  PushFamily(made, 7, 2);
  made.PushFamily(8, kHead);
  made.Push({.labels = "labels", .family = 8}, 1, {}, {});
  made.CloseFamily(99, 2);
  made.FindRuns();
  EXPECT_TRUE(made.shape(0).is_plain);
  EXPECT_EQ(made.lead(0), kHead);
  EXPECT_EQ(made.StretchOf(0, 1).size_bytes(), kHead.size() + 2 * kField.size());
  EXPECT_EQ(made.shape(0).count, 2U);
  EXPECT_EQ(made.shape(0).run_end, 1U);
  EXPECT_EQ(made.labels(made.entry(1)), "labels");
  EXPECT_FALSE(made.shape(1).is_plain);
  EXPECT_EQ(made.entry(2).family_place, 1U);
}

TEST(MetricTemplate, OfAFamilyThatLostMetricsThePrefixKnowsNothing) {
  MetricTemplate made;
  PushFamily(made, 7, 3);
  MetricTemplate prefix;
  prefix.AssignPrefix(made, 2, 1);
  EXPECT_EQ(prefix.size(), 2U);
  EXPECT_FALSE(prefix.shape(0).is_plain);
}

TEST(MetricTemplate, DoesNotGrowWhenItIsMadeAnewAgainAndAgain) {
  MetricTemplate last;
  for (std::uint32_t number = 0; number < 4; ++number) PushFamily(last, number, 2);
  const std::size_t size_bytes = last.text_bytes();
  for (std::uint32_t round = 0; round < 40; ++round) {
    // All families up to one stay, and its second metric changes.
    const std::uint32_t changed = round % 4;
    MetricTemplate next;
    next.AssignPrefix(last, changed * 2 + 1, changed + 1);
    next.Push({.labels = kField.substr(4, 6), .family = changed}, 1000 + round, {}, {.field = kField});
    next.CloseFamily(kHead.size() + 2 * kField.size(), changed * 2);
    for (std::uint32_t number = changed + 1; number < 4; ++number) PushFamily(next, number, 2);
    ASSERT_EQ(next.text_bytes(), size_bytes) << round;
    last = std::move(next);
    EXPECT_EQ(last.lead(3), kHead);
    last.FindRuns();
    EXPECT_EQ(last.shape(0).run_end, 4U);
  }
}

}  // namespace
}  // namespace baro::scraper::expo

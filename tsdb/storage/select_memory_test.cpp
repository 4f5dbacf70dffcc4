// Selections over the head and over what sources have together are charged, and refused where there is no room.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tsdb/appender.h"
#include "tsdb/block/testing.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using block_testing::CountingBudget;
using testing_support::kStartMs;

class SelectMemoryTest : public ::testing::Test, public testing_support::StorageFixture {
 protected:
  void Append(int series, std::int64_t timestamp_ms) {
    auto appender = storage().NewAppender();
    for (int i = 0; i < series; ++i) {
      const auto labels = model::Labels::FromPairs({{"__name__", "m"}, {"i", fmt::format("{}", i)}});
      const SeriesRef ref = *appender->Resolve(labels, nullptr);
      ASSERT_EQ(appender->Append(ref, {.timestamp_ms = timestamp_ms, .value = 1.0 * i}), SampleStatus::kAccepted);
    }
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
  }
};

TEST_F(SelectMemoryTest, OfTheHeadIsChargedAndRefused) {
  Open();
  constexpr int kSeries = 500;
  Append(kSeries, kStartMs);
  const std::vector<model::Matcher> matchers = {model::Matcher::Equal("__name__", "m")};
  CountingBudget budget(SIZE_MAX);
  std::size_t needed = 0;
  {
    const auto selection = storage().OpenReader()->Select({.matchers = matchers, .range = {}, .memory = &budget}, {});
    ASSERT_TRUE(selection);
    ASSERT_EQ((*selection)->size(), std::size_t{kSeries});
    needed = budget.used();
    EXPECT_GT(needed, std::size_t{kSeries} * 32);
  }
  EXPECT_EQ(budget.used(), 0U);
  CountingBudget small(needed - 1);
  const auto refused = storage().OpenReader()->Select({.matchers = matchers, .range = {}, .memory = &small}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kLimitExceeded);
  EXPECT_EQ(small.used(), 0U);
}

}  // namespace
}  // namespace baro::tsdb

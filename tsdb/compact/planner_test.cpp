#include "tsdb/compact/planner.h"

#include <random>

#include <gtest/gtest.h>

namespace baro::tsdb {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kHour = 3'600'000;

BlockMeta Block(std::int64_t begin_hour, std::int64_t end_hour) {
  BlockMeta meta;
  meta.min_time_ms = begin_hour * kHour;
  meta.max_time_ms = end_hour * kHour;
  return meta;
}

std::vector<std::size_t> Plan(const std::vector<BlockMeta>& metas, std::chrono::hours longest = 162h) {
  return PlanCompaction(metas, CompactionRanges(2h, longest));
}

using Indices = std::vector<std::size_t>;

TEST(CompactionPlanner, RangesTripleUpToTheLongest) {
  EXPECT_EQ(CompactionRanges(2h, 20h), (std::vector<std::int64_t>{2 * kHour, 6 * kHour, 18 * kHour}));
  EXPECT_EQ(CompactionRanges(2h, 1h), (std::vector<std::int64_t>{2 * kHour}));
}

TEST(CompactionPlanner, JoinsAFullWindowButNeverTheNewestBlock) {
  EXPECT_EQ(Plan({Block(0, 2), Block(2, 4), Block(4, 6)}), Indices());
  EXPECT_EQ(Plan({Block(0, 2), Block(2, 4), Block(4, 6), Block(6, 8)}), (Indices{0, 1, 2}));
}

TEST(CompactionPlanner, JoinsAWindowWithGapsWhenNothingMoreCanCome) {
  EXPECT_EQ(Plan({Block(0, 2), Block(4, 6), Block(6, 8)}), (Indices{0, 1}));
  EXPECT_EQ(Plan({Block(0, 2), Block(2, 4), Block(4, 6)}), Indices());
  EXPECT_EQ(Plan({Block(2, 4), Block(8, 10)}), Indices()) << "one block in its window stays as it is";
}

TEST(CompactionPlanner, GoesOnWithTheNextLevel) {
  EXPECT_EQ(Plan({Block(0, 6), Block(6, 12), Block(12, 18), Block(18, 20)}), (Indices{0, 1, 2}));
  EXPECT_EQ(Plan({Block(0, 6), Block(6, 12), Block(12, 18), Block(18, 20)}, 6h), Indices());
}

TEST(CompactionPlanner, JoinsOverlapsFirstAlsoWithTheNewest) {
  EXPECT_EQ(Plan({Block(0, 2), Block(2, 4), Block(3, 4)}), (Indices{1, 2}));
  EXPECT_EQ(Plan({Block(0, 9), Block(1, 2), Block(8, 12), Block(20, 22)}), (Indices{0, 1, 2}));
}

TEST(CompactionPlanner, WindowsBeforeTheEpochAreAlignedToo) {
  EXPECT_EQ(Plan({Block(-6, -4), Block(-4, -2), Block(-2, 0), Block(0, 2)}), (Indices{0, 1, 2}));
}

// Applied until it says nothing, it ends, keeps all time covered, and leaves few blocks.
TEST(CompactionPlanner, ComesToAnEnd) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<BlockMeta> blocks;
    const int hours = 2 * (50 + static_cast<int>(random() % 300));
    for (int hour = 0; hour < hours; hour += 2) {
      if (random() % 8 != 0) blocks.push_back(Block(hour, hour + 2));
      if (random() % 16 == 0) blocks.push_back(Block(hour, hour + 1 + static_cast<int>(random() % 2)));
    }
    std::int64_t steps = 0;
    for (Indices plan = Plan(blocks); !plan.empty(); plan = Plan(blocks)) {
      ASSERT_GE(plan.size(), 2U);
      ASSERT_LT(++steps, 2000);
      BlockMeta joined = blocks[plan.front()];
      for (const std::size_t i : plan) {
        joined.min_time_ms = std::min(joined.min_time_ms, blocks[i].min_time_ms);
        joined.max_time_ms = std::max(joined.max_time_ms, blocks[i].max_time_ms);
      }
      std::ranges::sort(plan, std::ranges::greater());
      for (const std::size_t i : plan) blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
      blocks.push_back(joined);
    }
    EXPECT_LE(blocks.size(), static_cast<std::size_t>(hours / 162 + 1 + 4 * 3)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace baro::tsdb

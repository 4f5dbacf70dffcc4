#include "tsdb/starts/start_times.h"

#include <array>
#include <random>

#include <gtest/gtest.h>

namespace baro::tsdb {
namespace {

TEST(StartTimes, AgreesWithAnArrayForRandomChanges) {
  constexpr std::size_t kTimes = 60;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    std::array<std::int64_t, kTimes> model{};
    StartTimes starts;
    for (int step = 0; step < 40; ++step) {
      const auto at = static_cast<std::size_t>(random() % kTimes);
      const auto start = static_cast<std::int64_t>(random() % 4);
      if (random() % 2 == 0) {
        model[at] = start;
        starts.PutOnce(static_cast<std::int64_t>(at), start);
      } else {
        // Up to the next change, as the runs have it.
        std::size_t end = at + 1;
        const auto runs = starts.runs();
        const auto next = std::ranges::upper_bound(runs, static_cast<std::int64_t>(at), {}, &StartRun::from_ms);
        end = next == runs.end() ? kTimes : static_cast<std::size_t>(next->from_ms);
        for (std::size_t i = at; i < std::min(end, kTimes); ++i) model[i] = start;
        starts.Put(static_cast<std::int64_t>(at), start);
      }
      std::array<std::int64_t, kTimes> times{};
      std::array<std::int64_t, kTimes> got{};
      for (std::size_t i = 0; i < kTimes; ++i) times[i] = static_cast<std::int64_t>(i);
      FillStarts(starts.runs(), times, got);
      ASSERT_EQ(got, model) << "seed " << seed << " step " << step;
      for (std::size_t i = 1; i < starts.runs().size(); ++i) {
        ASSERT_LT(starts.runs()[i - 1].from_ms, starts.runs()[i].from_ms);
      }
    }
    const auto cutoff = static_cast<std::int64_t>(random() % kTimes);
    starts.DropBefore(cutoff);
    for (auto i = static_cast<std::size_t>(cutoff); i < kTimes; ++i) {
      ASSERT_EQ(StartAt(starts.runs(), static_cast<std::int64_t>(i)), model[i]) << "seed " << seed;
    }
  }
}

TEST(StartTimes, RunsOfColumnsAreThoseThatMadeThem) {
  SampleColumns columns;
  columns.timestamp_buffer() = {10, 20, 40, 50};
  columns.value_buffer() = {1, 2, 3, 4};
  columns.UseBuffers();
  columns.histogram_buffer() = {{.timestamp_ms = 30, .histogram = {}}, {.timestamp_ms = 60, .histogram = {}}};
  EXPECT_TRUE(RunsOf(columns).empty());
  const std::vector<StartRun> runs = {
      {.from_ms = 20, .start_ms = 5}, {.from_ms = 40, .start_ms = 0}, {.from_ms = 60, .start_ms = 55}};
  AddStarts(runs, columns);
  EXPECT_EQ(RunsOf(columns), runs);
}

}  // namespace
}  // namespace baro::tsdb

#include "tsdb/downsample/window_rows.h"

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample.h"
#include "tsdb/downsample/aggregate.h"

namespace baro::tsdb {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t k5m = 5 * kMinute;
constexpr std::int64_t k1h = 60 * kMinute;

struct Column {
  std::vector<std::int64_t> timestamps_ms;
  std::vector<double> values;

  void Add(std::int64_t timestamp_ms, double value) {
    timestamps_ms.push_back(timestamp_ms);
    values.push_back(value);
  }
  RawColumns view() const { return {.timestamps_ms = timestamps_ms, .values = values}; }
};

WindowRows RowsOf(const Column& raw, std::int64_t resolution_ms) {
  WindowRows rows;
  AggregateWindows(raw.view(), {}, resolution_ms, rows);
  return rows;
}

// A series as they are: a steady rhythm with gaps; a counter that restarts, or anything at all.
Column RandomColumn(base::Random& random, bool is_counter) {
  Column column;
  const std::int64_t interval = std::int64_t{1000} << random.Below(8);
  std::int64_t at = -3 * k1h + static_cast<std::int64_t>(random.Below(100'000));
  double value = static_cast<double>(random.Below(1000));
  const std::uint64_t restarts_in = 2 + random.Below(60);
  for (int i = 0; i < 2000; ++i) {
    at += interval + static_cast<std::int64_t>(random.Below(50));
    if (random.OneIn(150)) {
      if (random.OneIn(2)) column.Add(at, model::StaleNaN());
      at += static_cast<std::int64_t>(random.Below(4 * k1h));
      continue;
    }
    value = random.OneIn(restarts_in) ? static_cast<double>(random.Below(5))
                                      : value + static_cast<double>(random.Below(1000)) / 8;
    if (!is_counter && random.OneIn(5)) {
      constexpr double kOdd[] = {-0.0, 0.0, std::numeric_limits<double>::infinity(), 1e308, -1e308, 1e-300};
      value = random.OneIn(3) ? std::bit_cast<double>(random.NextU64()) : kOdd[random.Below(std::size(kOdd))];
    }
    column.Add(at, value);
  }
  return column;
}

bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (std::isnan(a) && std::isnan(b));
}

TEST(WindowRows, AreWhatTheDefinitionsSayOfEachWindow) {
  base::SeededRandom random(3);
  for (int round = 0; round < 60; ++round) {
    const Column raw = RandomColumn(random, random.OneIn(2));
    const std::int64_t resolution_ms = random.OneIn(2) ? k5m : k1h;
    std::map<std::int64_t, std::vector<std::size_t>> windows;
    for (std::size_t i = 0; i < raw.values.size(); ++i) {
      const auto end = static_cast<std::int64_t>(
                           std::ceil(static_cast<double>(raw.timestamps_ms[i]) / static_cast<double>(resolution_ms))) *
                       resolution_ms;
      if (!model::IsStaleNaN(raw.values[i])) windows[end].push_back(i);
    }
    const WindowRows rows = RowsOf(raw, resolution_ms);
    ASSERT_EQ(rows.timestamps_ms.size(), windows.size());
    std::size_t row = 0;
    for (const auto& [end, samples] : windows) {
      double sum = 0;
      double lost = 0;
      double least = std::numeric_limits<double>::quiet_NaN();
      double greatest = least;
      for (const std::size_t i : samples) {
        const double value = raw.values[i];
        const double next = sum + value;
        lost = std::isinf(next)
                   ? 0
                   : lost + (std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum);
        sum = next;
        if (!(value > least) && !std::isnan(value)) least = value;
        if (!(value < greatest) && !std::isnan(value)) greatest = value;
      }
      ASSERT_EQ(rows.timestamps_ms[row], raw.timestamps_ms[samples.back()]);
      ASSERT_EQ(rows.counts[row], static_cast<double>(samples.size()));
      ASSERT_TRUE(SameBits(rows.sums[row], std::isinf(sum) ? sum : sum + lost)) << round << " " << row;
      ASSERT_TRUE(SameBits(rows.mins[row], least)) << rows.mins[row] << " " << least;
      ASSERT_TRUE(SameBits(rows.maxs[row], greatest)) << rows.maxs[row] << " " << greatest;
      ++row;
    }
  }
}

struct Growth {
  double increase = 0;
  std::size_t resets = 0;
};

// From the last sample at or before `from` to the last at or before `to`.
Growth GrowthOf(const RawColumns& column, std::int64_t from, std::int64_t to) {
  Growth growth;
  std::optional<double> before;
  for (std::size_t i = 0; i < column.values.size() && column.timestamps_ms[i] <= to; ++i) {
    const double value = column.values[i];
    if (std::isnan(value)) continue;
    if (before && column.timestamps_ms[i] > from) {
      growth.increase += value < *before ? value : value - *before;
      growth.resets += value < *before ? 1 : 0;
    }
    before = value;
  }
  return growth;
}

TEST(WindowRows, TheCounterGrowsFromBorderToBorderAsTheSamplesDo) {
  base::SeededRandom random(4);
  for (int round = 0; round < 40; ++round) {
    const Column raw = RandomColumn(random, /*is_counter=*/true);
    const std::int64_t resolution_ms = random.OneIn(2) ? k5m : k1h;
    const WindowRows rows = RowsOf(raw, resolution_ms);
    const RawColumns thin{.timestamps_ms = rows.counter_timestamps_ms, .values = rows.counter_values};
    ASSERT_EQ(std::ranges::adjacent_find(rows.counter_timestamps_ms, std::greater_equal()),
              rows.counter_timestamps_ms.end());
    for (int pair = 0; pair < 30; ++pair) {
      const std::int64_t from = WindowEndMs(raw.timestamps_ms[random.Below(raw.values.size())], resolution_ms);
      const std::int64_t to = from + resolution_ms * static_cast<std::int64_t>(1 + random.Below(40));
      const Growth want = GrowthOf(raw.view(), from, to);
      const Growth got = GrowthOf(thin, from, to);
      EXPECT_NEAR(got.increase, want.increase, 1e-9 * (1 + want.increase)) << "round " << round;
      EXPECT_LE(got.resets, want.resets);
    }
  }
}

TEST(WindowRows, LongWindowsOfShortOnesAreThoseOfTheSamples) {
  base::SeededRandom random(5);
  for (int round = 0; round < 30; ++round) {
    const Column raw = RandomColumn(random, /*is_counter=*/true);
    const WindowRows direct = RowsOf(raw, k1h);
    // A part has short windows already, the rest comes as samples.
    Column old_part;
    Column new_part;
    const std::size_t cut = random.Below(raw.values.size());
    for (std::size_t i = 0; i < raw.values.size(); ++i) {
      (i < cut ? old_part : new_part).Add(raw.timestamps_ms[i], raw.values[i]);
    }
    const WindowRows finer[] = {RowsOf(old_part, k5m)};
    WindowRows composed;
    AggregateWindows(new_part.view(), finer, k1h, composed);
    ASSERT_EQ(composed.timestamps_ms, direct.timestamps_ms);
    ASSERT_EQ(composed.counts, direct.counts);
    ASSERT_EQ(composed.mins, direct.mins);
    ASSERT_EQ(composed.maxs, direct.maxs);
    for (std::size_t i = 0; i < direct.sums.size(); ++i) {
      ASSERT_NEAR(composed.sums[i], direct.sums[i], 1e-12 * (1 + std::fabs(direct.sums[i])));
    }
    const RawColumns thin{.timestamps_ms = composed.counter_timestamps_ms, .values = composed.counter_values};
    for (std::int64_t from = -4 * k1h; from < 20 * k1h; from += 3 * k1h) {
      const Growth want = GrowthOf(raw.view(), from, from + 5 * k1h);
      EXPECT_NEAR(GrowthOf(thin, from, from + 5 * k1h).increase, want.increase, 1e-9 * (1 + want.increase));
    }
  }
}

TEST(WindowRows, BordersBelongToTheWindowThatEndsThere) {
  EXPECT_EQ(WindowEndMs(0, k5m), 0);
  EXPECT_EQ(WindowEndMs(1, k5m), k5m);
  EXPECT_EQ(WindowEndMs(k5m, k5m), k5m);
  EXPECT_EQ(WindowEndMs(-1, k5m), 0);
  EXPECT_EQ(WindowEndMs(-k5m, k5m), -k5m);
  EXPECT_EQ(WindowEndMs(model::kMaxTimestampMs, k5m), model::kMaxTimestampMs);
  EXPECT_GE(WindowEndMs(model::kMinTimestampMs, k5m), model::kMinTimestampMs);
  EXPECT_EQ(WindowBeginMs(model::kMinTimestampMs + 1, k5m), model::kMinTimestampMs);
  Column raw;
  raw.Add(k5m, 1);
  raw.Add(k5m + 1, 2);
  raw.Add(2 * k5m, 4);
  const WindowRows rows = RowsOf(raw, k5m);
  EXPECT_THAT(rows.timestamps_ms, ElementsAre(k5m, 2 * k5m));
  EXPECT_THAT(rows.sums, ElementsAre(1, 6));
}

TEST(WindowRows, TheCounterKeepsFirstLastResetsAndStaleMarkersAtTheEndOfAWindow) {
  Column raw;
  raw.Add(10, 5);  // the first
  raw.Add(20, 6);
  raw.Add(30, 9);  // before a reset
  raw.Add(40, 1);  // behind it
  raw.Add(50, 2);
  raw.Add(60, model::StaleNaN());  // inside of a window: not kept
  raw.Add(70, 3);
  raw.Add(80, 4);  // the last
  raw.Add(90, model::StaleNaN());
  raw.Add(k5m + 10, 5);  // the first after a time without
  raw.Add(k5m + 20, 6);
  raw.Add(k5m + 30, 7);
  raw.Add(2 * k5m + 10, 8);  // follows: only the last
  raw.Add(2 * k5m + 20, 9);
  const WindowRows rows = RowsOf(raw, k5m);
  EXPECT_THAT(rows.counter_timestamps_ms, ElementsAre(10, 30, 40, 80, 90, k5m + 10, k5m + 30, 2 * k5m + 20));
  EXPECT_TRUE(model::IsStaleNaN(rows.counter_values[4]));
}

TEST(WindowRows, ManyResetsInAWindowBecomeOneOfTheSameSize) {
  Column raw;
  for (int i = 0; i < 40; ++i) raw.Add(i * 1000 + 1, i % 4 * 10.0 + 1);  // 1 11 21 31 1 ...
  const WindowRows rows = RowsOf(raw, k5m);
  EXPECT_THAT(rows.counter_timestamps_ms, ElementsAre(1, 38'999, 39'000, 39'001));
  EXPECT_THAT(rows.counter_values, ElementsAre(1, 9 * 31, 1, 31));
}

TEST(WindowRows, LabelsOfAggregatesAreReadBack) {
  for (const std::int64_t resolution_ms : kResolutionsMs) {
    for (const Aggregate aggregate : kAggregates) {
      const AggregateKey key{.resolution_ms = resolution_ms, .aggregate = aggregate};
      EXPECT_EQ(ParseAggregateLabelValue(AggregateLabelValue(key)), key);
    }
  }
  EXPECT_FALSE(ParseAggregateLabelValue("5m:"));
  EXPECT_FALSE(ParseAggregateLabelValue("2m:sum"));
  EXPECT_FALSE(ParseAggregateLabelValue(""));
}

}  // namespace
}  // namespace baro::tsdb

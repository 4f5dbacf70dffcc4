#include "query/exec/window_cache.h"

#include <gtest/gtest.h>

namespace baro::query::exec {
namespace {

constexpr func::WindowGrid kGrid{.first_end_ms = 100, .step_ms = 100, .range_ms = 100, .count = 3};

func::RangeColumn ColumnOf(const tsdb::SampleColumns& columns) {
  return {.timestamps_ms = columns.timestamps_ms(), .values = columns.values(), .histograms = {}};
}

TEST(WindowCache, FindsWindowsOfSharedTimesOnce) {
  const auto times = std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{10, 60, 110, 160});
  const WindowCache cache(kGrid, 1, nullptr);
  tsdb::SampleColumns columns;
  columns.UseSharedTimestamps({.timestamps_ms = *times, .pin = times});
  WindowsInUse first;
  WindowsInUse second;
  const func::ColumnWindows& found = cache.Find(ColumnOf(columns), columns, first);
  EXPECT_EQ(found.samples, 4U);
  EXPECT_EQ(&found, &cache.Find(ColumnOf(columns), columns, second));
}

// A series that was put together reuses the buffer of the one before: the same place, other times.
TEST(WindowCache, DoesNotTakeABufferThatIsFilledAnewForSharedTimes) {
  const auto times = std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{10, 60});
  const WindowCache cache(kGrid, 1, nullptr);
  tsdb::SampleColumns columns;
  WindowsInUse use;
  struct Row {
    std::int64_t first_ms;
    std::int64_t last_ms;
    double to_end;  // half an interval where the gap is longer than one, else the gap
  };
  for (const auto& [first_ms, last_ms, to_end] : {Row{10, 40, 0.015}, Row{40, 70, 0.03}}) {
    columns.Clear();
    columns.UseSharedTimestamps({.timestamps_ms = *times, .pin = times});
    columns.timestamp_buffer() = {first_ms, last_ms};
    columns.value_buffer() = {1, 2};
    columns.UseBuffers();
    EXPECT_EQ(columns.pin(), nullptr);
    EXPECT_DOUBLE_EQ(cache.Find(ColumnOf(columns), columns, use).rates[0].to_end, to_end) << first_ms;
  }
}

}  // namespace
}  // namespace baro::query::exec

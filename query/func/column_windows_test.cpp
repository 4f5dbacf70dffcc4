#include "query/func/column_windows.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::query::func {
namespace {

TEST(ColumnWindows, AreThoseThatCountingFinds) {
  base::SeededRandom random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::int64_t> times;
    std::int64_t at = static_cast<std::int64_t>(random.Below(100));
    const std::uint64_t interval = 1 + random.Below(20);
    const bool is_regular = random.OneIn(2);
    for (std::uint64_t i = random.Below(200); i > 0; --i) {
      times.push_back(at);
      at += static_cast<std::int64_t>(is_regular && !random.OneIn(20) ? interval : 1 + random.Below(3 * interval));
    }
    const WindowGrid grid{.first_end_ms = static_cast<std::int64_t>(random.Below(300)) - 100,
                          .step_ms = static_cast<std::int64_t>(random.Below(5) * random.Below(60)),
                          .range_ms = static_cast<std::int64_t>(random.Below(200)),
                          .count = 1 + random.Below(60)};
    ColumnWindows found;
    FindWindows(times, grid, 0, found);
    ASSERT_EQ(found.stretches.size(), grid.count);
    std::uint64_t samples = 0;
    for (std::size_t step = 0; step < grid.count; ++step) {
      const auto behind = [&times](std::int64_t time_ms) {
        return static_cast<std::size_t>(std::ranges::upper_bound(times, time_ms) - times.begin());
      };
      EXPECT_EQ(found.stretches[step].begin, behind(grid.start_ms(step))) << round << " " << step;
      EXPECT_EQ(found.stretches[step].end, behind(grid.end_ms(step))) << round << " " << step;
      samples += found.stretches[step].size();
    }
    EXPECT_EQ(found.samples, samples);
  }
}

}  // namespace
}  // namespace baro::query::func

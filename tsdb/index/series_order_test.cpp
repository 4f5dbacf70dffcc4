#include "tsdb/index/series_order.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::tsdb {
namespace {

TEST(SeriesOrder, SortsAsComparingLabelsDoesWhileSeriesComeAndGo) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    base::SeededRandom random(seed);
    SeriesOrder order;
    std::deque<model::Labels> labels;
    std::set<Slot> present;
    std::size_t serial = 0;
    const std::size_t size = random.OneIn(2) ? 600 : 5000;
    const auto add = [&](Slot slot) {
      while (labels.size() <= slot) labels.emplace_back();
      const std::string name = fmt::format("m{}", random.Below(5));
      labels[slot] = model::Labels::FromPairs(
          {{"__name__", name}, {"a", fmt::format("{}", random.Below(50))}, {"serial", fmt::format("{}", serial++)}});
      order.Add(slot);
      present.insert(slot);
    };
    for (Slot slot = 0; slot < size; ++slot) add(slot);
    for (int round = 0; round < 12; ++round) {
      for (std::size_t changes = random.Below(size); changes > 0; --changes) {
        const Slot slot = static_cast<Slot>(random.Below(size));
        if (present.contains(slot)) {
          order.Remove(slot);
          labels[slot] = {};
          present.erase(slot);
        }
        if (random.OneIn(2) && !present.contains(slot)) add(slot);
      }
      std::vector<Slot> chosen(present.begin(), present.end());
      if (random.OneIn(2)) std::erase_if(chosen, [&random](Slot) { return random.OneIn(2); });
      if (random.OneIn(4)) chosen.resize(std::min<std::size_t>(chosen.size(), 100));
      std::vector<Slot> want = chosen;
      std::ranges::sort(want, [&labels](Slot a, Slot b) { return labels[a] < labels[b]; });
      order.Sort(chosen, labels);
      ASSERT_EQ(chosen, want) << "seed " << seed << ", round " << round;
    }
  }
}

}  // namespace
}  // namespace baro::tsdb

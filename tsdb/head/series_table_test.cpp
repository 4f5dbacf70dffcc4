#include "tsdb/head/series_table.h"

#include <map>

#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::tsdb {
namespace {

TEST(SeriesTable, AgreesWithAMapWhileEntriesComeAndGo) {
  base::SeededRandom random(3);
  SeriesTable table;
  std::map<Slot, std::uint64_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto slot = static_cast<Slot>(random.Below(300));
    if (const auto known = model.find(slot); known != model.end()) {
      table.Erase(known->second, slot);
      model.erase(known);
    } else {
      // Few hashes, close to each other: runs are long and wrap around.
      model[slot] = (0xffff'fff0ULL + random.Below(40)) << 32;
      table.Insert(model[slot], slot);
    }
    const auto probe = static_cast<Slot>(random.Below(300));
    const auto known = model.find(probe);
    const std::uint64_t hash = known == model.end() ? (0xffff'fff0ULL + random.Below(40)) << 32 : known->second;
    const auto found = table.Find(hash, [probe](Slot each) { return each == probe; });
    ASSERT_EQ(found.has_value(), known != model.end()) << step;
  }
}

}  // namespace
}  // namespace baro::tsdb

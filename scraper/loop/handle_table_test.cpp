#include "scraper/loop/handle_table.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace baro::scraper {
namespace {

TEST(HandleTable, IsAMapFromHashesToHandlesWhateverComesAndGoes) {
  std::mt19937_64 random(7);
  for (const std::uint64_t hashes : {3U, 40U, 5'000U}) {  // few: all collide
    HandleTable table;
    std::map<std::uint32_t, std::uint64_t> model;  // hash by handle
    for (int step = 0; step < 20'000; ++step) {
      const std::uint64_t hash = random() % hashes * 0x1'0000'0001U;
      const auto handle = static_cast<std::uint32_t>(random() % 300);
      if (const auto known = model.find(handle); known != model.end()) {
        table.Erase(known->second, SeriesHandle{handle});
        model.erase(known);
      } else {
        table.Insert(hash, SeriesHandle{handle});
        model.emplace(handle, hash);
      }
      ASSERT_EQ(table.size(), model.size());
      const auto sought = static_cast<std::uint32_t>(random() % 300);
      const auto known = model.find(sought);
      const std::uint64_t where = known == model.end() ? hash : known->second;
      const SeriesHandle found = table.Find(where, [&](SeriesHandle other) { return other == SeriesHandle{sought}; });
      ASSERT_EQ(found, known == model.end() ? SeriesHandle::kDropped : SeriesHandle{sought}) << step;
    }
    table.Erase(1, SeriesHandle{1'000});
    table.Clear();
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.Find(1, [](SeriesHandle) { return true; }), SeriesHandle::kDropped);
  }
}

}  // namespace
}  // namespace baro::scraper

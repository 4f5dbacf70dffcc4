#include "tsdb/index/slot_set.h"

#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::tsdb {
namespace {

SlotSet SetOf(const std::set<Slot>& slots) { return SlotSet(std::vector<Slot>(slots.begin(), slots.end())); }

std::vector<Slot> Combined(const std::set<Slot>& a, const std::set<Slot>& b, bool wanted) {
  std::vector<Slot> out;
  for (const Slot slot : a) {
    if (b.contains(slot) == wanted) out.push_back(slot);
  }
  return out;
}

TEST(Postings, AreWhatASetIsThroughAddingRemovingAndCombining) {
  for (const std::uint64_t range : {40, 300, 200'000}) {  // few only, both kinds, a bitmap in several pieces
    base::SeededRandom random(range);
    Postings postings;
    std::set<Slot> model;
    for (int step = 0; step < 3000; ++step) {
      const auto slot = static_cast<Slot>(random.Below(range));
      if (model.insert(slot).second) {
        postings.Add(slot);
      } else if (random.Below(3) == 0) {
        postings.Remove(slot);
        model.erase(slot);
      }
      ASSERT_EQ(postings.size(), model.size());
      ASSERT_EQ(postings.empty(), model.empty());
      ASSERT_EQ(postings.Contains(slot), model.contains(slot));
      if (step % 100 != 0) continue;
      const std::vector<Slot> all(model.begin(), model.end());
      ASSERT_EQ(postings.ToSet().ToVector(), all);
      std::set<Slot> other;
      for (int i = 0; i < 50; ++i) other.insert(static_cast<Slot>(random.Below(range)));
      SlotSet set = SetOf(other);
      ASSERT_EQ(postings.Intersects(set), !Combined(model, other, true).empty());
      postings.IntersectInto(set);
      ASSERT_EQ(set.ToVector(), Combined(other, model, true));
      set = SetOf(other);
      postings.SubtractFrom(set);
      ASSERT_EQ(set.ToVector(), Combined(other, model, false));
      set = SetOf(other);
      postings.UniteInto(set);
      other.insert(model.begin(), model.end());
      ASSERT_EQ(set.ToVector(), std::vector<Slot>(other.begin(), other.end()));
    }
    for (const Slot slot : model) postings.Remove(slot);
    EXPECT_TRUE(postings.empty());
  }
}

}  // namespace
}  // namespace baro::tsdb

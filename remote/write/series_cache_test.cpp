#include "remote/write/series_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace baro::remote {
namespace {

using tsdb::GroupRef;
using tsdb::SeriesRef;

SeriesCache::Key KeyOf(const std::string& text, std::uint64_t hash_count = ~std::uint64_t{0}) {
  return {.labels = text, .hash = std::hash<std::string>()(text) % hash_count};
}

SeriesRef FindOne(const SeriesCache& cache, const SeriesCache::Key& key) {
  KnownSeries series;
  std::vector<bool> is_old;
  cache.Find(std::span(&key, 1), std::span(&series, 1), is_old);
  return series.ref;
}

std::vector<GroupRef> InsertOne(SeriesCache& cache, const SeriesCache::Key& key, SeriesRef ref,
                                GroupRef group = GroupRef::kNone) {
  const KnownSeries series{.ref = ref, .group = group};
  return cache.Insert(std::span(&key, 1), std::span(&series, 1));
}

TEST(SeriesCache, IsAMapOfBytesEvenIfHashesCollide) {
  std::mt19937_64 random(1);
  SeriesCache cache(64 << 20);
  std::map<std::string, SeriesRef> model;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = "series " + std::to_string(random() % 3000);
    const SeriesCache::Key key = KeyOf(text, 100);
    const auto found = model.find(text);
    ASSERT_EQ(FindOne(cache, key), found == model.end() ? SeriesRef::kNone : found->second) << text;
    if (random() % 4 != 0) continue;
    const auto ref = static_cast<SeriesRef>(1 + random() % 1000);
    InsertOne(cache, key, ref);
    model[text] = ref;
  }
  EXPECT_EQ(cache.stats().entries, model.size());
}

TEST(SeriesCache, KeepsWhatIsUsedWithinItsBound) {
  constexpr std::size_t kBytesMax = 4 << 20;
  SeriesCache cache(kBytesMax);
  const std::string used(200, 'u');
  InsertOne(cache, KeyOf(used), SeriesRef{7});
  for (int i = 0; i < 100'000; ++i) {
    InsertOne(cache, KeyOf(std::string(100, 'x') + std::to_string(i)), SeriesRef{1});
    if (i % 1000 != 0) continue;
    KnownSeries series;
    std::vector<bool> is_old;
    const SeriesCache::Key key = KeyOf(used);
    const bool any_old = cache.Find(std::span(&key, 1), std::span(&series, 1), is_old);
    ASSERT_EQ(series.ref, SeriesRef{7}) << i;
    ASSERT_EQ(any_old, static_cast<bool>(is_old[0]));
    if (any_old) InsertOne(cache, key, series.ref);
    // A table that doubles may pass the bound once, before it is noticed.
    ASSERT_LE(cache.stats().size_bytes, 2 * kBytesMax);
  }
  EXPECT_EQ(FindOne(cache, KeyOf(std::string(100, 'x') + "0")), SeriesRef::kNone);
}

TEST(SeriesCache, NamesGroupsThatNobodyKnowsAnyMore) {
  SeriesCache cache(4 << 20);
  std::vector<GroupRef> gone;
  InsertOne(cache, KeyOf("first"), SeriesRef{1}, GroupRef{7});
  for (int i = 0; i < 100'000 && gone.empty(); ++i) {
    gone = InsertOne(cache, KeyOf(std::string(100, 'x') + std::to_string(i)), SeriesRef{1}, GroupRef{8});
  }
  EXPECT_EQ(gone, std::vector{GroupRef{7}});
}

TEST(SeriesCache, DoesNotKeepKeysOfUnusualLength) {
  SeriesCache cache(1 << 20);
  const std::string text(100'000, 'x');
  InsertOne(cache, KeyOf(text), SeriesRef{1});
  EXPECT_EQ(FindOne(cache, KeyOf(text)), SeriesRef::kNone);
}

}  // namespace
}  // namespace baro::remote

#include "tsdb/head/histogram_chunk.h"

#include <gtest/gtest.h>

#include "tsdb/block/testing.h"

namespace baro::tsdb {
namespace {

using block_testing::kStartMs;
using block_testing::RandomHistogram;

TEST(SealedHistograms, HaveAllThatWasAddedInFewChunks) {
  base::SeededRandom random(1);
  SealedHistograms sealed;
  std::vector<HistogramSample> all;
  for (int step = 0; step < 100; ++step) {
    std::vector<HistogramSample> samples;
    const std::size_t count = random.OneIn(10) ? 1 + random.Below(20) : SealedHistograms::kSealCount;
    for (std::size_t i = 0; i < count; ++i) {
      samples.push_back(RandomHistogram(random, kStartMs + 15'000 * static_cast<std::int64_t>(all.size() + i)));
    }
    ASSERT_TRUE(sealed.Add(samples));
    all.insert(all.end(), samples.begin(), samples.end());
  }
  std::vector<HistogramSample> read;
  for (const auto& chunk : sealed.chunks()) {
    EXPECT_LE(chunk->count, SealedHistograms::kChunkCountMax);
    EXPECT_EQ(chunk->min_ms, all[read.size()].timestamp_ms);
    ASSERT_TRUE(ReadHistogramChunk(*chunk, read));
    EXPECT_EQ(chunk->max_ms, read.back().timestamp_ms);
  }
  ASSERT_EQ(read.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(read[i].timestamp_ms, all[i].timestamp_ms);
    ASSERT_EQ(*read[i].histogram, *all[i].histogram);
  }
  EXPECT_LT(sealed.chunks().size(), 60U);
  sealed.DropBefore(all.back().timestamp_ms + 1);
  EXPECT_TRUE(sealed.empty());
}

TEST(SealedHistograms, OfRegularOnesAreJoinedToTheFullLength) {
  base::SeededRandom random(2);
  SealedHistograms sealed;
  for (std::int64_t i = 0; i < 512; i += 8) {
    std::vector<HistogramSample> samples;
    for (std::int64_t k = i; k < i + 8; ++k) samples.push_back(RandomHistogram(random, kStartMs + k));
    ASSERT_TRUE(sealed.Add(samples));
  }
  EXPECT_EQ(sealed.chunks().size(), 4U);
}

}  // namespace
}  // namespace baro::tsdb

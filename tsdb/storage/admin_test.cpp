// Blocks in a store as people meet them: cut and joined by themselves, kept as long as asked, deleted from, copied,
// damaged.
#include <gtest/gtest.h>

#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Matcher;
using model::MatchType;
using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::ReadAllOf;
using testing_support::StorageFixture;

constexpr std::int64_t kStepMs = 15'000;
constexpr std::int64_t kRangeMs = 600'000;
constexpr std::int64_t kFirstMs = (kStartMs / kRangeMs + 1) * kRangeMs;

class BlocksTest : public ::testing::Test, public StorageFixture {
 protected:
  void SetUp() override {
    options().block_range = std::chrono::milliseconds(kRangeMs);
    options().block_range_max = std::chrono::milliseconds(9 * kRangeMs);
    options().lateness_max = std::chrono::milliseconds(kRangeMs / 2);
    Open();
  }

  // Four series in rows of one group, for so many ranges, with a maintenance after each.
  void Fill(int ranges) {
    if (group_ == GroupRef{}) group_ = storage().NewGroup();
    for (int range = 0; range < ranges; ++range) {
      for (std::int64_t i = 0; i < kRangeMs / kStepMs; ++i) {
        clock().Advance(std::chrono::milliseconds(next_ms_ - base::ToMs(clock().Now())));
        auto appender = storage().NewAppender();
        std::vector<SeriesRef> series;
        std::vector<double> values;
        for (int n = 0; n < 4; ++n) {
          series.push_back(*appender->Resolve(LabelsOf(n), nullptr));
          values.push_back(static_cast<double>(next_ms_ / kStepMs % 1000 * (n + 1)));
        }
        appender->AppendRow(group_, next_ms_, series, values, {});
        ASSERT_TRUE(appender->Commit(Durability::kSynced));
        next_ms_ += kStepMs;
      }
      ASSERT_TRUE(storage().Maintain());
    }
  }

  static model::Labels LabelsOf(int n) {
    return model::Labels::FromPairs({{"__name__", "m"}, {"n", fmt::format("{}", n)}});
  }
  static std::vector<Matcher> Only(int n) {
    return {Matcher::Make(MatchType::kEqual, "n", fmt::format("{}", n)).value()};
  }
  std::size_t CountSamples(const Storage& storage) {
    std::size_t count = 0;
    for (const LiteralSeries& series : ReadAll(storage)) count += series.samples.size();
    return count;
  }
  std::size_t CountSamples() { return CountSamples(storage()); }

  GroupRef group_{};
  std::int64_t next_ms_ = kFirstMs;
};

// One line per series.
std::vector<std::string> Texts(const std::vector<LiteralSeries>& all) {
  std::vector<std::string> lines;
  for (const LiteralSeries& series : all) {
    std::string line = series.labels.ToString();
    for (const model::Sample& sample : series.samples) {
      line += fmt::format(" {}@{}", sample.value, sample.timestamp_ms);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

constexpr std::size_t kPerRange = kRangeMs / kStepMs * 4;

TEST_F(BlocksTest, TheHeadIsCutAndBlocksAreJoinedInLevels) {
  Fill(13);
  EXPECT_EQ(CountSamples(), 13 * kPerRange);
  std::vector<std::int64_t> ranges;
  int level = 0;
  for (const BlockStatus& block : storage().Blocks()) {
    ranges.push_back((block.meta.max_time_ms - block.meta.min_time_ms) / kRangeMs);
    level = std::max(level, block.meta.compaction_level);
  }
  EXPECT_GT(level, 1);
  EXPECT_LT(ranges.size(), 7U);
  EXPECT_GT(*std::ranges::max_element(ranges), 2);
  const auto before = Texts(ReadAll(storage()));
  Reopen();
  EXPECT_EQ(Texts(ReadAll(storage())), before);
}

TEST_F(BlocksTest, SamplesOfATimeThatABlockHasAreRefused) {
  Fill(4);
  auto appender = storage().NewAppender();
  const SeriesRef series = *appender->Resolve(model::Labels::FromPairs({{"__name__", "late"}}), nullptr);
  EXPECT_EQ(appender->Append(series, {.timestamp_ms = kFirstMs + 1, .value = 1}), SampleStatus::kOutOfBounds);
}

TEST_F(BlocksTest, AReaderThatWasOpenedBeforeACutSeesTheSameAfterIt) {
  Fill(2);
  const auto reader = storage().OpenReader();
  const auto before = Texts(ReadAllOf(*reader));
  Fill(5);
  EXPECT_EQ(Texts(ReadAllOf(*reader)), before);
}

TEST_F(BlocksTest, RetentionByTimeRemovesWholeBlocksAndFollowsANewLimit) {
  Fill(8);
  storage().SetRetention({.time = std::chrono::milliseconds(3 * kRangeMs)});
  ASSERT_TRUE(storage().Maintain());
  EXPECT_LT(CountSamples(), 8 * kPerRange);
  EXPECT_GE(CountSamples(), 3 * kPerRange);
}

TEST_F(BlocksTest, RetentionBySizeRemovesTheOldestAndNeverTheLog) {
  Fill(8);
  storage().SetRetention({.time = {}, .bytes = 1});
  ASSERT_TRUE(storage().Maintain());
  EXPECT_TRUE(storage().Blocks().empty());
  EXPECT_GT(CountSamples(), 0U);
  const std::size_t left = CountSamples();
  Reopen();
  EXPECT_EQ(CountSamples(), left);
}

TEST_F(BlocksTest, DeletesHideSamplesAndCleaningRemovesThem) {
  Fill(8);
  const model::TimeRange range{.min_ms = kFirstMs, .max_ms = kFirstMs + kRangeMs - 1};
  const auto touched = storage().Delete(Only(2), range, {});
  ASSERT_TRUE(touched) << touched.error().message();
  EXPECT_GE(*touched, 1U);
  const std::size_t left = 8 * kPerRange - kPerRange / 4;
  EXPECT_EQ(CountSamples(), left);
  Reopen();
  EXPECT_EQ(CountSamples(), left);
  const auto samples = [this] {
    std::uint64_t count = 0;
    for (const BlockStatus& block : storage().Blocks()) count += block.meta.counts.samples();
    return count;
  };
  const std::uint64_t before = samples();
  ASSERT_TRUE(storage().CleanTombstones());
  EXPECT_EQ(samples(), before - kPerRange / 4);
  EXPECT_EQ(CountSamples(), left);
}

TEST_F(BlocksTest, DeletesReachWhatIsStillInMemory) {
  Fill(3);
  const std::size_t before = CountSamples();
  const auto touched = storage().Delete(Only(1), {}, {});
  ASSERT_TRUE(touched) << touched.error().message();
  EXPECT_GE(*touched, 2U);  // in memory and in blocks
  EXPECT_EQ(CountSamples(), before - before / 4);
  EXPECT_TRUE(storage().Delete(Only(77), {}, {}));
  Reopen();
  EXPECT_EQ(CountSamples(), before - before / 4);
}

TEST_F(BlocksTest, ASnapshotIsAStoreWithAllThatWasVisible) {
  Fill(5);
  const auto before = Texts(ReadAll(storage()));
  const auto name = storage().Snapshot(/*with_head=*/true);
  const auto without_head = storage().Snapshot(/*with_head=*/false);
  ASSERT_TRUE(name) << name.error().message();
  ASSERT_TRUE(without_head);
  EXPECT_NE(*name, *without_head);
  Fill(6);  // blocks that the snapshot shares are joined and removed
  const auto open = [this](const std::string& snapshot, base::Registry& registry) {
    StorageOptions copy = options();
    copy.directory += "/snapshots/" + snapshot;
    return Storage::Open(copy, Dependencies(registry)).value();
  };
  base::Registry registry;
  EXPECT_EQ(Texts(ReadAll(*open(*name, registry))), before);
  base::Registry other;
  const std::size_t in_blocks = CountSamples(*open(*without_head, other));
  EXPECT_GT(in_blocks, 0U);
  EXPECT_LT(in_blocks, 5 * kPerRange);
}

TEST_F(BlocksTest, TheSearchForDamageNamesItAndTheRestIsServed) {
  Fill(8);
  ASSERT_TRUE(storage().Scrub());
  EXPECT_TRUE(storage().Damage().empty());
  const std::string directory = options().directory + "/blocks/" + storage().Blocks().back().meta.ulid.ToString();
  std::string largest;
  std::uint64_t largest_bytes = 0;
  auto& files = base::RealFileSystem();
  const std::vector<std::string> names = files.ListDirectory(directory).value();
  for (const std::string& name : names) {
    const std::uint64_t bytes = files.FileSize(directory + "/" + name).value();
    if (name.starts_with("chunks") && bytes > largest_bytes) {
      largest = directory + "/" + name;
      largest_bytes = bytes;
    }
  }
  ASSERT_FALSE(largest.empty());
  std::string content = base::ReadFile(files, largest, 1 << 20).value();
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  {
    auto file = files.OpenWritable(largest, base::FileSystem::OpenMode::kReplace).value();
    ASSERT_TRUE(file->Append(base::AsBytes(content)));
  }
  Reopen();
  const auto damage = storage().Scrub();
  ASSERT_TRUE(damage);
  EXPECT_FALSE(damage->empty());
  EXPECT_FALSE(storage().Damage().empty());
  ASSERT_TRUE(storage().Maintain());
}

}  // namespace
}  // namespace baro::tsdb

// Files that are there, whole, and cannot be read when the store opens: too many open files, a disk that fails once.
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "model/matcher.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::StorageFixture;

constexpr std::int64_t kRangeMs = 600'000;

class UnreadTest : public ::testing::Test, public StorageFixture {
 protected:
  void SetUp() override {
    UseFiles(disk_);
    options().block_range = std::chrono::milliseconds(kRangeMs);
    options().block_range_max = std::chrono::milliseconds(kRangeMs);
    options().lateness_max = std::chrono::milliseconds(kRangeMs / 2);
    Open();
  }
  ~UnreadTest() override { Drop(); }  // before its disk

  void Append(std::string_view name, std::int64_t at_ms, double value) {
    auto appender = storage().NewAppender();
    const auto series = *appender->Resolve(model::Labels::FromPairs({{"__name__", std::string(name)}}), nullptr);
    appender->Append(series, {.timestamp_ms = at_ms, .value = value});
    ASSERT_TRUE(appender->Commit(Durability::kSynced));
  }
  // The values of a series, in the order of time.
  std::vector<double> ValuesOf(std::string_view name) {
    std::vector<double> values;
    for (const LiteralSeries& series : ReadAll(storage())) {
      if (series.labels.metric_name() != name) continue;
      for (const model::Sample& sample : series.samples) values.push_back(sample.value);
    }
    return values;
  }
  std::vector<model::Matcher> Named(std::string_view name) {
    return {model::Matcher::Make(model::MatchType::kEqual, "__name__", std::string(name)).value()};
  }
  void ReopenWithout(const std::string& path) {
    Drop();
    disk_.FailReads(path, base::Code::kIo);
    Open();
    disk_.FailReads(path, std::nullopt);
  }

  base::SimFileSystem disk_;
};

TEST_F(UnreadTest, ASegmentThatCouldNotBeReadOnceComesBackWithItsOwnSeries) {
  Append("early", kStartMs, 1);
  Append("other", kStartMs, 2);
  ReopenWithout(LogPath("00000001"));
  EXPECT_TRUE(ValuesOf("early").empty());
  // A series that is new in this run must not be taken for one of the segment.
  Append("late", kStartMs + 1000, 3);
  Append("other", kStartMs + 1000, 4);
  Reopen();
  EXPECT_EQ(ValuesOf("early"), (std::vector<double>{1}));
  EXPECT_EQ(ValuesOf("other"), (std::vector<double>{2, 4}));
  EXPECT_EQ(ValuesOf("late"), (std::vector<double>{3}));
}

TEST_F(UnreadTest, NothingIsDeletedWhileSomeOfTheLogIsUnread) {
  Append("early", kStartMs, 1);
  ReopenWithout(LogPath("00000001"));
  const auto refused = storage().Delete(Named("early"), {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_NE(refused.error().message().find("00000001"), std::string::npos) << refused.error().message();
  Reopen();
  EXPECT_TRUE(storage().Delete(Named("early"), {}, {}));
  Reopen();
  EXPECT_TRUE(ValuesOf("early").empty());
}

TEST_F(UnreadTest, BlocksWaitForASegmentThatWasNotRead) {
  for (int i = 0; i < 10; ++i) Append("early", kStartMs + i * 1000, i);
  ReopenWithout(LogPath("00000001"));
  clock().Advance(std::chrono::milliseconds(3 * kRangeMs));
  for (int i = 0; i < 30; ++i) Append("late", kStartMs + i * kRangeMs / 10, i);
  ASSERT_TRUE(storage().Maintain());
  EXPECT_TRUE(storage().Blocks().empty());
  Reopen();
  EXPECT_EQ(ValuesOf("early").size(), 10U);
  EXPECT_EQ(ValuesOf("late").size(), 30U);
  ASSERT_TRUE(storage().Maintain());
  EXPECT_FALSE(storage().Blocks().empty());
  EXPECT_EQ(ValuesOf("early").size(), 10U);
}

TEST_F(UnreadTest, BlocksDoNotWaitForEver) {
  Append("early", kStartMs, 1);
  ReopenWithout(LogPath("00000001"));
  clock().Advance(std::chrono::milliseconds(15 * kRangeMs));
  for (int i = 0; i < 15; ++i) Append("late", kStartMs + i * kRangeMs, i);
  ASSERT_TRUE(storage().Maintain());
  EXPECT_FALSE(storage().Blocks().empty());
}

TEST_F(UnreadTest, NothingIsDeletedFromTheTimeOfABlockThatIsUnread) {
  clock().Advance(std::chrono::milliseconds(3 * kRangeMs));
  for (std::int64_t at = 0; at <= 3 * kRangeMs; at += 60'000) Append("m", kStartMs + at, static_cast<double>(at));
  ASSERT_TRUE(storage().Maintain());
  const auto blocks = storage().Blocks();
  ASSERT_GE(blocks.size(), 1U);
  const std::size_t count = ValuesOf("m").size();
  ReopenWithout(options().directory + "/blocks/" + blocks.front().meta.ulid.ToString() + "/index");
  EXPECT_LT(ValuesOf("m").size(), count);
  const auto refused = storage().Delete(Named("m"), {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_TRUE(storage().Delete(Named("m"), {.min_ms = blocks.front().meta.max_time_ms}, {}));
  Reopen();
  EXPECT_GT(ValuesOf("m").size(), 5U);
}

}  // namespace
}  // namespace baro::tsdb

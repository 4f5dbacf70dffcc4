// Downsampling by rule in a whole store: when it happens, that it happens once, and that no crash loses or doubles a
// sample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using testing_support::kStartMs;
using testing_support::StorageFixture;
using namespace std::chrono_literals;

constexpr std::int64_t kIntervalMs = 30'000;

// Blocks of 20 minutes, joined up to an hour.
class DownsamplingTest : public ::testing::Test, public StorageFixture {
 public:
  DownsamplingTest() {
    options().block_range = 20min;
    options().block_range_max = 1h;
    options().lateness_max = 10min;
    options().retention = {.time = {}, .rules = Rules(2h, 8h)};
    UseFiles(files_);
  }
  ~DownsamplingTest() override { Drop(); }

  static std::shared_ptr<const StorageRules> Rules(std::chrono::milliseconds five_minutes_after,
                                                   std::chrono::milliseconds hour_after) {
    return std::make_shared<const StorageRules>(StorageRules{
        .retention = {},
        .downsampling = {
            {.matchers = {Matcher::Equal("job", "thin")},
             .after = five_minutes_after,
             .resolution = std::chrono::minutes(5)},
            {.matchers = {Matcher::Equal("job", "thin")}, .after = hour_after, .resolution = std::chrono::hours(1)}}});
  }

  static Labels Named(std::string_view job) { return Labels::FromPairs({{"__name__", "c_total"}, {"job", job}}); }

  // Both series grow by 1 with each sample.
  void Fill(int samples, bool with_maintenance = true) {
    for (int i = 0; i < samples; ++i) {
      clock().Advance(std::chrono::milliseconds(kIntervalMs));
      auto appender = storage().NewAppender();
      ++filled_;
      for (const char* const job : {"thin", "whole"}) {
        const model::Sample sample{.timestamp_ms = kStartMs + filled_ * kIntervalMs,
                                   .value = static_cast<double>(filled_)};
        ASSERT_EQ(appender->Append(*appender->Resolve(Named(job)), sample), SampleStatus::kAccepted);
      }
      ASSERT_TRUE(appender->Commit(Durability::kSynced));
      if (with_maintenance && i % 20 == 0) {
        const auto maintained = storage().Maintain();
        ASSERT_TRUE(maintained) << maintained.error().message();
      }
    }
  }

  SampleColumns Read(std::string_view job, DownsampledView view) {
    const auto reader = storage().OpenReader();
    const std::vector<Matcher> matchers = {Matcher::Equal("job", job)};
    const auto selection = reader->Select({.matchers = matchers, .range = {}, .view = view}, {}).value();
    EXPECT_EQ(selection->size(), 1U);
    SampleColumns columns;
    if (selection->size() == 1) {
      EXPECT_TRUE(selection->Read(0, {}, columns));
      resolution_ms_ = selection->resolution_ms();
    }
    return columns;
  }
  static double SumOf(const SampleColumns& columns) {
    double sum = 0;
    for (const double value : columns.values()) sum += value;
    return sum;
  }
  void ExpectAllCounted() {
    const double n = static_cast<double>(filled_);
    const SampleColumns counts = Read("thin", DownsampledView::kCount);
    EXPECT_EQ(resolution_ms_ == 0 ? static_cast<double>(counts.values().size()) : SumOf(counts), n);
    EXPECT_EQ(SumOf(Read("thin", DownsampledView::kSum)), n * (n + 1) / 2);
    EXPECT_EQ(SumOf(Read("whole", DownsampledView::kSum)), n * (n + 1) / 2);
  }

  base::SimFileSystem& files() { return files_; }
  std::int64_t filled() const { return filled_; }

 private:
  base::SimFileSystem files_;
  std::int64_t filled_ = 0;
  std::int64_t resolution_ms_ = 0;  // of what was read last
};

TEST_F(DownsamplingTest, OldBlocksBecomeAggregatesOfLongerAndLongerWindowsOnce) {
  Open();
  Fill(12 * 120);  // twelve hours
  ExpectAllCounted();
  const SampleColumns thin = Read("thin", DownsampledView::kCounter);
  EXPECT_EQ(Read("whole", DownsampledView::kCounter).values().size(), static_cast<std::size_t>(filled()));
  // Four hours of 1 h, six of 5 m, two to three of samples, and a few samples more at the borders of blocks.
  EXPECT_LT(thin.values().size(), 12U + 90U + 400U);
  EXPECT_EQ(thin.values().back() - thin.values().front(), static_cast<double>(filled() - 1));
  std::map<std::vector<std::int64_t>, int> kinds;
  for (const BlockStatus& block : storage().Blocks()) ++kinds[ResolutionsOf(block.meta)];
  EXPECT_GT(kinds[{kResolutionsMs[1]}], 0);
  EXPECT_GT(kinds[{kResolutionsMs[0]}], 0);
  EXPECT_GT(kinds[{}], 0);

  const auto names = [this] {
    std::vector<std::string> all;
    for (const BlockStatus& block : storage().Blocks()) all.push_back(block.meta.ulid.ToString());
    return all;
  };
  ASSERT_TRUE(storage().Maintain());
  const auto before = names();
  ASSERT_TRUE(storage().Maintain());
  EXPECT_EQ(names(), before);
  Reopen();
  ASSERT_TRUE(storage().Maintain());
  EXPECT_EQ(names(), before);
  ExpectAllCounted();
}

TEST_F(DownsamplingTest, RulesThatCameLaterHoldForOldBlocks) {
  options().retention.rules = nullptr;
  Open();
  Fill(6 * 120);
  EXPECT_EQ(Read("thin", DownsampledView::kCounter).values().size(), static_cast<std::size_t>(filled()));
  storage().SetRetention({.time = {}, .rules = Rules(1h, 3h)});
  ASSERT_TRUE(storage().Maintain());
  ExpectAllCounted();
  EXPECT_LT(Read("thin", DownsampledView::kCounter).values().size(), static_cast<std::size_t>(filled()) / 2);
}

TEST_F(DownsamplingTest, ACrashAtAnyStepLosesNoSampleAndCountsNoneTwice) {
  base::SeededRandom random(9);
  options().retention.rules = nullptr;
  Open();
  Fill(5 * 120);
  for (std::uint64_t at = 1; at < 160; at += 3) {
    // Rules that change at each round find something to do again and again.
    storage().SetRetention(
        {.time = {}, .rules = Rules(std::chrono::minutes(300 - at), std::chrono::minutes(400 - at))});
    files().FailAfter(1 + at % 60, base::Code::kIo, 1);
    (void)storage().Maintain().has_value();  // it may fail, and is tried again
    if (random.OneIn(2)) {
      files().Crash(random);
    } else {
      files().Kill();
    }
    Drop();
    files().StopFailing();
    Open();
    SCOPED_TRACE(fmt::format("operation {}", at));
    ExpectAllCounted();
    if (HasFailure()) return;
    Fill(3, /*with_maintenance=*/false);
  }
  EXPECT_LT(Read("thin", DownsampledView::kCounter).values().size(), static_cast<std::size_t>(filled()));
}

}  // namespace
}  // namespace baro::tsdb

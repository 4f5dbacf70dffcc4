// Retention by rule: what leaves blocks, and what stays in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using model::MatchType;
using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::StorageFixture;
using namespace std::chrono_literals;

Labels Named(std::string_view name, std::string_view job) {
  return Labels::FromPairs({{"__name__", name}, {"job", job}});
}

RetentionRule Rule(MatchType type, std::string_view label, std::string_view value, std::chrono::milliseconds time) {
  return {.matchers = {Matcher::Make(type, label, value).value()}, .time = time};
}

std::shared_ptr<const StorageRules> Rules(std::vector<RetentionRule> retention) {
  return std::make_shared<const StorageRules>(StorageRules{.retention = std::move(retention), .downsampling = {}});
}

// Blocks of 10 s, cut 5 s later, joined up to 90 s.
class RetentionRulesTest : public ::testing::Test, public StorageFixture {
 public:
  RetentionRulesTest() {
    options().block_range = 10s;
    options().block_range_max = 90s;
    options().lateness_max = 5s;
    UseFiles(files_);
  }
  ~RetentionRulesTest() override { Drop(); }

  // One sample per second and series, with maintenance every five seconds.
  void Fill(std::span<const Labels> series, std::int64_t from_s, std::int64_t to_s) {
    for (std::int64_t second = from_s; second < to_s; ++second) {
      clock().Advance(1s);
      auto appender = storage().NewAppender();
      for (const Labels& labels : series) {
        const model::Sample sample{.timestamp_ms = kStartMs + second * 1000, .value = static_cast<double>(second)};
        ASSERT_EQ(appender->Append(*appender->Resolve(labels), sample), SampleStatus::kAccepted);
      }
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
      if (second % 5 == 0) {
        const auto maintained = storage().Maintain();
        ASSERT_TRUE(maintained) << maintained.error().message();
      }
    }
  }

  // Seconds since the start of the first sample of that series.
  std::int64_t OldestSecondOf(const Labels& labels) {
    for (const LiteralSeries& series : ReadAll(storage())) {
      if (series.labels == labels) return (series.samples.front().timestamp_ms - kStartMs) / 1000;
    }
    return -1;
  }

  base::FileSystem& files() { return files_; }

 private:
  base::SimFileSystem files_;  // the real disk's syncs would take most of the time
};

TEST_F(RetentionRulesTest, SeriesOfARuleLeaveEarlierAndThoseOfAnotherStayLonger) {
  const Labels kSeries[] = {Named("a", "brief"), Named("a", "long"), Named("b", "brief"), Named("c", "other")};
  options().retention = {
      .time = 200s,
      .rules = Rules({Rule(MatchType::kEqual, "job", "brief", 50s), Rule(MatchType::kRegex, "job", "l.*", 1000s)})};
  Open();
  Fill(kSeries, 0, 400);
  for (int life = 0; life < 2; ++life) {
    // Blocks go when their end is too old, so that a sample lives longer by the range of its block at most.
    EXPECT_GE(OldestSecondOf(kSeries[0]), 400 - 50 - 90 - 10);
    EXPECT_LE(OldestSecondOf(kSeries[0]), 400 - 50);
    EXPECT_EQ(OldestSecondOf(kSeries[0]), OldestSecondOf(kSeries[2]));
    EXPECT_EQ(OldestSecondOf(kSeries[1]), 0) << "a longer rule keeps blocks that the general retention drops";
    EXPECT_GE(OldestSecondOf(kSeries[3]), 400 - 200 - 90 - 10);
    EXPECT_LE(OldestSecondOf(kSeries[3]), 400 - 200);
    Reopen();
    ASSERT_TRUE(storage().Maintain());
  }
}

TEST_F(RetentionRulesTest, TheFirstRuleThatMatchesCounts) {
  const Labels kSeries[] = {Named("kept", "x"), Named("other", "x")};
  options().retention = {
      .time = {},
      .rules = Rules({Rule(MatchType::kEqual, "__name__", "kept", 1000s), Rule(MatchType::kEqual, "job", "x", 30s)})};
  Open();
  Fill(kSeries, 0, 300);
  EXPECT_EQ(OldestSecondOf(kSeries[0]), 0);
  EXPECT_GE(OldestSecondOf(kSeries[1]), 300 - 30 - 90 - 10);
}

TEST_F(RetentionRulesTest, WithoutAGeneralLimitBlocksWhoseSeriesAreAllTooOldGoWhole) {
  const Labels kSeries[] = {Named("a", "x")};
  options().retention = {.time = {}, .rules = Rules({Rule(MatchType::kEqual, "job", "x", 30s)})};
  Open();
  Fill(kSeries, 0, 200);
  for (const BlockStatus& block : storage().Blocks()) {
    EXPECT_GT(block.meta.max_time_ms, kStartMs + (199 - 30) * 1000);
  }
}

TEST_F(RetentionRulesTest, ABlockIsWrittenAnewOncePerCutoffAndNotAgainAfterARestart) {
  const Labels kSeries[] = {Named("a", "brief"), Named("a", "long")};
  options().block_range_max = 10s;  // nothing is joined
  options().retention = {.time = {}, .rules = Rules({Rule(MatchType::kEqual, "job", "brief", 30s)})};
  Open();
  Fill(kSeries, 0, 100);
  ASSERT_TRUE(storage().Maintain());
  const auto names = [this] {
    std::vector<std::string> all;
    for (const BlockStatus& block : storage().Blocks()) all.push_back(block.meta.ulid.ToString());
    return all;
  };
  const std::vector<std::string> before = names();
  ASSERT_GT(before.size(), 5U);
  ASSERT_TRUE(storage().Maintain());
  EXPECT_EQ(names(), before);
  Reopen();
  ASSERT_TRUE(storage().Maintain());
  EXPECT_EQ(names(), before);
}

TEST_F(RetentionRulesTest, RulesThatChangeHoldFromTheNextMaintenanceOn) {
  const Labels kSeries[] = {Named("a", "brief"), Named("a", "long")};
  options().retention = {.time = 1000s, .rules = nullptr};
  Open();
  Fill(kSeries, 0, 200);
  EXPECT_EQ(OldestSecondOf(kSeries[0]), 0);
  storage().SetRetention({.time = 1000s, .rules = Rules({Rule(MatchType::kEqual, "job", "brief", 30s)})});
  ASSERT_TRUE(storage().Maintain());
  EXPECT_GE(OldestSecondOf(kSeries[0]), 200 - 30 - 90 - 10);
  EXPECT_EQ(OldestSecondOf(kSeries[1]), 0);
  storage().SetRetention({.time = 1000s, .rules = nullptr});
  Fill(kSeries, 200, 260);
  EXPECT_LE(OldestSecondOf(kSeries[0]), 180);
}

// Against the plainest model: what was appended, less what a cutoff has passed.
TEST_F(RetentionRulesTest, NothingYoungIsLostAndNothingOldStaysInOldBlocks) {
  base::SeededRandom random(5);
  for (int round = 0; round < 6; ++round) {
    Drop();
    ASSERT_TRUE(files().RemoveAll(options().directory));
    std::vector<RetentionRule> rules;
    for (std::uint64_t i = random.Below(4); i > 0; --i) {
      rules.push_back(Rule(random.OneIn(2) ? MatchType::kEqual : MatchType::kNotEqual, "job",
                           fmt::format("j{}", random.Below(4)), std::chrono::seconds(10 + random.Below(150))));
    }
    const std::chrono::milliseconds general = std::chrono::seconds(random.OneIn(3) ? 0 : 20 + random.Below(150));
    options().retention = {.time = general, .rules = Rules(rules)};
    Open();
    std::vector<Labels> series;
    series.reserve(8);
    for (int i = 0; i < 8; ++i) series.push_back(Named(fmt::format("m{}", i / 4), fmt::format("j{}", i % 4)));
    const std::int64_t seconds = 150 + static_cast<std::int64_t>(random.Below(150));
    Fill(series, 0, seconds);
    ASSERT_TRUE(storage().Maintain());

    const std::vector<LiteralSeries> all = ReadAll(storage());
    for (const Labels& labels : series) {
      std::int64_t cutoff_ms = general.count() == 0 ? 0 : kStartMs + (seconds - 1) * 1000 - general.count();
      for (const RetentionRule& rule : rules) {
        if (!model::MatchesAll(rule.matchers, labels)) continue;
        cutoff_ms = kStartMs + (seconds - 1) * 1000 - rule.time.count();
        break;
      }
      std::vector<std::int64_t> found;
      for (const LiteralSeries& one : all) {
        if (one.labels != labels) continue;
        for (const model::Sample& sample : one.samples) found.push_back((sample.timestamp_ms - kStartMs) / 1000);
      }
      std::int64_t block_end_ms = kStartMs + seconds * 1000;  // of what the oldest found sample lies in
      for (const BlockStatus& block : storage().Blocks()) {
        const std::int64_t first_ms = found.empty() ? 0 : kStartMs + found.front() * 1000;
        if (block.meta.range().Contains(first_ms)) block_end_ms = block.meta.max_time_ms;
      }
      EXPECT_GT(block_end_ms, cutoff_ms) << "round " << round << " " << labels.ToString();
      for (std::int64_t second = 0; second < seconds; ++second) {
        if (kStartMs + second * 1000 < cutoff_ms) continue;
        EXPECT_TRUE(std::ranges::binary_search(found, second))
            << "lost: round " << round << " " << labels.ToString() << " at " << second;
      }
    }
  }
}

}  // namespace
}  // namespace baro::tsdb

// Storage against the plainest model: random commits, selections, label lists and ranges give the same answers.
#include <gtest/gtest.h>

#include "base/random.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using testing_support::Bits;
using testing_support::kStartMs;
using testing_support::StorageFixture;

// The parameter: whether samples go on into blocks, many and short ones.
class ModelTest : public ::testing::TestWithParam<bool>, public StorageFixture {};

Labels LabelsOf(std::size_t series) {
  model::LabelsBuilder builder;
  builder.Set("__name__", fmt::format("metric_{}", series % 4));
  builder.Set("n", fmt::format("{}", series));
  if (series % 3 == 0) builder.Set("zone", series % 2 == 0 ? "a" : "b");
  return builder.Build();
}

std::vector<Matcher> RandomMatchers(base::Random& random) {
  static const std::vector<std::string> kNames = {"__name__", "n", "zone"};
  static const std::vector<std::string> kTexts = {"metric_1", "metric_[02]", "a", "a|b", ".+", "", "1.*", ".*2", "7"};
  std::vector<Matcher> matchers = {Matcher::Make(model::MatchType::kNotEqual, "__name__", "").value()};
  for (std::uint64_t i = random.Below(3); i > 0; --i) {
    matchers.push_back(Matcher::Make(static_cast<model::MatchType>(random.Below(4)), kNames[random.Below(3)],
                                     kTexts[random.Below(kTexts.size())])
                           .value());
  }
  return matchers;
}

// Compares a selection, and a read of each of its series in a part of the range. The store may select series that have
// nothing in the range, as long as they then read empty.
void ExpectSame(const Reader& ours, const Reader& naive, std::span<const Matcher> matchers, model::TimeRange range) {
  const auto got = ours.Select({.matchers = matchers, .range = range}, {});
  const auto want = naive.Select({.matchers = matchers, .range = range}, {});
  ASSERT_TRUE(got && want);
  SampleColumns got_columns;
  SampleColumns want_columns;
  std::size_t next = 0;
  for (std::size_t i = 0; i < (*got)->size(); ++i) {
    ASSERT_TRUE((*got)->Read(i, range, got_columns));
    if (got_columns.empty()) continue;
    ASSERT_LT(next, (*want)->size());
    ASSERT_EQ((*got)->labels(i), (*want)->labels(next));
    ASSERT_TRUE((*want)->Read(next++, range, want_columns));
    ASSERT_TRUE(std::ranges::equal(got_columns.timestamps_ms(), want_columns.timestamps_ms()));
    ASSERT_TRUE(std::ranges::equal(got_columns.values(), want_columns.values(), {}, Bits, Bits));
  }
  ASSERT_EQ(next, (*want)->size());
}

INSTANTIATE_TEST_SUITE_P(HeadAndBlocks, ModelTest, ::testing::Bool(), [](const auto& suite) {
  return suite.param ? std::string("Blocks") : std::string("HeadOnly");
});

TEST_P(ModelTest, AnswersAsAListOfSamplesDoes) {
  base::SeededRandom random(21);
  constexpr std::size_t kSeries = 20;
  if (GetParam()) {
    options().block_range = std::chrono::seconds(30);
    options().block_range_max = std::chrono::seconds(270);
    options().lateness_max = std::chrono::seconds(15);
  }
  Open();
  std::vector<LiteralSeries> literal(kSeries);
  for (std::size_t i = 0; i < kSeries; ++i) literal[i].labels = LabelsOf(i);
  std::vector<GroupRef> groups = {storage().NewGroup(), storage().NewGroup(), storage().NewGroup()};
  std::int64_t now_ms = kStartMs;
  for (int round = 0; round < 60; ++round) {
    for (int commit = 0; commit < 12; ++commit) {
      now_ms += 1 + static_cast<std::int64_t>(random.Below(3000));
      clock().Advance(std::chrono::seconds(2));
      auto appender = storage().NewAppender();
      const std::size_t group = random.Below(3);
      std::vector<SeriesRef> refs;
      std::vector<double> values;
      for (std::size_t i = 0; i < kSeries; ++i) {
        // Mostly each series keeps to its group; now and then one strays, is missing, or comes singly.
        if (i % 3 != group ? !random.OneIn(20) : random.OneIn(10)) continue;
        const SeriesRef ref = *appender->Resolve(literal[i].labels, nullptr);
        const double value = random.OneIn(30) ? model::StaleNaN() : static_cast<double>(random.Below(500)) / 4;
        literal[i].samples.push_back({.timestamp_ms = now_ms, .value = value});
        if (random.OneIn(15)) {
          ASSERT_EQ(appender->Append(ref, literal[i].samples.back()), SampleStatus::kAccepted);
        } else {
          refs.push_back(ref);
          values.push_back(value);
        }
      }
      appender->AppendRow(groups[group], now_ms, refs, values, {});
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
    }
    if (GetParam() && random.OneIn(2)) {
      ASSERT_TRUE(storage().Maintain());
    }
    if (random.OneIn(12)) {
      Reopen();
      groups = {storage().NewGroup(), storage().NewGroup(), storage().NewGroup()};
    }
    const MemoryReader naive(literal);
    const auto ours = storage().OpenReader();
    for (int query = 0; query < 4; ++query) {
      const std::vector<Matcher> matchers = RandomMatchers(random);
      const std::int64_t from =
          kStartMs + static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(now_ms - kStartMs)));
      const model::TimeRange part{.min_ms = from, .max_ms = from + static_cast<std::int64_t>(random.Below(200'000))};
      SCOPED_TRACE(fmt::format("round {} query {}", round, query));
      ExpectSame(*ours, naive, matchers, query % 2 == 0 ? model::TimeRange{} : part);
      ASSERT_EQ(ours->LabelNames(matchers, {}, 0, {}).value(), naive.LabelNames(matchers, {}, 0, {}).value());
      ASSERT_EQ(ours->LabelValues("n", matchers, {}, 3, {}).value(),
                naive.LabelValues("n", matchers, {}, 3, {}).value());
    }
  }
  EXPECT_EQ(storage().Blocks().empty(), !GetParam());
}

}  // namespace
}  // namespace baro::tsdb

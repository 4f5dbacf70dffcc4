#include "tsdb/storage.h"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_clock.h"
#include "model/matcher.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using model::Sample;
using testing_support::Bits;
using testing_support::ReadAll;
using testing_support::StorageFixture;

constexpr std::int64_t kNow = testing_support::kStartMs;

Labels Named(std::string_view name, std::string_view instance = "a") {
  return Labels::FromPairs({{"__name__", name}, {"instance", instance}});
}

class StorageTest : public ::testing::Test, public StorageFixture {};

TEST_F(StorageTest, GivesBackRowsAndSinglesInLabelOrderAfterAndBeforeARestart) {
  Open();
  const GroupRef group = storage().NewGroup();
  {
    auto appender = storage().NewAppender();
    const std::vector<SeriesRef> series = {*appender->Resolve(Named("b"), nullptr),
                                           *appender->Resolve(Named("a"), nullptr)};
    const SeriesRef single = *appender->Resolve(Named("c"), nullptr);
    std::vector<SampleStatus> statuses(2);
    appender->AppendRow(group, kNow, series, std::vector<double>{1, 2}, statuses);
    EXPECT_THAT(statuses, ::testing::Each(SampleStatus::kAccepted));
    EXPECT_EQ(appender->Append(single, {.timestamp_ms = kNow - 5, .value = 3}), SampleStatus::kAccepted);
    const auto stats = appender->Commit(Durability::kSynced);
    ASSERT_TRUE(stats) << stats.error().message();
    EXPECT_EQ(stats->accepted, 3U);
  }
  for (int restart = 0; restart < 3; ++restart) {
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].labels.metric_name(), "a");
    EXPECT_EQ(all[0].samples, (std::vector<Sample>{{.timestamp_ms = kNow, .value = 2}}));
    EXPECT_EQ(all[1].samples, (std::vector<Sample>{{.timestamp_ms = kNow, .value = 1}}));
    EXPECT_EQ(all[2].samples, (std::vector<Sample>{{.timestamp_ms = kNow - 5, .value = 3}}));
    Reopen();
  }
}

TEST_F(StorageTest, ReaderSeesWholeCommitsOrNothing) {
  Open();
  const GroupRef group = storage().NewGroup();
  auto appender = storage().NewAppender();
  const std::vector<SeriesRef> series = {*appender->Resolve(Named("a"), nullptr),
                                         *appender->Resolve(Named("b"), nullptr)};
  appender->AppendRow(group, kNow, series, std::vector<double>{1, 1}, {});
  EXPECT_TRUE(ReadAll(storage()).empty()) << "not committed yet";
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  const auto reader = storage().OpenReader();
  for (int i = 1; i < 100; ++i) {
    appender->AppendRow(group, kNow + i, series, std::vector<double>{1.0 + i, 1.0 + i}, {});
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
  }
  for (const auto& one : testing_support::ReadAllOf(*reader)) EXPECT_EQ(one.samples.size(), 1U);
  for (const auto& one : ReadAll(storage())) EXPECT_EQ(one.samples.size(), 100U);
}

TEST_F(StorageTest, RollbackLeavesNothing) {
  Open();
  {
    auto appender = storage().NewAppender();
    const SeriesRef series = *appender->Resolve(Named("a"), nullptr);
    appender->Append(series, {.timestamp_ms = kNow, .value = 1});
    appender->Rollback();
    ASSERT_TRUE(appender->Commit(Durability::kSynced));
  }
  EXPECT_TRUE(ReadAll(storage()).empty());
  Reopen();
  EXPECT_TRUE(ReadAll(storage()).empty());
}

TEST_F(StorageTest, JudgesOrderAsPrometheusDoes) {
  Open();
  auto appender = storage().NewAppender();
  const SeriesRef series = *appender->Resolve(Named("a"), nullptr);
  const auto put = [&](std::int64_t timestamp_ms, double value) {
    const SampleStatus status = appender->Append(series, {.timestamp_ms = timestamp_ms, .value = value});
    EXPECT_TRUE(appender->Commit(Durability::kInterval));
    return status;
  };
  EXPECT_EQ(put(kNow, 1), SampleStatus::kAccepted);
  EXPECT_EQ(put(kNow, 1), SampleStatus::kRepeated);
  EXPECT_EQ(put(kNow, 2), SampleStatus::kDuplicate);
  EXPECT_EQ(put(kNow - 1, 1), SampleStatus::kOutOfOrder);
  EXPECT_EQ(put(kNow - 2 * 3'600'000, 1), SampleStatus::kOutOfBounds);
  EXPECT_EQ(put(kNow + 600'001, 1), SampleStatus::kOutOfBounds);
  EXPECT_EQ(put(kNow + 600'000, 1), SampleStatus::kAccepted);
  EXPECT_EQ(appender->Append(SeriesRef{12345}, {.timestamp_ms = kNow, .value = 1}), SampleStatus::kUnknownSeries);
}

// A target that repeats an explicit timestamp does so at every scrape, also at the one that follows a seal.
TEST_F(StorageTest, KnowsTheNewestSingleAlsoWhenItIsSealed) {
  Open();
  const auto append = [&](std::int64_t timestamp_ms, double value) {
    auto appender = storage().NewAppender();
    const SampleStatus status =
        appender->Append(*appender->Resolve(Named("s"), nullptr), {.timestamp_ms = timestamp_ms, .value = value});
    EXPECT_TRUE(appender->Commit(Durability::kSynced));
    return status;
  };
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(append(kNow + i, i), SampleStatus::kAccepted);
    ASSERT_EQ(append(kNow + i, i), SampleStatus::kRepeated) << i;
    ASSERT_EQ(append(kNow + i, i + 1), SampleStatus::kDuplicate) << i;
    if (i % 37 == 0) Reopen();
  }
  EXPECT_EQ(ReadAll(storage())[0].samples.size(), 200U);
}

TEST_F(StorageTest, JudgesRowsSeriesBySeries) {
  Open();
  auto appender = storage().NewAppender();
  const GroupRef group = storage().NewGroup();
  const SeriesRef a = *appender->Resolve(Named("a"), nullptr);
  const SeriesRef b = *appender->Resolve(Named("b"), nullptr);
  const SeriesRef c = *appender->Resolve(Named("c"), nullptr);
  using enum SampleStatus;
  const auto row = [&](std::int64_t at, std::vector<SeriesRef> series, std::vector<double> values) {
    std::vector<SampleStatus> statuses(series.size());
    appender->AppendRow(group, at, series, values, statuses);
    return statuses;
  };
  EXPECT_THAT(row(kNow, {a, b, a}, {1, 2, 3}), ::testing::ElementsAre(kAccepted, kAccepted, kDuplicate));
  EXPECT_THAT(row(kNow, {c, a}, {9, 1}), ::testing::ElementsAre(kAccepted, kRepeated));
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  EXPECT_THAT(row(kNow, {a, b}, {1, 5}), ::testing::ElementsAre(kRepeated, kDuplicate));
  EXPECT_THAT(row(kNow - 1, {a, SeriesRef{77}}, {1, 5}), ::testing::ElementsAre(kOutOfOrder, kUnknownSeries));
  EXPECT_THAT(row(kNow + 10, {b, a}, {1, 5}), ::testing::ElementsAre(kAccepted, kAccepted));
  const auto stats = appender->Commit(Durability::kInterval);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->accepted, 2U);
  EXPECT_EQ(stats->duplicate, 1U);
  EXPECT_EQ(stats->out_of_order, 1U);
  const auto all = ReadAll(storage());
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].samples.size(), 2U);
  EXPECT_EQ(all[2].samples.size(), 1U);
}

TEST_F(StorageTest, KeepsEveryBit) {
  Open();
  const std::vector<double> values = {
      model::StaleNaN(), model::CanonicalNaN(), -0.0, 0.0, std::bit_cast<double>(0xfff8dead00000001), 1e308};
  const GroupRef group = storage().NewGroup();
  auto appender = storage().NewAppender();
  std::vector<SeriesRef> series;
  for (std::size_t i = 0; i < values.size(); ++i) {
    series.push_back(*appender->Resolve(Named("a", fmt::format("{}", i)), nullptr));
  }
  for (int row = 0; row < 300; ++row) {
    std::vector<double> turned = values;
    std::ranges::rotate(turned, turned.begin() + row % static_cast<int>(values.size()));
    appender->AppendRow(group, kNow + row * 1000, series, turned, {});
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
  }
  appender.reset();
  for (int restart = 0; restart < 2; ++restart) {
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), values.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i].samples.size(), 300U);
      for (std::size_t row = 0; row < 300; ++row) {
        ASSERT_EQ(Bits(all[i].samples[row].value), Bits(values[(i + row) % values.size()])) << i << " row " << row;
      }
    }
    Reopen();
  }
}

TEST_F(StorageTest, FollowsASeriesFromGroupToGroupAndToSingles) {
  Open();
  auto appender = storage().NewAppender();
  const SeriesRef a = *appender->Resolve(Named("a"), nullptr);
  const SeriesRef b = *appender->Resolve(Named("b"), nullptr);
  const std::vector<GroupRef> groups = {storage().NewGroup(), storage().NewGroup()};
  std::vector<Sample> want;
  for (int i = 0; i < 400; ++i) {
    const Sample sample{.timestamp_ms = kNow + i, .value = static_cast<double>(i)};
    if (i % 7 == 3) {
      ASSERT_EQ(appender->Append(a, sample), SampleStatus::kAccepted) << i;
    } else {
      const std::vector<SeriesRef> series = i % 2 == 0 ? std::vector{a, b} : std::vector{a};
      std::vector<SampleStatus> statuses(series.size());
      appender->AppendRow(groups[static_cast<std::size_t>(i / 50 % 2)], sample.timestamp_ms, series,
                          std::vector<double>(series.size(), sample.value), statuses);
      ASSERT_EQ(statuses[0], SampleStatus::kAccepted) << i;
    }
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    want.push_back(sample);
    if (i == 200) storage().DropGroup(groups[0]);
  }
  appender.reset();
  EXPECT_EQ(ReadAll(storage())[0].samples, want);
  Reopen();
  EXPECT_EQ(ReadAll(storage())[0].samples, want);
}

TEST_F(StorageTest, KeepsHistogramsBesideFloats) {
  Open();
  model::FloatHistogram histogram;
  histogram.count = 3;
  histogram.sum = 1.5;
  histogram.positive_spans = {{.offset = 0, .length = 2}};
  histogram.positive_buckets = {1, 2};
  auto appender = storage().NewAppender();
  const SeriesRef series = *appender->Resolve(Named("h"), nullptr);
  EXPECT_EQ(*appender->AppendHistogram(series, kNow, histogram), SampleStatus::kAccepted);
  EXPECT_EQ(appender->Append(series, {.timestamp_ms = kNow, .value = 1}), SampleStatus::kDuplicate);
  EXPECT_EQ(appender->Append(series, {.timestamp_ms = kNow + 1, .value = 1}), SampleStatus::kAccepted);
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  EXPECT_EQ(*appender->AppendHistogram(series, kNow + 2, histogram), SampleStatus::kAccepted);
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  EXPECT_EQ(*appender->AppendHistogram(series, kNow + 2, histogram), SampleStatus::kRepeated);
  histogram.positive_buckets = {1};
  EXPECT_FALSE(appender->AppendHistogram(series, kNow + 3, histogram));
  appender.reset();
  for (int restart = 0; restart < 2; ++restart) {
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].samples.size(), 1U);
    ASSERT_EQ(all[0].histograms.size(), 2U);
    EXPECT_EQ(all[0].histograms[1].histogram->positive_buckets, (std::vector<double>{1, 2}));
    Reopen();
  }
}

TEST_F(StorageTest, TheStaleMarkerBehindAHistogramIsOne) {
  Open();
  const model::FloatHistogram histogram{
      .count = 3, .sum = 1.5, .positive_spans = {{.offset = 0, .length = 1}}, .positive_buckets = {3}};
  for (int restart = 0; restart < 2; ++restart) {
    const std::int64_t now_ms = kNow + 10 * restart;
    auto appender = storage().NewAppender();
    const SeriesRef series = *appender->Resolve(Named("h"), nullptr);
    EXPECT_EQ(*appender->AppendHistogram(series, now_ms, histogram), SampleStatus::kAccepted);
    if (restart == 1) {  // behind it in the head, or in the appender
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
    }
    EXPECT_EQ(appender->Append(series, {.timestamp_ms = now_ms + 1, .value = model::StaleNaN()}),
              SampleStatus::kAccepted);
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    // Behind a float it is a float.
    EXPECT_EQ(appender->Append(series, {.timestamp_ms = now_ms + 2, .value = 1}), SampleStatus::kAccepted);
    EXPECT_EQ(appender->Append(series, {.timestamp_ms = now_ms + 3, .value = model::StaleNaN()}),
              SampleStatus::kAccepted);
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    appender.reset();
    Reopen();
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), 1U);
    ASSERT_EQ(all[0].histograms.size(), 2U * (restart + 1));
    EXPECT_TRUE(model::IsStaleNaN(all[0].histograms.back().histogram->sum));
    EXPECT_EQ(all[0].samples.size(), 2U * (restart + 1));
  }
}

TEST_F(StorageTest, RefusesSeriesPastTheLimitAndWithoutLabels) {
  options().series_max = 2;
  Open();
  auto appender = storage().NewAppender();
  EXPECT_TRUE(appender->Resolve(Named("a"), nullptr));
  bool created = false;
  EXPECT_TRUE(appender->Resolve(Named("b"), &created));
  EXPECT_TRUE(created);
  EXPECT_TRUE(appender->Resolve(Named("b"), &created));
  EXPECT_FALSE(created);
  EXPECT_EQ(appender->Resolve(Named("c"), nullptr).error().code(), base::Code::kLimitExceeded);
  EXPECT_EQ(appender->Resolve({}, nullptr).error().code(), base::Code::kInvalidArgument);
}

TEST_F(StorageTest, ForgetsWhatIsPastRetentionInMemoryAndOnDisk) {
  options().retention = {.time = std::chrono::minutes(30)};
  options().segment_bytes = 4096;
  Open();
  const GroupRef group = storage().NewGroup();
  auto appender = storage().NewAppender();
  const SeriesRef old = *appender->Resolve(Named("old"), nullptr);
  appender->Append(old, {.timestamp_ms = kNow, .value = 1});
  std::vector<SeriesRef> series;
  for (int i = 0; i < 10; ++i) series.push_back(*appender->Resolve(Named("row", fmt::format("{}", i)), nullptr));
  std::uint64_t log_bytes_most = 0;
  for (int i = 0; i < 2000; ++i) {
    clock().Advance(std::chrono::seconds(15));
    std::vector<double> values;
    for (int k = 0; k < 10; ++k) values.push_back(i * 1.7 + k);
    appender->AppendRow(group, base::ToMs(clock().Now()), series, values, {});
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    if (i % 20 == 0) {
      ASSERT_TRUE(storage().Maintain());
    }
    log_bytes_most = std::max(log_bytes_most, storage().log_status().size_bytes);
  }
  EXPECT_LT(log_bytes_most, 60'000U);
  for (int restart = 0; restart < 2; ++restart) {
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), 10U);
    EXPECT_GE(all[0].samples.size(), 120U);
    EXPECT_LE(all[0].samples.size(), 420U);
    EXPECT_EQ(all[0].samples.back().value, 1999 * 1.7);
    EXPECT_EQ(storage().Status(10).series_count, 10U);
    appender.reset();
    Reopen();
  }
}

TEST_F(StorageTest, RetentionInMemoryWaitsForReadersAndHidesFromThoseThatCome) {
  options().retention = {.time = std::chrono::minutes(30)};
  Open();
  const GroupRef group = storage().NewGroup();
  std::unique_ptr<Reader> held;
  for (int i = 0; i < 600; ++i) {
    clock().Advance(std::chrono::seconds(15));
    auto appender = storage().NewAppender();
    const std::vector<SeriesRef> series = {*appender->Resolve(Named("row"), nullptr)};
    const std::vector<double> values = {static_cast<double>(i)};
    appender->AppendRow(group, base::ToMs(clock().Now()), series, values, {});
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    if (i == 300) held = storage().OpenReader();
  }
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(storage().Maintain());
  EXPECT_EQ(testing_support::ReadAllOf(*held).front().samples.size(), 301U);
  EXPECT_EQ(ReadAll(storage()).front().samples.size(), 121U) << "30 minutes, both ends";
  held.reset();
  const std::uint64_t chunks_before = storage().Status(1).chunk_count;
  ASSERT_TRUE(storage().Maintain());
  EXPECT_LT(storage().Status(1).chunk_count, chunks_before) << "and then memory lets go of it";
}

TEST_F(StorageTest, TellsWhatIsInTheHead) {
  Open();
  auto appender = storage().NewAppender();
  for (int i = 0; i < 3; ++i) {
    const SeriesRef series = *appender->Resolve(Named(i == 0 ? "one" : "two", fmt::format("{}", i)), nullptr);
    appender->Append(series, {.timestamp_ms = kNow + i, .value = 1});
  }
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  const HeadStatus status = storage().Status(1);
  EXPECT_EQ(status.series_count, 3U);
  EXPECT_EQ(status.label_pair_count, 5U);
  EXPECT_EQ(status.min_time_ms, kNow);
  EXPECT_EQ(status.max_time_ms, kNow + 2);
  EXPECT_THAT(status.series_count_by_metric_name, ::testing::ElementsAre(NamedCount{.name = "two", .count = 2}));
  EXPECT_THAT(status.label_value_count_by_label_name,
              ::testing::ElementsAre(NamedCount{.name = "instance", .count = 3}));
}

TEST_F(StorageTest, KeepsExemplarsInOrder) {
  Open();
  auto appender = storage().NewAppender();
  const SeriesRef series = *appender->Resolve(Named("a"), nullptr);
  appender->Append(series, {.timestamp_ms = kNow, .value = 1});
  const Labels trace = Labels::FromPairs({{"trace_id", "x"}});
  appender->AppendExemplar(series, {.labels = trace, .value = 1, .timestamp_ms = kNow});
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  appender->AppendExemplar(series, {.labels = trace, .value = 2, .timestamp_ms = kNow - 1});
  appender->AppendExemplar(series, {.labels = trace, .value = 3, .timestamp_ms = kNow + 1});
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  appender.reset();
  const std::vector<std::vector<Matcher>> lists = {{Matcher::Equal("__name__", "a")}};
  for (int restart = 0; restart < 2; ++restart) {
    const auto found = storage().SelectExemplars(lists, {}, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    ASSERT_EQ((*found)[0].exemplars.size(), 2U);
    EXPECT_EQ((*found)[0].exemplars[1].value, 3);
    Reopen();
  }
}

TEST_F(StorageTest, RefusesADirectoryThatIsInUse) {
  Open();
  base::Registry registry;
  const auto second = Storage::Open(options(), Dependencies(registry));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::Code::kUnavailable);
}

}  // namespace
}  // namespace baro::tsdb

// Samples out of order: which are taken, what readers see of them, and where they are after cuts and restarts.
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using testing_support::Bits;
using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::ReadAllOf;
using testing_support::StorageFixture;
using enum SampleStatus;

constexpr std::int64_t kRangeMs = 60'000;
// In the middle of a block's range.
constexpr std::int64_t kNow = kStartMs / kRangeMs * kRangeMs + kRangeMs / 2;

class LateTest : public ::testing::Test, public StorageFixture {
 protected:
  LateTest() {
    options().block_range = std::chrono::milliseconds(kRangeMs);
    options().block_range_max = std::chrono::milliseconds(9 * kRangeMs);
    options().lateness_max = std::chrono::milliseconds(kRangeMs / 2);
    options().out_of_order_window = std::chrono::milliseconds(10 * kRangeMs);
    clock().Advance(std::chrono::milliseconds(100 * kRangeMs));
  }

  static Labels LabelsOf(std::string_view name) { return Labels::FromPairs({{"__name__", std::string(name)}}); }

  CommitStats Put(std::string_view name, std::int64_t time_ms, double value, SampleStatus want = kAccepted) {
    auto appender = storage().NewAppender();
    EXPECT_EQ(appender->Append(*appender->Resolve(LabelsOf(name)), {.timestamp_ms = time_ms, .value = value}), want)
        << name << " at " << time_ms;
    const auto stats = appender->Commit(Durability::kInterval);
    EXPECT_TRUE(stats) << stats.error().message();
    return stats ? *stats : CommitStats();
  }

  std::vector<SampleStatus> PutRow(GroupRef group, std::int64_t time_ms, const std::vector<std::string>& names,
                                   const std::vector<double>& values) {
    auto appender = storage().NewAppender();
    std::vector<SeriesRef> refs;
    for (const std::string& name : names) refs.push_back(*appender->Resolve(LabelsOf(name)));
    std::vector<SampleStatus> statuses(names.size());
    appender->AppendRow(group, time_ms, refs, values, statuses);
    last_stats_ = appender->Commit(Durability::kInterval).value();
    return statuses;
  }

  // The series' samples as "time:value", times counted from kNow.
  std::string Samples(std::string_view name) { return SamplesOf(*storage().OpenReader(), name); }
  static std::string SamplesOf(const Reader& reader, std::string_view name) {
    std::string text;
    for (const LiteralSeries& series : ReadAllOf(reader)) {
      if (series.labels != LabelsOf(name)) continue;
      for (const model::Sample& each : series.samples) {
        text += fmt::format("{}{}:{}", text.empty() ? "" : " ", each.timestamp_ms - kNow, each.value);
      }
    }
    return text;
  }

  double Metric(std::string_view name) {
    for (const base::MetricFamily& family : registry().Gather()) {
      if (family.name == name) return family.points.front().value;
    }
    ADD_FAILURE() << name;
    return -1;
  }

  CommitStats last_stats_;
};

TEST_F(LateTest, WithinTheWindowSamplesOfAnyOrderAreTakenAndSeen) {
  Open();
  Put("a", kNow, 1);
  EXPECT_EQ(Put("a", kNow - 10, 2).late, 1U);
  EXPECT_EQ(Put("a", kNow - 30, 3).late, 1U);
  Put("a", kNow - 20, 4);
  EXPECT_EQ(Put("a", kNow + 5, 5).late, 0U);
  EXPECT_EQ(Samples("a"), "-30:3 -20:4 -10:2 0:1 5:5");
  Put("a", kNow + 5 - 10 * kRangeMs, 6);
  EXPECT_EQ(Put("a", kNow + 5 - 10 * kRangeMs - 1, 7, kTooOld).too_old, 1U);
  EXPECT_EQ(Samples("a"), "-599995:6 -30:3 -20:4 -10:2 0:1 5:5");
  EXPECT_EQ(Metric("prometheus_tsdb_too_old_samples_total"), 1);
  EXPECT_EQ(Metric("prometheus_tsdb_head_out_of_order_samples_appended_total"), 4);
  EXPECT_EQ(Metric("prometheus_tsdb_head_samples_appended_total"), 6);
  Reopen();
  EXPECT_EQ(Samples("a"), "-599995:6 -30:3 -20:4 -10:2 0:1 5:5");
}

TEST_F(LateTest, WhatIsRefusedWithoutAWindowIsTakenAfterItWasSet) {
  options().out_of_order_window = {};
  Open();
  Put("a", kNow, 1);
  Put("a", kNow - 10, 2, kOutOfOrder);
  Put("b", kNow - kRangeMs, 2, kOutOfBounds);
  storage().SetOutOfOrderWindow(std::chrono::milliseconds(2 * kRangeMs));
  Put("a", kNow - 10, 2);
  Put("b", kNow - kRangeMs, 2);
  storage().SetOutOfOrderWindow({});
  Put("a", kNow - 9, 2, kOutOfOrder);
  EXPECT_EQ(Samples("a"), "-10:2 0:1");
  EXPECT_EQ(Samples("b"), "-60000:2");
}

// Prometheus tells a conflict with the newest sample in order only; among late samples the first counts, silently.
TEST_F(LateTest, DuplicatesAreAnsweredAsPrometheusDoes) {
  Open();
  Put("a", kNow - 10, 0);
  Put("a", kNow, 1);
  Put("a", kNow, 1, kRepeated);
  EXPECT_EQ(Put("a", kNow, 2, kDuplicate).duplicate, 1U);
  EXPECT_EQ(Put("a", kNow - 20, 3).accepted, 1U);
  const CommitStats again = Put("a", kNow - 20, 4);
  EXPECT_EQ(again.accepted + again.duplicate + again.out_of_order + again.too_old, 0U);
  EXPECT_EQ(Put("a", kNow - 10, 5).accepted, 1U);  // Prometheus does not look either
  EXPECT_EQ(Samples("a"), "-20:3 -10:0 0:1");
  Reopen();
  EXPECT_EQ(Samples("a"), "-20:3 -10:0 0:1");
}

TEST_F(LateTest, RowsAreJudgedSeriesBySeries) {
  Open();
  const GroupRef group = storage().NewGroup();
  PutRow(group, kNow, {"a", "b"}, {1, 2});
  PutRow(group, kNow + 10, {"a", "b"}, {3, 4});
  // `c` is new: in order for it, late for the others.
  EXPECT_THAT(PutRow(group, kNow + 5, {"a", "b", "c"}, {5, 6, 7}), ::testing::Each(kAccepted));
  EXPECT_EQ(last_stats_.late, 2U);
  EXPECT_EQ(last_stats_.accepted, 3U);
  EXPECT_THAT(PutRow(group, kNow + 5, {"a", "b", "c"}, {8, 9, 10}),
              ::testing::ElementsAre(kAccepted, kAccepted, kDuplicate));
  EXPECT_EQ(last_stats_.accepted, 0U);
  EXPECT_THAT(PutRow(group, kNow + 10 - 10 * kRangeMs - 1, {"a"}, {1}), ::testing::Each(kTooOld));
  PutRow(group, kNow + 20, {"a", "b", "c"}, {11, 12, 13});
  const auto check = [this] {
    EXPECT_EQ(Samples("a"), "0:1 5:5 10:3 20:11");
    EXPECT_EQ(Samples("b"), "0:2 5:6 10:4 20:12");
    EXPECT_EQ(Samples("c"), "5:7 20:13");
  };
  check();
  Reopen();
  check();
}

TEST_F(LateTest, HistogramsMayBeLateToo) {
  Open();
  const auto put = [this](std::int64_t time_ms, double count, SampleStatus want) {
    auto appender = storage().NewAppender();
    const model::FloatHistogram histogram{.zero_count = count, .count = count, .sum = 1};
    EXPECT_EQ(*appender->AppendHistogram(*appender->Resolve(LabelsOf("h")), time_ms, histogram), want);
    EXPECT_TRUE(appender->Commit(Durability::kInterval));
  };
  put(kNow, 3, kAccepted);
  put(kNow - 10, 2, kAccepted);
  put(kNow - 20, 1, kAccepted);
  put(kNow - 20, 9, kAccepted);  // silently not
  put(kNow - 10 * kRangeMs - 1, 1, kTooOld);
  Put("h", kNow - 15, 7);
  const auto check = [this] {
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), 1U);
    ASSERT_EQ(all[0].histograms.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(all[0].histograms[i].timestamp_ms, kNow - 20 + static_cast<std::int64_t>(i) * 10);
      EXPECT_EQ(all[0].histograms[i].histogram->count, static_cast<double>(i + 1));
    }
    EXPECT_EQ(all[0].samples.size(), 1U);
  };
  check();
  Reopen();
  check();
  for (int i = 1; i < 5; ++i) Put("x", kNow + i * kRangeMs, 1);
  put(kNow - 30, 0, kAccepted);
  for (int i = 5; i < 8; ++i) {
    Put("x", kNow + i * kRangeMs, 1);
    ASSERT_TRUE(storage().Maintain());
  }
  EXPECT_EQ(ReadAll(storage())[0].histograms.size(), 4U);
}

TEST_F(LateTest, WhatComesForTimesOfBlocksBecomesABlockThatIsJoined) {
  Open();
  for (int i = 0; i < 6; ++i) {
    Put("a", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  const std::size_t blocks = storage().Blocks().size();
  ASSERT_GE(blocks, 2U);
  const std::string before = Samples("a");
  const auto reader = storage().OpenReader();
  Put("a", kNow + 1, 10);
  Put("b", kNow + kRangeMs + 1, 11);
  const auto late_reader = storage().OpenReader();
  const std::string want = "0:0 1:10 60000:1 120000:2 180000:3 240000:4 300000:5";
  EXPECT_EQ(Samples("a"), want);
  Put("a", kNow + 6 * kRangeMs, 6);
  ASSERT_TRUE(storage().Maintain());
  // Readers that were opened before keep their answers.
  EXPECT_EQ(SamplesOf(*reader, "a"), before);
  EXPECT_EQ(SamplesOf(*late_reader, "a"), want);
  EXPECT_EQ(Samples("a"), want + " 360000:6");
  EXPECT_EQ(Samples("b"), "60001:11");
  Reopen();
  EXPECT_EQ(Samples("a"), want + " 360000:6");
  EXPECT_EQ(Samples("b"), "60001:11");
}

TEST_F(LateTest, SegmentsStayUntilTheirLateSamplesAreInBlocks) {
  options().segment_bytes = 200;
  Open();
  for (int i = 0; i < 6; ++i) {
    Put("a", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  Put("a", kNow + 1, 10);
  for (int i = 0; i < 40; ++i) Put("a", kNow + 5 * kRangeMs + 1 + i, i);
  ASSERT_TRUE(storage().Maintain());
  Reopen();
  EXPECT_THAT(Samples("a"), ::testing::HasSubstr("0:0 1:10 60000:1"));
  for (int i = 6; i < 12; ++i) {
    Put("a", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  EXPECT_THAT(storage().log_status().size_bytes, ::testing::Lt(3000U));
  Reopen();
  EXPECT_THAT(Samples("a"), ::testing::HasSubstr("0:0 1:10 60000:1"));
}

TEST_F(LateTest, ASeriesWithNothingButLateSamplesStaysUntilTheyAreInABlock) {
  Open();
  for (int i = 0; i < 6; ++i) {
    Put("a", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  Put("b", kNow, 1);
  const GroupRef group = storage().NewGroup();
  PutRow(group, kNow, {"c", "d"}, {2, 3});
  storage().DropGroup(group);
  ASSERT_TRUE(storage().Maintain());
  EXPECT_EQ(storage().Status(1).series_count, 4U);
  for (int i = 6; i < 9; ++i) {
    Put("a", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  EXPECT_EQ(storage().Status(1).series_count, 1U);
  EXPECT_EQ(Samples("b"), "0:1");
  EXPECT_EQ(Samples("c"), "0:2");
}

TEST_F(LateTest, DeletesReachMemoryAndAreNotUndone) {
  Open();
  const GroupRef group = storage().NewGroup();
  for (int i = 0; i < 5; ++i) {
    PutRow(group, kNow + i * 1000, {"a", "b"}, {static_cast<double>(i), static_cast<double>(i)});
    Put("c", kNow + i * 1000, i);
  }
  Put("a", kNow + 1500, 15);
  const auto reader = storage().OpenReader();
  const auto remove = [this](std::string_view name, std::int64_t from, std::int64_t to) {
    const std::vector<model::Matcher> matchers = {
        model::Matcher::Make(model::MatchType::kRegex, "__name__", name).value()};
    const auto touched = storage().Delete(matchers, {.min_ms = kNow + from, .max_ms = kNow + to}, {});
    EXPECT_TRUE(touched) << touched.error().message();
    return touched ? *touched : 0;
  };
  EXPECT_EQ(remove("nothing", 0, 100'000), 0U);
  EXPECT_EQ(remove("a|c", 1000, 3000), 2U);
  EXPECT_EQ(remove("b", 4000, 100'000), 1U);
  EXPECT_EQ(remove("b", 4000, 100'000), 0U);
  const auto check = [this] {
    EXPECT_EQ(Samples("a"), "0:0 4000:4");
    EXPECT_EQ(Samples("b"), "0:0 1000:1 2000:2 3000:3");
    EXPECT_EQ(Samples("c"), "0:0 4000:4");
  };
  check();
  EXPECT_EQ(SamplesOf(*reader, "a"), "0:0 1000:1 1500:15 2000:2 3000:3 4000:4");
  Reopen();
  check();
  // What is deleted counts for order; what comes later is seen, late or not.
  Put("b", kNow + 4000, 9, kDuplicate);
  Put("b", kNow + 5000, 5);
  Put("a", kNow + 1500, 16);
  EXPECT_EQ(Samples("a"), "0:0 1500:16 4000:4");
  EXPECT_EQ(Samples("b"), "0:0 1000:1 2000:2 3000:3 5000:5");
  Reopen();
  EXPECT_EQ(Samples("a"), "0:0 1500:16 4000:4");
  EXPECT_EQ(Samples("b"), "0:0 1000:1 2000:2 3000:3 5000:5");
  for (int i = 1; i < 6; ++i) {
    Put("x", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  ASSERT_FALSE(storage().Blocks().empty());
  EXPECT_EQ(Samples("a"), "0:0 1500:16 4000:4");
  remove("a", 1000, 2000);
  Reopen();
  EXPECT_EQ(Samples("a"), "0:0 4000:4");
  EXPECT_EQ(Samples("b"), "0:0 1000:1 2000:2 3000:3 5000:5");
}

TEST_F(LateTest, SnapshotsHaveLateSamples) {
  Open();
  for (int i = 0; i < 6; ++i) {
    Put("a", kNow + i * kRangeMs, i);
    ASSERT_TRUE(storage().Maintain());
  }
  Put("a", kNow + 1, 10);
  Put("a", kNow + 5 * kRangeMs - 1, 11);
  const std::string want = Samples("a");
  const auto name = storage().Snapshot(/*with_head=*/true);
  ASSERT_TRUE(name) << name.error().message();
  base::Registry registry;
  StorageOptions options = this->options();
  options.directory += "/snapshots/" + *name;
  const auto snapshot = Storage::Open(options, Dependencies(registry));
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(SamplesOf(*(*snapshot)->OpenReader(), "a"), want);
}

// The plainest model: for each series and time what may be seen there. A sample in order settles it; of late ones at
// one time any may be it.
class LateModelTest : public LateTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  static constexpr std::size_t kSeries = 12;
  struct Seen {
    std::set<std::uint64_t> bits;
    bool is_in_order = false;
  };
  struct Modelled {
    std::map<std::int64_t, Seen> samples;
    std::int64_t last_ms = model::kMinTimestampMs;
  };

  void Note(std::size_t series, std::int64_t time_ms, double value, std::int64_t newest_ms) {
    Modelled& modelled = model_[series];
    const std::int64_t in_order_from_ms = newest_ms - kRangeMs / 2;
    if (time_ms > modelled.last_ms && time_ms >= in_order_from_ms) {
      // The floor may be higher than that, and it is late then. It makes no difference: nothing else is at that time.
      modelled.last_ms = time_ms;
      modelled.samples[time_ms] = {.bits = {Bits(value)}, .is_in_order = true};
      return;
    }
    if (time_ms < newest_ms - 10 * kRangeMs) return;
    if (time_ms == modelled.last_ms) return;  // a repetition or a conflict
    Seen& seen = modelled.samples[time_ms];
    if (!seen.is_in_order) seen.bits.insert(Bits(value));
  }

  // Some series, some time. What comes later is not deleted, and order rules go on as if nothing had happened.
  void DeleteSome(base::Random& random, std::int64_t now_ms) {
    const std::int64_t from_ms = now_ms - static_cast<std::int64_t>(random.Below(12 * kRangeMs));
    const model::TimeRange range{.min_ms = from_ms,
                                 .max_ms = from_ms + static_cast<std::int64_t>(random.Below(2 * kRangeMs))};
    const std::vector<model::Matcher> matchers = {
        model::Matcher::Make(model::MatchType::kRegex, "__name__", random.OneIn(3) ? "s.*" : "s[135]").value()};
    const auto touched = storage().Delete(matchers, range, {});
    ASSERT_TRUE(touched) << touched.error().message();
    for (std::size_t i = 0; i < kSeries; ++i) {
      if (!model::MatchesAll(matchers, LabelsOf(NameOf(i)))) continue;
      std::erase_if(model_[i].samples, [range](const auto& entry) { return range.Contains(entry.first); });
    }
    if (random.OneIn(3)) {
      ASSERT_TRUE(storage().CleanTombstones());
    }
  }

  void Check(std::string_view when) {
    SCOPED_TRACE(when);
    std::map<std::string, const Modelled*> by_name;
    for (std::size_t i = 0; i < kSeries; ++i) by_name[NameOf(i)] = &model_[i];
    for (const LiteralSeries& series : ReadAll(storage())) {
      const Modelled& modelled = *by_name.at(std::string(series.labels.Get("__name__")));
      std::vector<std::int64_t> got_times;
      std::vector<std::int64_t> want_times;
      for (const model::Sample& sample : series.samples) got_times.push_back(sample.timestamp_ms - kNow);
      for (const auto& [time_ms, seen] : modelled.samples) want_times.push_back(time_ms - kNow);
      ASSERT_THAT(got_times, ::testing::ElementsAreArray(want_times)) << series.labels.Get("__name__");
      auto want = modelled.samples.begin();
      for (const model::Sample& sample : series.samples) {
        ASSERT_EQ(sample.timestamp_ms, want->first);
        ASSERT_TRUE(want->second.bits.contains(Bits(sample.value))) << sample.timestamp_ms << " " << sample.value;
        ++want;
      }
      by_name.erase(std::string(series.labels.Get("__name__")));
    }
    for (const auto& [name, modelled] : by_name) ASSERT_TRUE(modelled->samples.empty()) << name;
  }

  static std::string NameOf(std::size_t series) { return fmt::format("s{}", series); }

  std::array<Modelled, kSeries> model_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, LateModelTest, ::testing::Range<std::uint64_t>(1, 13));

TEST_P(LateModelTest, AnswersAsAMapDoes) {
  base::SeededRandom random(GetParam());
  base::SimFileSystem files;
  UseFiles(files);
  options().segment_bytes = 20'000;
  Open();
  std::vector<GroupRef> groups = {storage().NewGroup(), storage().NewGroup()};
  std::int64_t now_ms = kNow;
  std::int64_t newest_ms = now_ms;
  Put(NameOf(0), now_ms, 1);
  Note(0, now_ms, 1, newest_ms);
  for (int round = 0; round < 400; ++round) {
    now_ms += 1 + static_cast<std::int64_t>(random.Below(kRangeMs / 6));
    auto appender = storage().NewAppender();
    std::int64_t put_newest_ms = newest_ms;
    const std::size_t rows = random.Below(3);
    std::set<std::pair<std::size_t, std::int64_t>> put;
    for (std::size_t row = 0; row < rows; ++row) {
      const bool is_late = row > 0 || random.OneIn(3);
      const std::int64_t time_ms = is_late ? now_ms - static_cast<std::int64_t>(random.Below(12 * kRangeMs)) : now_ms;
      std::vector<SeriesRef> refs;
      std::vector<double> values;
      std::vector<std::size_t> indices;
      for (std::size_t i = 0; i < kSeries; ++i) {
        if (random.OneIn(4) || i % 2 != row % 2 || !put.emplace(i, 0).second) continue;
        indices.push_back(i);
        refs.push_back(*appender->Resolve(LabelsOf(NameOf(i))));
        values.push_back(static_cast<double>(random.Below(50)));
      }
      appender->AppendRow(groups[row % 2], time_ms, refs, values, {});
      for (std::size_t k = 0; k < indices.size(); ++k) Note(indices[k], time_ms, values[k], newest_ms);
      for (const std::size_t i : indices) {
        if (model_[i].last_ms == time_ms) put_newest_ms = std::max(put_newest_ms, time_ms);
      }
    }
    for (std::uint64_t singles = random.Below(4); singles > 0; --singles) {
      const std::size_t i = random.Below(kSeries);
      if (!put.emplace(i, 0).second) continue;
      const std::int64_t time_ms = now_ms - static_cast<std::int64_t>(random.Below(12 * kRangeMs));
      const auto value = static_cast<double>(random.Below(50));
      appender->Append(*appender->Resolve(LabelsOf(NameOf(i))), {.timestamp_ms = time_ms, .value = value});
      Note(i, time_ms, value, newest_ms);
      if (model_[i].last_ms == time_ms) put_newest_ms = std::max(put_newest_ms, time_ms);
    }
    const auto committed = appender->Commit(Durability::kInterval);
    ASSERT_TRUE(committed) << committed.error().message();
    appender.reset();
    newest_ms = std::max(newest_ms, put_newest_ms);
    if (random.OneIn(6)) {
      ASSERT_TRUE(storage().Maintain());
    }
    if (random.OneIn(15)) DeleteSome(random, now_ms);
    if (random.OneIn(25)) {
      Reopen();
      groups = {storage().NewGroup(), storage().NewGroup()};
    }
    if (random.OneIn(5)) Check(fmt::format("round {}", round));
    if (HasFatalFailure()) return;
  }
  Check("at the end");
  Drop();
}

}  // namespace
}  // namespace baro::tsdb

// Metadata, exemplars and start times on their way: appended, logged, cut into blocks, joined, deleted, copied.
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using model::Metadata;
using model::MetricType;
using testing_support::kStartMs;
using testing_support::ReadAll;
using testing_support::StorageFixture;

constexpr std::int64_t kStepMs = 15'000;
constexpr std::int64_t kRangeMs = 600'000;
constexpr std::int64_t kFirstMs = (kStartMs / kRangeMs + 1) * kRangeMs;

class ExtrasTest : public ::testing::Test, public StorageFixture {
 protected:
  void SetUp() override {
    options().block_range = std::chrono::milliseconds(kRangeMs);
    options().block_range_max = std::chrono::milliseconds(9 * kRangeMs);
    options().lateness_max = std::chrono::milliseconds(kRangeMs / 2);
    options().exemplars_max = 90;  // memory has two ranges, 80 samples, before one is cut
    Open();
  }

  void SetTime(std::int64_t now_ms) { clock().Advance(std::chrono::milliseconds(now_ms - base::ToMs(clock().Now()))); }

  // One sample of the series of that name at each step of so many ranges, with a maintenance after each; `also` runs
  // before each commit.
  template <typename Also>
  void Fill(const std::string& name, int ranges, const Also& also) {
    for (std::int64_t i = 0; i < ranges * kRangeMs / kStepMs; ++i) {
      SetTime(next_ms_);
      auto appender = storage().NewAppender();
      const SeriesRef series = *appender->Resolve(Labels::FromPairs({{"__name__", name}}), nullptr);
      appender->Append(series, {.timestamp_ms = next_ms_, .value = static_cast<double>(i)});
      also(*appender, series, next_ms_);
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
      next_ms_ += kStepMs;
      if (next_ms_ % kRangeMs == 0) {
        const auto done = storage().Maintain();
        ASSERT_TRUE(done) << done.error().message();
      }
    }
  }
  void Fill(const std::string& name, int ranges) {
    Fill(name, ranges, [](Appender&, SeriesRef, std::int64_t) {});
  }

  void Tell(const std::string& family, const Metadata& metadata) {
    auto appender = storage().NewAppender();
    appender->AppendMetadata(family, metadata);
    ASSERT_TRUE(appender->Commit(Durability::kSynced));
  }
  // "family:type:help" of what memory knows, or of all that blocks know too.
  std::vector<std::string> Told(bool with_blocks, std::string_view family = {}) const {
    const model::TimeRange range{.min_ms = with_blocks ? model::kMinTimestampMs : model::kMaxTimestampMs};
    const auto all = storage_const().OpenReader()->Metadata({.family = family, .range = range}, {});
    EXPECT_TRUE(all);
    std::vector<std::string> texts;
    for (const FamilyMetadata& each : *all) {
      texts.push_back(fmt::format("{}:{}:{}{}", each.family, model::MetricTypeName(each.metadata.type),
                                  each.metadata.help, each.metadata.unit));
    }
    return texts;
  }
  const Storage& storage_const() const { return const_cast<ExtrasTest*>(this)->storage(); }

  // "value@second" of the series of that name, seconds since the first sample.
  std::vector<std::string> Exemplars(const std::string& name, model::TimeRange range = {}) {
    const std::vector<std::vector<Matcher>> lists = {{Matcher::Equal("__name__", name)}};
    const auto found = storage().SelectExemplars(lists, range, {});
    EXPECT_TRUE(found) << found.error().message();
    if (!found) return {};
    std::vector<std::string> texts;
    for (const SeriesExemplars& series : *found) {
      for (const model::Exemplar& exemplar : series.exemplars) {
        texts.push_back(fmt::format("{}@{}", exemplar.value, (*exemplar.timestamp_ms - kFirstMs) / 1000));
      }
    }
    return texts;
  }

  std::int64_t next_ms_ = kFirstMs;
};

TEST_F(ExtrasTest, MetadataSurvivesARestartAndIsLoggedOnce) {
  Tell("http_requests", {.type = MetricType::kCounter, .help = "Requests.", .unit = ""});
  const std::uint64_t size = storage().log_status().size_bytes;
  Tell("http_requests", {.type = MetricType::kCounter, .help = "Requests.", .unit = ""});
  EXPECT_EQ(storage().log_status().size_bytes, size);
  SetTime(kFirstMs);
  Tell("http_requests", {.type = MetricType::kCounter, .help = "All requests.", .unit = ""});
  Tell("temperature", {.type = MetricType::kGauge, .help = "", .unit = "celsius"});
  const std::vector<std::string> want = {"http_requests:counter:All requests.", "http_requests:counter:Requests.",
                                         "temperature:gauge:celsius"};
  EXPECT_EQ(Told(false), want);
  Reopen();
  EXPECT_EQ(Told(false), want);
  EXPECT_EQ(Told(false, "temperature"), std::vector<std::string>{"temperature:gauge:celsius"});
}

TEST_F(ExtrasTest, BlocksKeepTheMetadataOfTheirFamiliesWhenMemoryHasForgottenIt) {
  Tell("old", {.type = MetricType::kCounter, .help = "Gone.", .unit = ""});
  Tell("unused", {.type = MetricType::kGauge, .help = "Never had a sample.", .unit = ""});
  Fill("old_total", 2);
  Fill("new", 20);  // 3 h 20 min
  EXPECT_THAT(Told(false), ::testing::ElementsAre());
  EXPECT_THAT(Told(true), ::testing::ElementsAre("old:counter:Gone."));
  EXPECT_THAT(Told(true, "new"), ::testing::ElementsAre());
  int level = 0;
  for (const BlockStatus& block : storage().Blocks()) level = std::max(level, block.meta.compaction_level);
  EXPECT_GT(level, 1);  // it went through a join
  Reopen();
  EXPECT_THAT(Told(true), ::testing::ElementsAre("old:counter:Gone."));
}

TEST_F(ExtrasTest, MetadataOfSeriesThatAreInUseSurvivesTheRemovalOfItsSegment) {
  options().segment_bytes = 4096;
  Reopen();
  Tell("m", {.type = MetricType::kGauge, .help = "Kept.", .unit = ""});
  Fill("m", 24);
  EXPECT_THAT(storage().log_status().current_segment, ::testing::Gt(4U));
  EXPECT_THAT(Told(false), ::testing::ElementsAre("m:gauge:Kept."));
  Reopen();
  EXPECT_THAT(Told(false), ::testing::ElementsAre("m:gauge:Kept."));
}

TEST_F(ExtrasTest, ARollbackTakesMetadataBack) {
  auto appender = storage().NewAppender();
  appender->AppendMetadata("m", {.type = MetricType::kGauge, .help = "x", .unit = ""});
  appender->Rollback();
  EXPECT_TRUE(Told(false).empty());
}

TEST_F(ExtrasTest, BlocksHaveTheExemplarsThatTheRingHasLost) {
  std::vector<std::string> want;
  Fill("m", 6, [&want](Appender& appender, SeriesRef series, std::int64_t now_ms) {
    const double value = static_cast<double>(now_ms % 97);
    const Labels trace = Labels::FromPairs({{"trace_id", fmt::format("{}", now_ms)}});
    EXPECT_EQ(appender.AppendExemplar(series, {.labels = trace, .value = value, .timestamp_ms = now_ms}),
              ExemplarStatus::kAccepted);
    want.push_back(fmt::format("{}@{}", value, (now_ms - kFirstMs) / 1000));
  });
  EXPECT_GT(want.size(), options().exemplars_max * 2);
  EXPECT_EQ(Exemplars("m"), want);
  Reopen();
  EXPECT_EQ(Exemplars("m"), want);
  EXPECT_EQ(Exemplars("m", {.min_ms = kFirstMs + kStepMs, .max_ms = kFirstMs + 2 * kStepMs}),
            std::vector<std::string>(want.begin() + 1, want.begin() + 3));
  EXPECT_TRUE(Exemplars("other").empty());

  // Deleted with the samples, for good.
  const std::vector<Matcher> all = {Matcher::Equal("__name__", "m")};
  ASSERT_TRUE(storage().Delete(all, {.min_ms = kFirstMs, .max_ms = kFirstMs + 5 * kStepMs}, {}));
  want.erase(want.begin(), want.begin() + 6);
  EXPECT_EQ(Exemplars("m"), want);
  ASSERT_TRUE(storage().CleanTombstones());
  EXPECT_EQ(Exemplars("m"), want);

  const auto name = storage().Snapshot(/*with_head=*/true);
  ASSERT_TRUE(name);
  options().directory += "/snapshots/" + *name;
  const std::string original = options().directory.substr(0, options().directory.find("/snapshots/"));
  Reopen();
  EXPECT_EQ(Exemplars("m"), want);
  Drop();
  options().directory = original;
}

TEST_F(ExtrasTest, ExemplarsAreJudgedAsPrometheusDoes) {
  auto appender = storage().NewAppender();
  const SeriesRef series = *appender->Resolve(Labels::FromPairs({{"__name__", "m"}}), nullptr);
  appender->Append(series, {.timestamp_ms = kStartMs, .value = 1});
  const auto append = [&](std::string_view trace, double value, std::int64_t at_ms) {
    return appender->AppendExemplar(
        series, {.labels = Labels::FromPairs({{"t", std::string(trace)}}), .value = value, .timestamp_ms = at_ms});
  };
  EXPECT_EQ(append("b", 1, kStartMs), ExemplarStatus::kAccepted);
  EXPECT_EQ(append("b", 1, kStartMs), ExemplarStatus::kRepeated);
  EXPECT_EQ(append("a", 1, kStartMs), ExemplarStatus::kOutOfOrder);
  EXPECT_EQ(append("c", 1, kStartMs), ExemplarStatus::kAccepted);
  EXPECT_EQ(append("a", 2, kStartMs), ExemplarStatus::kAccepted);
  EXPECT_EQ(append("a", 1, kStartMs - 1), ExemplarStatus::kOutOfOrder);
  EXPECT_EQ(append(std::string(128, 'x'), 3, kStartMs), ExemplarStatus::kTooLong);
  EXPECT_EQ(append(std::string(127, 'x'), 3, kStartMs), ExemplarStatus::kAccepted);
  ASSERT_TRUE(appender->Commit(Durability::kSynced));
  EXPECT_EQ(append("a", 2, kStartMs), ExemplarStatus::kOutOfOrder);
  EXPECT_EQ(append(std::string(127, 'x'), 3, kStartMs), ExemplarStatus::kRepeated);
  storage().SetExemplarsMax(2);
  EXPECT_EQ(Exemplars("m").size(), 2U);
  storage().SetExemplarsMax(0);
  EXPECT_EQ(Exemplars("m").size(), 0U);
  EXPECT_EQ(append("a", 2, kStartMs + 1), ExemplarStatus::kNotStored);
}

// What a series has, plainly: time -> value and start.
struct ModelSample {
  double value = 0;
  std::int64_t start_ms = 0;
  bool is_histogram = false;
  friend bool operator==(const ModelSample&, const ModelSample&) = default;
};
using Model = std::map<std::string, std::map<std::int64_t, ModelSample>>;

Model ReadModel(const Storage& storage) {
  Model model;
  for (const LiteralSeries& series : ReadAll(storage)) {
    auto& samples = model[series.labels.ToString()];
    for (std::size_t i = 0; i < series.samples.size(); ++i) {
      samples[series.samples[i].timestamp_ms] = {
          .value = series.samples[i].value,
          .start_ms = series.start_timestamps_ms.empty() ? 0 : series.start_timestamps_ms[i]};
    }
    for (const HistogramSample& sample : series.histograms) {
      samples[sample.timestamp_ms] = {
          .value = sample.histogram->sum, .start_ms = sample.start_timestamp_ms, .is_histogram = true};
    }
  }
  return model;
}

TEST_F(ExtrasTest, StartTimesAgreeWithAModelThroughLogBlocksJoinsAndDeletes) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    if (seed > 1) {
      Drop();
      ASSERT_TRUE(base::RealFileSystem().RemoveAll(options().directory));
      options().segment_bytes = seed % 2 == 0 ? 8192 : std::uint64_t{128} << 20;
      Open();
    }
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(seed);
    const auto below = [&random](unsigned n) { return random() % n; };
    Model model;
    std::map<int, std::int64_t> told;  // by series
    GroupRef group = storage().NewGroup();
    const std::int64_t first_ms = kFirstMs + std::int64_t{seed} * 100 * kRangeMs;
    for (std::int64_t at_ms = first_ms; at_ms < first_ms + 7 * kRangeMs; at_ms += kStepMs) {
      SetTime(at_ms);
      auto appender = storage().NewAppender();
      std::vector<SeriesRef> row;
      std::vector<double> values;
      for (int n = 0; n < 6; ++n) {
        if (below(10) == 0) continue;  // misses one
        const Labels labels = Labels::FromPairs({{"__name__", "m"}, {"n", fmt::format("{}", n)}});
        const SeriesRef series = *appender->Resolve(labels, nullptr);
        std::int64_t start_ms = told[n];
        // Series 0 has none; 1 changes often.
        if (n > 0 && below(n == 1 ? 2 : 40) == 0) start_ms = below(4) == 0 ? 0 : at_ms - below(1000);
        if (start_ms != told[n] || below(5) == 0) appender->AppendStart(series, at_ms, start_ms);
        told[n] = start_ms;
        ModelSample sample{.value = static_cast<double>(below(100)), .start_ms = start_ms};
        if (n == 5 && below(2) == 0) {
          model::FloatHistogram histogram;
          histogram.sum = sample.value;
          sample.is_histogram = true;
          ASSERT_TRUE(appender->AppendHistogram(series, at_ms, histogram));
        } else if (n < 4) {
          row.push_back(series);
          values.push_back(sample.value);
        } else {
          appender->Append(series, {.timestamp_ms = at_ms, .value = sample.value});
        }
        model[labels.ToString()][at_ms] = sample;
      }
      appender->AppendRow(group, at_ms, row, values, {});
      ASSERT_TRUE(appender->Commit(Durability::kInterval));
      appender.reset();
      if (below(60) == 0) {
        Reopen();
        group = storage().NewGroup();
      }
      if (below(20) == 0) {
        ASSERT_TRUE(storage().Maintain());
      }
    }
    ASSERT_EQ(ReadModel(storage()), model);
    ASSERT_TRUE(storage().Maintain());
    ASSERT_EQ(ReadModel(storage()), model);
    Reopen();
    ASSERT_EQ(ReadModel(storage()), model);
    ASSERT_GT(storage().Blocks().size(), 1U);
    const std::vector<Matcher> one = {Matcher::Equal("n", "1")};
    const model::TimeRange deleted{.min_ms = first_ms + kStepMs, .max_ms = first_ms + 3 * kRangeMs};
    ASSERT_TRUE(storage().Delete(one, deleted, {}));
    std::erase_if(model[Labels::FromPairs({{"__name__", "m"}, {"n", "1"}}).ToString()],
                  [&](const auto& each) { return deleted.Contains(each.first); });
    ASSERT_EQ(ReadModel(storage()), model);
    ASSERT_TRUE(storage().CleanTombstones());
    ASSERT_EQ(ReadModel(storage()), model);
  }
}

// Native histograms as a client with exponential buckets has them.
model::FloatHistogram Grown(std::mt19937& random, const model::FloatHistogram& before) {
  model::FloatHistogram histogram = before;
  for (int observation = 0; observation < 100; ++observation) {
    unsigned bucket = 0;
    for (int throw_ = 0; throw_ < 4; ++throw_) bucket += random() % 26;
    histogram.positive_buckets[bucket] += 1;
    histogram.count += 1;
    histogram.sum += static_cast<double>(random() % 1000) / 997;
  }
  return histogram;
}

TEST_F(ExtrasTest, HistogramsAreSealedInMemoryAndLoggedAsDifferences) {
  constexpr int kSeries = 20;
  constexpr int kSamples = 300;
  std::mt19937 random(1);
  std::vector<model::FloatHistogram> last(kSeries);
  for (model::FloatHistogram& histogram : last) {
    histogram.schema = 3;
    histogram.zero_threshold = 1e-9;
    histogram.positive_spans = {{.offset = -50, .length = 101}};
    histogram.positive_buckets.resize(101);
  }
  std::vector<std::vector<HistogramSample>> model(kSeries);
  const auto expect_all = [&] {
    const auto all = ReadAll(storage());
    ASSERT_EQ(all.size(), std::size_t{kSeries});
    for (const LiteralSeries& series : all) {
      const auto& want = model[std::stoul(std::string(series.labels.Get("n")))];
      ASSERT_EQ(series.histograms.size(), want.size());
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_EQ(series.histograms[i].timestamp_ms, want[i].timestamp_ms);
        ASSERT_EQ(*series.histograms[i].histogram, *want[i].histogram);
      }
    }
  };
  for (int i = 0; i < kSamples; ++i) {
    const std::int64_t at_ms = kFirstMs + i * 1000;  // within one range: none is cut
    SetTime(at_ms);
    auto appender = storage().NewAppender();
    for (int n = 0; n < kSeries; ++n) {
      const Labels labels = Labels::FromPairs({{"__name__", "h"}, {"n", fmt::format("{}", n)}});
      if (n == 7 && i % 50 == 20) {  // it ends, and begins anew
        last[7].positive_buckets.assign(101, 0);
        last[7].count = 0;
      }
      last[n] = Grown(random, last[n]);
      model[n].push_back({.timestamp_ms = at_ms, .histogram = std::make_shared<const model::FloatHistogram>(last[n])});
      ASSERT_TRUE(appender->AppendHistogram(*appender->Resolve(labels, nullptr), at_ms, last[n]));
    }
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    appender.reset();
    if (i == 133) Reopen();
  }
  expect_all();
  const double samples = kSeries * kSamples;
  std::uint64_t memory = 0;
  for (const NamedCount& part : storage().Status(1).memory_bytes_by_part) {
    if (part.name == "histograms") memory = part.count;
  }
  const double log_bytes = static_cast<double>(storage().log_status().size_bytes) / samples;
  std::printf("per histogram of 101 buckets: %.1f B in memory, %.1f B in the log\n",
              static_cast<double>(memory) / samples, log_bytes);
  EXPECT_LT(static_cast<double>(memory) / samples, 150);  // open ones have 1,000
  EXPECT_LT(log_bytes, 90);                               // whole ones take 160
  Reopen();
  expect_all();

  // A reader that was opened before keeps the open ones from being sealed, and sees no more than it did.
  const auto reader = storage().OpenReader();
  for (int i = 0; i < 40; ++i) {
    const std::int64_t at_ms = kFirstMs + (kSamples + i) * 1000;
    auto appender = storage().NewAppender();
    const Labels labels = Labels::FromPairs({{"__name__", "h"}, {"n", "0"}});
    last[0] = Grown(random, last[0]);
    ASSERT_TRUE(appender->AppendHistogram(*appender->Resolve(labels, nullptr), at_ms, last[0]));
    ASSERT_TRUE(appender->Commit(Durability::kInterval));
    model[0].push_back({.timestamp_ms = at_ms, .histogram = std::make_shared<const model::FloatHistogram>(last[0])});
  }
  for (const LiteralSeries& series : testing_support::ReadAllOf(*reader)) {
    EXPECT_EQ(series.histograms.size(), std::size_t{kSamples});
  }
  expect_all();

  // Into blocks and back.
  SetTime(kFirstMs + 3 * kRangeMs);
  auto appender = storage().NewAppender();
  appender->Append(*appender->Resolve(Labels::FromPairs({{"__name__", "h"}, {"n", "0"}}), nullptr),
                   {.timestamp_ms = kFirstMs + 2 * kRangeMs, .value = 1});
  ASSERT_TRUE(appender->Commit(Durability::kInterval));
  ASSERT_TRUE(storage().Maintain());
  ASSERT_EQ(storage().Blocks().size(), 1U);
  expect_all();
}

}  // namespace
}  // namespace baro::tsdb

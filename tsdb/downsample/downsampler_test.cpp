// Blocks with aggregates, written and read, against windows that are computed one by one.
#include "tsdb/downsample/downsampler.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"
#include "tsdb/block/testing.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/downsample/downsampled_reader.h"
#include "tsdb/downsample/window_rows.h"
#include "tsdb/merge_reader.h"

namespace baro::tsdb {
namespace {

using block_testing::Fleet;
using block_testing::RandomFleet;
using block_testing::RandomHistogram;
using block_testing::TestUlid;
using block_testing::WriteBlock;
using model::Matcher;
using model::MatchType;

constexpr std::int64_t k5m = 300'000;
constexpr std::int64_t k1h = 3'600'000;
constexpr std::int64_t kNever = std::int64_t{1} << 60;

std::shared_ptr<const StorageRules> Rules(std::vector<DownsamplingRule> rules) {
  return std::make_shared<const StorageRules>(StorageRules{.retention = {}, .downsampling = std::move(rules)});
}
DownsamplingRule Rule(std::int64_t resolution_ms, std::vector<Matcher> matchers = {}) {
  return {.matchers = std::move(matchers),
          .after = std::chrono::milliseconds(1),
          .resolution = std::chrono::milliseconds(resolution_ms)};
}
Matcher Match(MatchType type, std::string_view name, std::string_view value) {
  return Matcher::Make(type, name, value).value();
}

class DownsamplerTest : public ::testing::Test {
 public:
  std::shared_ptr<Block> Write(const Fleet& fleet, BlockWriterOptions options = {}) {
    options.ulid = TestUlid(++ulids_);
    const auto meta = WriteBlock(files_, "blocks", fleet, options, random_);
    EXPECT_TRUE(meta) << meta.error().message();
    return Block::Open(files_, "blocks/" + meta->ulid.ToString()).value();
  }

  std::shared_ptr<Block> Downsample(const std::shared_ptr<Block>& block, std::shared_ptr<const StorageRules> rules) {
    const ResolutionPlan plan(std::move(rules), block->meta().max_time_ms, kNever);
    BlockWriterOptions options = OptionsOfJoined({&block, 1});
    options.ulid = TestUlid(++ulids_);
    const auto meta = DownsampleBlock(files_, "blocks", *block, plan, options, {}, {});
    EXPECT_TRUE(meta) << meta.error().message();
    const auto written = Block::Open(files_, "blocks/" + meta->ulid.ToString()).value();
    EXPECT_FALSE(NeedsDownsampling(*written, plan, {}).value());
    EXPECT_TRUE(written->Verify([](std::uint64_t) {}, {}).value().empty());
    return written;
  }

  // The samples of one series in a view.
  static std::vector<model::Sample> Read(const Reader& reader, const model::Labels& labels, DownsampledView view,
                                         model::TimeRange range = {}, std::int64_t level_step_ms = k5m) {
    std::vector<Matcher> matchers;
    for (const auto& label : labels) matchers.push_back(Matcher::Equal(label.name, label.value));
    const auto selection =
        reader.Select({.matchers = matchers, .range = range, .view = view, .level_step_ms = level_step_ms}, {});
    EXPECT_TRUE(selection) << selection.error().message();
    std::vector<model::Sample> samples;
    for (std::size_t i = 0; i < (*selection)->size(); ++i) {
      if ((*selection)->labels(i) != labels) continue;
      SampleColumns columns;
      EXPECT_TRUE((*selection)->Read(i, range, columns));
      for (std::size_t k = 0; k < columns.values().size(); ++k) {
        samples.push_back({.timestamp_ms = columns.timestamps_ms()[k], .value = columns.values()[k]});
      }
    }
    return samples;
  }

  base::SimFileSystem& files() { return files_; }
  base::Random& random() { return random_; }

 private:
  base::SimFileSystem files_;
  base::SeededRandom random_{17};
  std::uint64_t ulids_ = 0;
};

WindowRows NaiveRows(const LiteralSeries& series, std::int64_t resolution_ms) {
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  for (const model::Sample& sample : series.samples) {
    timestamps.push_back(sample.timestamp_ms);
    values.push_back(sample.value);
  }
  WindowRows rows;
  AggregateWindows({.timestamps_ms = timestamps, .values = values}, {}, resolution_ms, rows);
  return rows;
}

void ExpectSamples(const std::vector<model::Sample>& got, const std::vector<std::int64_t>& timestamps,
                   const std::vector<double>& values, const std::string& trace) {
  ASSERT_EQ(got.size(), values.size()) << trace;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].timestamp_ms, timestamps[i]) << trace;
    const bool same = std::bit_cast<std::uint64_t>(got[i].value) == std::bit_cast<std::uint64_t>(values[i]) ||
                      (std::isnan(got[i].value) && std::isnan(values[i]));
    ASSERT_TRUE(same) << trace << " at " << got[i].timestamp_ms << ": " << got[i].value << ", want " << values[i];
  }
}

TEST_F(DownsamplerTest, ABlockGivesBackTheAggregatesOfEachSeriesAndTheSamplesOfThoseThatNoRuleChooses) {
  for (int round = 0; round < 12; ++round) {
    const Fleet fleet = RandomFleet(random(), 3, 8, 400 + random().Below(600));
    const auto block = Write(fleet);
    const std::int64_t resolution_ms = round % 2 == 0 ? k5m : k1h;
    const Matcher chosen = Match(MatchType::kRegex, "__name__", "metric_[01]");
    const auto written = Downsample(block, Rules({Rule(resolution_ms, {chosen})}));
    const auto reader = OpenBlockReader(*written);
    for (const LiteralSeries& series : fleet.series) {
      const std::string trace = fmt::format("round {} {}", round, series.labels.ToString());
      if (!chosen.MatchesLabels(series.labels)) {
        std::vector<std::int64_t> timestamps;
        std::vector<double> values;
        for (const model::Sample& sample : series.samples) {
          timestamps.push_back(sample.timestamp_ms);
          values.push_back(sample.value);
        }
        ExpectSamples(Read(*reader, series.labels, DownsampledView::kSum), timestamps, values, trace);
        continue;
      }
      const WindowRows want = NaiveRows(series, resolution_ms);
      ExpectSamples(Read(*reader, series.labels, DownsampledView::kSum), want.timestamps_ms, want.sums, trace);
      ExpectSamples(Read(*reader, series.labels, DownsampledView::kCount), want.timestamps_ms, want.counts, trace);
      ExpectSamples(Read(*reader, series.labels, DownsampledView::kMin), want.timestamps_ms, want.mins, trace);
      ExpectSamples(Read(*reader, series.labels, DownsampledView::kMax), want.timestamps_ms, want.maxs, trace);
      ExpectSamples(Read(*reader, series.labels, DownsampledView::kCounter), want.counter_timestamps_ms,
                    want.counter_values, trace);
    }
  }
}

TEST_F(DownsamplerTest, HistogramsStayAsTheyAre) {
  const Fleet fleet = RandomFleet(random(), 4, 12, 300);
  const auto block = Write(fleet);
  const auto written = Downsample(block, Rules({Rule(k5m)}));
  EXPECT_GT(written->meta().counts.histogram_samples, 0U);
  EXPECT_EQ(written->meta().counts.histogram_samples, block->meta().counts.histogram_samples);
  EXPECT_LT(written->meta().counts.float_samples, block->meta().counts.float_samples);
}

TEST_F(DownsamplerTest, HistogramsKeepTheirStartsWithAndWithoutFloatsBesideThem) {
  const model::Labels labels = model::Labels::FromPairs({{"__name__", "h"}});
  for (const bool has_floats : {false, true}) {
    for (const bool is_chosen : {false, true}) {
      SampleColumns columns;
      for (int i = 0; i < 60; ++i) {
        HistogramSample sample = RandomHistogram(random(), block_testing::kStartMs + i * 15'000);
        sample.start_timestamp_ms = i < 20 ? 0 : block_testing::kStartMs + (i - i % 20) * 15'000 - 1;
        columns.histogram_buffer().push_back(sample);
      }
      if (has_floats) {
        columns.timestamp_buffer() = {block_testing::kStartMs - 15'000};
        columns.value_buffer() = {1};
      }
      columns.UseBuffers();
      BlockWriterOptions options;
      options.ulid = TestUlid(500 + (has_floats ? 1 : 0) + (is_chosen ? 2 : 0));
      auto writer = BlockWriter::Create(files(), "blocks", options).value();
      ASSERT_TRUE(writer->BeginSeries(labels));
      ASSERT_TRUE(writer->Add(columns));
      ASSERT_TRUE(writer->BeginSeries(model::Labels::FromPairs({{"__name__", "other"}})));
      ASSERT_TRUE(writer->AddFloats(std::vector<std::int64_t>{block_testing::kStartMs}, std::vector<double>{1}));
      ASSERT_TRUE(writer->Finish());
      const auto block = Block::Open(files(), "blocks/" + options.ulid.ToString()).value();
      const std::string_view chosen = is_chosen ? "h|other" : "other";
      const auto reader =
          OpenBlockReader(*Downsample(block, Rules({Rule(k5m, {Match(MatchType::kRegex, "__name__", chosen)})})));
      const std::vector<Matcher> matchers = {Matcher::Equal("__name__", "h")};
      const auto selection = reader->Select({.matchers = matchers, .range = {}}, {}).value();
      ASSERT_EQ(selection->size(), 1U);
      SampleColumns got;
      ASSERT_TRUE(selection->Read(0, {}, got));
      ASSERT_EQ(got.histograms().size(), columns.histograms().size());
      for (std::size_t i = 0; i < got.histograms().size(); ++i) {
        EXPECT_EQ(got.histograms()[i].start_timestamp_ms, columns.histograms()[i].start_timestamp_ms)
            << i << (has_floats ? " with floats" : "") << (is_chosen ? " chosen" : "");
      }
    }
  }
}

TEST_F(DownsamplerTest, ShortWindowsBecomeLongOnesAndJoinedBlocksStayReadable) {
  Fleet fleets[2];
  fleets[0] = RandomFleet(random(), 2, 6, 1000);
  fleets[1] = fleets[0];
  for (LiteralSeries& series : fleets[1].series) {  // the same, two days later
    for (model::Sample& sample : series.samples) sample.timestamp_ms += 48 * k1h;
    for (HistogramSample& sample : series.histograms) sample.timestamp_ms += 48 * k1h;
  }
  fleets[1].columns.clear();
  const auto fine = Rules({Rule(k5m)});
  std::shared_ptr<Block> parts[] = {Downsample(Write(fleets[0]), fine), Downsample(Write(fleets[1]), fine)};
  BlockWriterOptions options = OptionsOfJoined(parts);
  options.ulid = TestUlid(1000);
  const auto joined = JoinBlocks(files(), "blocks", parts, options, {}, {});
  ASSERT_TRUE(joined) << joined.error().message();
  EXPECT_THAT(joined->hints, ::testing::Contains("downsampled-5m"));
  const auto block = Block::Open(files(), "blocks/" + joined->ulid.ToString()).value();
  const auto coarse = Downsample(block, Rules({Rule(k5m), Rule(k1h)}));
  EXPECT_EQ(ResolutionsOf(coarse->meta()), std::vector<std::int64_t>{k1h});
  const auto reader = OpenBlockReader(*coarse);
  for (std::size_t i = 0; i < fleets[0].series.size(); ++i) {
    LiteralSeries both = fleets[0].series[i];
    const auto& later = fleets[1].series[i].samples;
    both.samples.insert(both.samples.end(), later.begin(), later.end());
    const WindowRows want = NaiveRows(both, k1h);
    const std::string trace = both.labels.ToString();
    ExpectSamples(Read(*reader, both.labels, DownsampledView::kCount), want.timestamps_ms, want.counts, trace);
    ExpectSamples(Read(*reader, both.labels, DownsampledView::kMin), want.timestamps_ms, want.mins, trace);
    ExpectSamples(Read(*reader, both.labels, DownsampledView::kMax), want.timestamps_ms, want.maxs, trace);
  }
}

// Every name that a reader shows, and what it finds for a regular expression that would find all.
TEST_F(DownsamplerTest, TheReservedLabelIsNeverShown) {
  const Fleet fleet = RandomFleet(random(), 2, 6, 200);
  const auto written = Downsample(Write(fleet), Rules({Rule(k5m)}));
  const auto reader = OpenBlockReader(*written);
  EXPECT_THAT(reader->LabelNames({}, {}, 0, {}).value(), ::testing::Not(::testing::Contains(kAggregateLabel)));
  EXPECT_TRUE(reader->LabelValues(kAggregateLabel, {}, {}, 0, {}).value().empty());
  const std::vector<Matcher> all = {Match(MatchType::kRegex, "__name__", ".+")};
  const auto selection = reader->Select({.matchers = all, .range = {}}, {}).value();
  std::size_t named = 0;
  for (const LiteralSeries& series : fleet.series) named += series.labels.metric_name().empty() ? 0 : 1;
  EXPECT_EQ(selection->size(), named);
  for (std::size_t i = 0; i < selection->size(); ++i) EXPECT_FALSE(selection->labels(i).Has(kAggregateLabel));
  const std::vector<Matcher> ours = {Match(MatchType::kEqual, kAggregateLabel, "5m:sum"), all[0]};
  EXPECT_EQ(reader->Select({.matchers = ours, .range = {}}, {}).value()->size(), 0U);
  EXPECT_EQ(selection->resolution_ms(), k5m);
}

Fleet OneSeries(std::string_view name, std::vector<model::Sample> samples) {
  Fleet fleet;
  fleet.series.push_back({.labels = model::Labels::FromPairs({{"__name__", name}}), .samples = std::move(samples)});
  return fleet;
}

TEST_F(DownsamplerTest, LevelsStandFromTheBeginOfAWindowToItsLastSampleAndEndWithTheStaleMarker) {
  const std::int64_t begin = 100 * k1h;
  std::vector<model::Sample> samples;
  for (int minute = 30; minute <= 150; ++minute) {  // from the middle of the first window into the third
    samples.push_back({.timestamp_ms = begin + minute * 60'000,
                       .value = minute <= 60    ? 1.0
                                : minute <= 120 ? 2.0
                                                : 3.0});
  }
  samples.push_back({.timestamp_ms = begin + 151 * 60'000, .value = model::StaleNaN()});
  const auto written = Downsample(Write(OneSeries("g", samples)), Rules({Rule(k1h)}));
  const auto reader = OpenBlockReader(*written);
  const auto labels = model::Labels::FromPairs({{"__name__", "g"}});
  const auto levels = Read(*reader, labels, DownsampledView::kLevel);
  // At every time that the series was there a lookback of five minutes finds the level of the window.
  const auto look = [&levels](std::int64_t at) {
    std::optional<double> found;
    for (const model::Sample& sample : levels) {
      if (sample.timestamp_ms <= at && sample.timestamp_ms > at - k5m) found = sample.value;
    }
    return found && model::IsStaleNaN(*found) ? std::nullopt : found;
  };
  for (int minute = 0; minute < 240; ++minute) {
    const auto found = look(begin + minute * 60'000);
    if (minute < 30 || minute > 150) {
      EXPECT_FALSE(found) << minute;
    } else {
      ASSERT_TRUE(found) << minute;
      EXPECT_EQ(*found, minute <= 60 ? 1.0 : minute <= 120 ? 2.0 : 3.0) << minute;
    }
  }
  // A part of the time gives the same as the same part of all.
  for (int from = 0; from < 200; from += 7) {
    const model::TimeRange range{.min_ms = begin + from * 60'000, .max_ms = begin + (from + 20) * 60'000};
    const auto part = Read(*reader, labels, DownsampledView::kLevel, range);
    for (std::int64_t at = range.min_ms + k5m; at <= range.max_ms; at += 60'000) {
      std::optional<double> found;
      for (const model::Sample& sample : part) {
        if (sample.timestamp_ms <= at && sample.timestamp_ms > at - k5m) found = sample.value;
      }
      if (found && model::IsStaleNaN(*found)) found.reset();
      EXPECT_EQ(found, look(at)) << from;
    }
  }
}

TEST_F(DownsamplerTest, LevelsAreAveragesAndOfCountersTheLastSample) {
  std::vector<model::Sample> samples;
  for (int i = 1; i <= 10; ++i) samples.push_back({.timestamp_ms = k1h + i * 1000, .value = static_cast<double>(i)});
  const auto last_of = [&](std::string_view name, DownsampledView view) {
    const auto written = Downsample(Write(OneSeries(name, samples)), Rules({Rule(k5m)}));
    return Read(*OpenBlockReader(*written), model::Labels::FromPairs({{"__name__", name}}), view).back().value;
  };
  EXPECT_EQ(last_of("g", DownsampledView::kLevel), 5.5);
  EXPECT_EQ(last_of("c_total", DownsampledView::kLevel), 10);
  EXPECT_EQ(last_of("g", DownsampledView::kLevelMin), 1);
  EXPECT_EQ(last_of("g", DownsampledView::kLevelMax), 10);
  EXPECT_EQ(last_of("g", DownsampledView::kLast), 10);
}

TEST_F(DownsamplerTest, BesideCountsASampleThatWasNotDownsampledCountsAsOne) {
  const auto old_block = Downsample(Write(OneSeries("g", {{1000, 5}, {2000, 6}})), Rules({Rule(k5m)}));
  const auto new_block = Write(OneSeries("g", {{k5m + 1000, 7}, {k5m + 2000, model::StaleNaN()}}));
  std::vector<std::unique_ptr<Reader>> sources;
  sources.push_back(OpenBlockReader(*new_block));
  sources.push_back(OpenBlockReader(*old_block));
  const MergeReader reader(std::move(sources));
  const auto counts = Read(reader, model::Labels::FromPairs({{"__name__", "g"}}), DownsampledView::kCount);
  ASSERT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts[0], (model::Sample{.timestamp_ms = 2000, .value = 2}));
  EXPECT_EQ(counts[1], (model::Sample{.timestamp_ms = k5m + 1000, .value = 1}));
  EXPECT_TRUE(model::IsStaleNaN(counts[2].value));
}

TEST_F(DownsamplerTest, SeriesFromOutsideWithTheReservedLabelKeepTheirBlockAsItIs) {
  Fleet fleet;
  fleet.series.push_back(
      {.labels = model::Labels::FromPairs({{"__name__", "a"}, {kAggregateLabel, "5m:sum"}}), .samples = {{1000, 1}}});
  const auto block = Write(fleet);
  const ResolutionPlan plan(Rules({Rule(k5m)}), block->meta().max_time_ms, kNever);
  const auto needs = NeedsDownsampling(*block, plan, {});
  ASSERT_FALSE(needs);
  EXPECT_EQ(needs.error().code(), base::Code::kUnsupported);
}

TEST_F(DownsamplerTest, OfRulesInForceThatChooseASeriesTheLongestWindowsCount) {
  const auto rules = std::make_shared<const StorageRules>(StorageRules{
      .retention = {},
      .downsampling = {{.matchers = {}, .after = std::chrono::hours(1), .resolution = std::chrono::hours(1)},
                       {.matchers = {}, .after = std::chrono::minutes(1), .resolution = std::chrono::minutes(5)},
                       {.matchers = {Match(MatchType::kEqual, "a", "b")},
                        .after = std::chrono::minutes(2),
                        .resolution = std::chrono::hours(1)}}});
  const auto of = [&rules](std::int64_t age_ms, std::string_view a) {
    return ResolutionPlan(rules, 0, age_ms).Of(model::Labels::FromPairs({{"a", a}}));
  };
  EXPECT_EQ(of(59'999, "b"), 0);
  EXPECT_EQ(of(60'000, "b"), k5m);
  EXPECT_EQ(of(120'000, "b"), k1h);
  EXPECT_EQ(of(120'000, "c"), k5m);
  EXPECT_EQ(of(k1h, "c"), k1h);
  EXPECT_EQ(ResolutionPlan(nullptr, 0, k1h).Of(model::Labels::FromPairs({{"a", "b"}})), 0);
}

}  // namespace
}  // namespace baro::tsdb

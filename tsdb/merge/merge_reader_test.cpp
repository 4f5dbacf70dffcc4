#include "tsdb/merge_reader.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tsdb/memory_reader.h"
#include "tsdb/merge/merge_columns.h"

namespace baro::tsdb {
namespace {

using model::Labels;
using model::Matcher;

const Matcher kAll[] = {Matcher::Equal("__name__", "m")};

Labels LabelsOf(int series) { return Labels::FromPairs({{"__name__", "m"}, {"i", std::to_string(series)}}); }

// What one source has, plainly: series -> time -> float, or a histogram with that count.
struct Value {
  bool is_histogram = false;
  double number = 0;
  friend bool operator==(const Value&, const Value&) = default;
};
using Model = std::map<std::string, std::map<std::int64_t, Value>>;

std::unique_ptr<Reader> ReaderOf(const Model& model) {
  std::vector<LiteralSeries> all;
  for (const auto& [i, samples] : model) {
    LiteralSeries series{.labels = LabelsOf(std::stoi(i)), .samples = {}, .histograms = {}};
    for (const auto& [time, value] : samples) {
      if (value.is_histogram) {
        auto histogram = std::make_shared<model::FloatHistogram>();
        histogram->count = value.number;
        series.histograms.push_back({.timestamp_ms = time, .histogram = std::move(histogram)});
      } else {
        series.samples.push_back({.timestamp_ms = time, .value = value.number});
      }
    }
    all.push_back(std::move(series));
  }
  return std::make_unique<MemoryReader>(std::move(all));
}

Model Read(const Reader& reader, model::TimeRange range, std::size_t limit = 0) {
  const auto selection = reader.Select({.matchers = kAll, .range = range, .limit = limit}, {});
  EXPECT_TRUE(selection);
  Model found;
  SampleColumns columns;
  for (std::size_t i = 0; i < (*selection)->size(); ++i) {
    if (i > 0) {
      EXPECT_LT((*selection)->labels(i - 1), (*selection)->labels(i));
    }
    EXPECT_TRUE((*selection)->Read(i, range, columns));
    auto& samples = found[std::string((*selection)->labels(i).Get("i"))];
    for (std::size_t k = 0; k < columns.values().size(); ++k) {
      EXPECT_TRUE(k == 0 || columns.timestamps_ms()[k - 1] < columns.timestamps_ms()[k]);
      samples[columns.timestamps_ms()[k]] = {.is_histogram = false, .number = columns.values()[k]};
    }
    for (const HistogramSample& sample : columns.histograms()) {
      const auto [place, is_new] =
          samples.try_emplace(sample.timestamp_ms, Value{.is_histogram = true, .number = sample.histogram->count});
      EXPECT_TRUE(is_new) << "two kinds at one time";
    }
  }
  return found;
}

TEST(MergeReader, AgreesWithAMapForRandomSourcesThatOverlap) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](unsigned n) { return static_cast<int>(random() % n); };
    const bool is_layered = below(2) == 0;  // as head and blocks are: each source older than the one before
    const int source_count = 1 + below(4);
    std::vector<Model> models(static_cast<std::size_t>(source_count));
    for (int source = 0; source < source_count; ++source) {
      for (int n = below(60); n > 0; --n) {
        const std::int64_t time = is_layered ? 100 * (source_count - source) + below(100) : below(120);
        models[static_cast<std::size_t>(source)][std::to_string(below(4))][time] = {.is_histogram = below(5) == 0,
                                                                                    .number = 1000.0 * source + n};
      }
    }
    const model::TimeRange range{.min_ms = below(60), .max_ms = 60 + below(400)};
    Model want;
    std::vector<std::unique_ptr<Reader>> sources;
    for (auto model = models.rbegin(); model != models.rend(); ++model) {
      for (const auto& [name, samples] : *model) {
        for (const auto& [time, value] : samples) {
          if (range.Contains(time)) want[name][time] = value;
        }
      }
    }
    for (const Model& model : models) sources.push_back(ReaderOf(model));
    Model found = Read(MergeReader(std::move(sources)), range);
    std::erase_if(found, [](const auto& entry) { return entry.second.empty(); });
    EXPECT_EQ(found, want) << "seed " << seed;
  }
}

TEST(MergeReader, LimitsCountSeriesOfAllSources) {
  const Model odd = {{"1", {{1, {}}}}, {"3", {{1, {}}}}, {"5", {{1, {}}}}};
  const Model even = {{"2", {{1, {}}}}, {"3", {{2, {}}}}, {"4", {{1, {}}}}};
  std::vector<std::unique_ptr<Reader>> sources;
  sources.push_back(ReaderOf(odd));
  sources.push_back(ReaderOf(even));
  const MergeReader reader(std::move(sources));
  const model::TimeRange range{.min_ms = 0, .max_ms = 9};
  EXPECT_EQ(Read(reader, range, 3).size(), 3U);
  EXPECT_EQ(Read(reader, range, 3).at("3").size(), 2U);
  EXPECT_EQ(Read(reader, range).size(), 5U);
  EXPECT_EQ(reader.LabelValues("i", {}, range, 0, {}).value(), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(reader.LabelValues("i", {}, range, 2, {}).value(), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(reader.LabelNames({}, range, 0, {}).value(), (std::vector<std::string>{"__name__", "i"}));
}

// Who finds a pin takes the column of times for one that stays: windows are remembered by its address.
TEST(SampleColumns, LetsGoOfSharedTimesWhereItsOwnCount) {
  const auto shared = std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{1, 2});
  SampleColumns columns;
  columns.value_buffer() = {10, 20};
  columns.UseSharedTimestamps({.timestamps_ms = *shared, .pin = shared});
  EXPECT_NE(columns.pin(), nullptr);
  SampleColumns newer;
  newer.timestamp_buffer() = {3};
  newer.value_buffer() = {30};
  newer.UseBuffers();
  MergeInto(columns, newer);
  EXPECT_EQ(columns.pin(), nullptr);
  EXPECT_EQ(std::vector(columns.timestamps_ms().begin(), columns.timestamps_ms().end()),
            (std::vector<std::int64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace baro::tsdb

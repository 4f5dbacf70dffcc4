// What the tests of blocks share: random series that look like those of scrape groups, and a block made of them.
//
// Threads  Confined to one test.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/memory_reader.h"

namespace baro::tsdb::block_testing {

inline constexpr std::int64_t kStartMs = 1'700'000'000'000;

inline Ulid TestUlid(std::uint64_t number = 1) {
  base::SeededRandom random(number);
  return Ulid::Make(kStartMs, random);
}

inline model::Labels TargetLabels(const std::string& metric, const std::string& instance, const std::string& extra) {
  return model::Labels::FromPairs({{"__name__", metric}, {"instance", instance}, {"job", "node"}, {"mode", extra}});
}

/// Lets itself be charged up to a limit.
class CountingBudget : public base::MemoryBudget {
 public:
  explicit CountingBudget(std::size_t limit) : limit_(limit) {}
  base::Result<> TakeBytes(std::size_t bytes) override {
    if (bytes > limit_ - used_) return base::Error(base::Code::kLimitExceeded, "no room");
    used_ += bytes;
    return {};
  }
  void GiveBytes(std::size_t bytes) override { used_ -= bytes; }
  std::size_t used() const { return used_; }

 private:
  const std::size_t limit_;
  std::size_t used_ = 0;
};

struct Fleet {
  std::vector<LiteralSeries> series;
  std::map<GroupKey, std::vector<std::int64_t>> columns;  // told to the writer
};

/// A value as exporters have them, and sometimes as they have not.
inline double RandomValue(base::Random& random, double before) {
  switch (random.Below(12)) {
    case 0:
      return model::StaleNaN();
    case 1:
      return before + 0.5;
    case 2:
      return -before;
    case 3:
      return std::bit_cast<double>(random.NextU64());
    default:
      return std::isfinite(before) ? before + static_cast<double>(random.Below(100)) : 1;
  }
}

inline HistogramSample RandomHistogram(base::Random& random, std::int64_t timestamp_ms) {
  model::FloatHistogram histogram;
  histogram.schema = static_cast<std::int32_t>(random.Below(4));
  histogram.zero_threshold = 0.001;
  histogram.zero_count = static_cast<double>(random.Below(5));
  const std::uint32_t buckets = 1 + static_cast<std::uint32_t>(random.Below(6));
  histogram.positive_spans = {{.offset = static_cast<std::int32_t>(random.Below(7)) - 3, .length = buckets}};
  histogram.count = histogram.zero_count;
  for (std::uint32_t i = 0; i < buckets; ++i) {
    histogram.positive_buckets.push_back(static_cast<double>(random.Below(50)));
    histogram.count += histogram.positive_buckets.back();
  }
  histogram.sum = random.OneIn(10) ? model::StaleNaN() : static_cast<double>(random.Below(1000)) / 8;
  return {.timestamp_ms = timestamp_ms, .histogram = std::make_shared<const model::FloatHistogram>(histogram)};
}

/// Which rows of its group a series has.
inline bool HasRow(base::Random& random, std::uint64_t habit, std::size_t row, std::size_t rows) {
  switch (habit) {
    case 0:
      return !random.OneIn(20);  // misses some
    case 1:
      return row > rows / 3;  // came later
    case 2:
      return row < rows / 2 || row > rows * 3 / 4;  // was away
    case 3:
      return random.OneIn(2);  // flaps
    default:
      return true;
  }
}

/// Groups of series with gaps, series of their own, histograms, all between kStartMs and kStartMs + `rows` * 15 s.
inline Fleet RandomFleet(base::Random& random, std::size_t targets, std::size_t metrics, std::size_t rows) {
  Fleet fleet;
  for (std::size_t target = 0; target < targets; ++target) {
    std::vector<std::int64_t> column;
    for (std::size_t row = 0; row < rows; ++row) {
      const std::int64_t jitter = random.OneIn(3) ? static_cast<std::int64_t>(random.Below(50)) : 0;
      if (random.OneIn(100)) continue;  // a scrape that never began
      column.push_back(kStartMs + static_cast<std::int64_t>(row) * 15'000 + static_cast<std::int64_t>(target) + jitter);
    }
    const std::string instance = "host-" + std::to_string(target);
    if (random.OneIn(2)) fleet.columns[target] = column;
    for (std::size_t metric = 0; metric < metrics; ++metric) {
      LiteralSeries series{
          .labels = TargetLabels("metric_" + std::to_string(metric / 3), instance, "m" + std::to_string(metric % 3))};
      const std::uint64_t habit = random.Below(9);
      const bool is_alone = random.OneIn(8);  // a rhythm of its own
      const std::uint64_t kind = random.Below(10);
      double value = static_cast<double>(random.Below(1000));
      const double step = random.OneIn(2) ? 0 : 1;
      for (std::size_t row = 0; row < column.size(); ++row) {
        if (!HasRow(random, habit, row, column.size())) continue;
        const std::int64_t at = column[row] + (is_alone ? static_cast<std::int64_t>(random.Below(100)) : 0);
        if (kind == 0 || (kind == 1 && random.OneIn(2))) {
          series.histograms.push_back(RandomHistogram(random, at));
          continue;
        }
        value = kind < 6 ? value + step : RandomValue(random, value);
        series.samples.push_back({.timestamp_ms = at, .value = value});
      }
      if (!series.samples.empty() || !series.histograms.empty()) fleet.series.push_back(std::move(series));
    }
  }
  // Series without a name, and with a label name that stands before __name__.
  fleet.series.push_back(
      {.labels = model::Labels::FromPairs({{"job", "nameless"}}), .samples = {{.timestamp_ms = kStartMs, .value = 1}}});
  fleet.series.push_back({.labels = model::Labels::FromPairs({{"Zone", "a"}, {"__name__", "metric_0"}}),
                          .samples = {{.timestamp_ms = kStartMs + 5, .value = 2}}});
  std::ranges::sort(fleet.series, [](const auto& a, const auto& b) { return InBlockOrder(a.labels, b.labels); });
  return fleet;
}

/// Adds the samples in pieces of random length.
inline base::Result<> AddInPieces(BlockWriter& writer, const LiteralSeries& series, base::Random& random) {
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  for (const model::Sample& sample : series.samples) {
    timestamps.push_back(sample.timestamp_ms);
    values.push_back(sample.value);
  }
  for (std::size_t at = 0; at < values.size();) {
    const std::size_t count = std::min<std::size_t>(values.size() - at, 1 + random.Below(values.size()));
    BARO_TRY(writer.AddFloats(std::span(timestamps).subspan(at, count), std::span(values).subspan(at, count)));
    at += count;
  }
  return writer.AddHistograms(series.histograms);
}

inline base::Result<BlockMeta> WriteBlock(base::FileSystem& files, const std::string& parent, const Fleet& fleet,
                                          BlockWriterOptions options, base::Random& random) {
  auto writer = BARO_TRY(BlockWriter::Create(files, parent, std::move(options)));
  for (const auto& [group, column] : fleet.columns) BARO_TRY(writer->AddColumn(group, column));
  for (const LiteralSeries& series : fleet.series) {
    const std::string instance(series.labels.Get("instance"));
    std::optional<GroupKey> group;
    if (!instance.empty() && fleet.columns.contains(std::stoul(instance.substr(5)))) {
      group = std::stoul(instance.substr(5));
    }
    BARO_TRY(writer->BeginSeries(series.labels, group));
    BARO_TRY(AddInPieces(*writer, series, random));
  }
  return writer->Finish();
}

/// Bit for bit.
inline void ExpectSame(const SampleColumns& got, const SampleColumns& want) {
  ASSERT_EQ(got.values().size(), want.values().size());
  ASSERT_TRUE(std::ranges::equal(got.timestamps_ms(), want.timestamps_ms()));
  ASSERT_EQ(got.values().size_bytes(), want.values().size_bytes());
  if (!got.values().empty()) {
    ASSERT_EQ(std::memcmp(got.values().data(), want.values().data(), got.values().size_bytes()), 0);
  }
  ASSERT_EQ(got.histograms().size(), want.histograms().size());
  for (std::size_t i = 0; i < got.histograms().size(); ++i) {
    ASSERT_EQ(got.histograms()[i].timestamp_ms, want.histograms()[i].timestamp_ms);
    ASSERT_EQ(*got.histograms()[i].histogram, *want.histograms()[i].histogram);
  }
}

}  // namespace baro::tsdb::block_testing

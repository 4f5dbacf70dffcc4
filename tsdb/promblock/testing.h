// What the tests of Prometheus' blocks share: random series, and blocks of them.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "base/sim_file_system.h"
#include "model/histogram.h"
#include "tsdb/memory_reader.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/prometheus_block_writer.h"

namespace baro::tsdb {

inline constexpr const char* kTestUlid = "01HV0000000000000000000000";

inline model::Labels MakeLabels(const std::vector<std::pair<std::string, std::string>>& pairs) {
  model::LabelsBuilder builder;
  for (const auto& [name, value] : pairs) builder.Set(name, value);
  return builder.Build();
}

/// One of the values that exporters have, and that hurt.
inline double RandomValue(base::Random& random, double last) {
  switch (random.Below(8)) {
    case 0:
      return std::bit_cast<double>(random.NextU64());
    case 1:
      return model::StaleNaN();
    case 2:
      return -0.0;
    case 3:
      return std::isfinite(last) ? last + static_cast<double>(random.Below(100)) : 1;
    case 4:
      return static_cast<double>(random.Below(10'000)) / 100;
    default:
      return last;
  }
}

inline std::vector<model::Sample> RandomSamples(base::Random& random, std::size_t count, std::int64_t from_ms) {
  std::vector<model::Sample> samples;
  double value = 0;
  std::int64_t time = from_ms;
  for (std::size_t i = 0; i < count; ++i) {
    value = RandomValue(random, value);
    samples.push_back({.timestamp_ms = time, .value = value});
    time += random.OneIn(8) ? 1 + static_cast<std::int64_t>(random.NextU64() >> (24 + random.Below(39))) : 15'000;
  }
  return samples;
}

/// Steps a counter histogram forward: buckets grow, appear, and sometimes everything begins anew or changes layout.
class HistogramSource {
 public:
  HistogramSource(base::Random& random, bool is_float, bool is_gauge)
      : random_(random), is_float_(is_float), is_gauge_(is_gauge) {
    Reset();
  }

  std::shared_ptr<const model::FloatHistogram> Next() {
    if (random_.OneIn(25)) Reset();
    if (random_.OneIn(20)) {
      auto stale = std::make_shared<model::FloatHistogram>();
      stale->sum = model::StaleNaN();
      return stale;
    }
    for (int i = 0; i < 3; ++i) counts_[random_.Below(counts_.size())] += Step();
    if (is_gauge_) counts_[random_.Below(counts_.size())] = 0;
    return std::make_shared<model::FloatHistogram>(Make());
  }

 private:
  double Step() { return static_cast<double>(random_.Below(1000)) * (is_float_ ? 0.125 : 1); }

  void Reset() {
    counts_.assign(12, 0);
    is_custom_ = random_.OneIn(4);
    schema_ = static_cast<std::int32_t>(random_.Below(13)) - 4;
    zero_threshold_ = random_.OneIn(2) ? std::ldexp(1, -128) : random_.OneIn(2) ? 0 : 0.001;
    offset_ = static_cast<std::int32_t>(random_.Below(20)) - 10;
  }

  // Buckets without observations are left out, at times: so that layouts differ between neighbours.
  void FillSide(std::size_t begin, std::size_t end, std::int32_t first, std::vector<model::Span>& spans,
                std::vector<double>& buckets) const {
    std::int32_t next = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (counts_[i] == 0) continue;
      const std::int32_t index = first + static_cast<std::int32_t>(i - begin) * 2;
      if (spans.empty() || index != next) spans.push_back({.offset = index - next, .length = 0});
      ++spans.back().length;
      buckets.push_back(counts_[i]);
      next = index + 1;
    }
  }

  model::FloatHistogram Make() const {
    model::FloatHistogram histogram;
    if (is_gauge_) histogram.counter_reset_hint = model::CounterResetHint::kGauge;
    if (is_custom_) {
      histogram.schema = model::kSchemaCustom;
      histogram.custom_values = {-1.5, 0,   0.005, 0.25, 10,  33554.430, 33554.431, 1e9,
                                 2e9,  3e9, 4e9,   5e9,  6e9, 7e9,       8e9,       9e9};
      FillSide(0, 8, 0, histogram.positive_spans, histogram.positive_buckets);
    } else {
      histogram.schema = schema_;
      histogram.zero_threshold = zero_threshold_;
      histogram.zero_count = counts_[11];
      FillSide(0, 8, offset_, histogram.positive_spans, histogram.positive_buckets);
      FillSide(8, 11, -offset_, histogram.negative_spans, histogram.negative_buckets);
    }
    histogram.count = histogram.zero_count;
    for (const double count : histogram.positive_buckets) histogram.count += count;
    for (const double count : histogram.negative_buckets) histogram.count += count;
    histogram.sum = histogram.count * 0.7;
    return histogram;
  }

  base::Random& random_;
  bool is_float_;
  bool is_gauge_;
  bool is_custom_ = false;
  std::int32_t schema_ = 0;
  double zero_threshold_ = 0;
  std::int32_t offset_ = 0;
  std::vector<double> counts_;
};

inline std::vector<HistogramSample> RandomHistograms(base::Random& random, std::size_t count, std::int64_t from_ms) {
  HistogramSource source(random, random.OneIn(2), random.OneIn(3));
  std::vector<HistogramSample> samples;
  for (std::size_t i = 0; i < count; ++i) {
    samples.push_back({.timestamp_ms = from_ms + static_cast<std::int64_t>(i) * 15'000, .histogram = source.Next()});
  }
  return samples;
}

/// Series of both kinds in label order, and some of mixed kind.
inline std::vector<LiteralSeries> RandomSeries(base::Random& random, std::size_t count) {
  std::vector<LiteralSeries> all;
  for (std::size_t i = 0; i < count; ++i) {
    LiteralSeries series;
    series.labels = MakeLabels({{"__name__", fmt::format("metric_{}", i % 7)},
                                {"instance", fmt::format("host-{:03}", i)},
                                {"job", i % 3 == 0 ? "node" : "web"},
                                {i % 2 == 0 ? "even" : "", "yes"}});
    const std::int64_t from = 1'700'000'000'000 + static_cast<std::int64_t>(random.Below(100'000));
    if (i % 4 != 1) series.samples = RandomSamples(random, 1 + random.Below(400), from);
    if (i % 4 == 1 || i % 8 == 2) {
      const std::int64_t behind = series.samples.empty() ? from : series.samples.back().timestamp_ms + 1;
      series.histograms = RandomHistograms(random, 1 + random.Below(300), behind);
    }
    all.push_back(std::move(series));
  }
  std::ranges::sort(all, {}, &LiteralSeries::labels);
  return all;
}

/// Writes the series as the block `<parent>/<ulid>`.
inline base::Result<PrometheusBlockMeta> WriteBlock(base::FileSystem& files, const std::string& parent,
                                                    std::span<const LiteralSeries> all,
                                                    PrometheusBlockWriterOptions options = {.ulid = kTestUlid}) {
  auto writer = BARO_TRY(PrometheusBlockWriter::Create(files, parent, std::move(options)));
  for (const LiteralSeries& series : all) {
    BARO_TRY(writer->BeginSeries(series.labels));
    std::vector<std::int64_t> timestamps;
    std::vector<double> values;
    for (const model::Sample& sample : series.samples) {
      timestamps.push_back(sample.timestamp_ms);
      values.push_back(sample.value);
    }
    BARO_TRY(writer->Add(timestamps, values, series.histograms));
  }
  return writer->Finish();
}

/// A log of Prometheus with the float samples of the series, a record for each, in `<directory>/wal/00000000`.
inline base::Result<> WriteLog(base::FileSystem& files, const std::string& directory,
                               std::span<const LiteralSeries> all) {
  constexpr std::size_t kPageBytes = 32768;
  base::ByteBuffer out;
  const auto put = [&out](const base::ByteBuffer& record) {  // whole, on a page of its own if it must
    constexpr std::size_t kHeadBytes = 7;
    if (out.size() % kPageBytes + kHeadBytes + record.size() > kPageBytes) {
      out.resize((out.size() / kPageBytes + 1) * kPageBytes);
    }
    AppendBe(out, std::uint8_t{1});
    AppendBe(out, static_cast<std::uint16_t>(record.size()));
    AppendBe(out, base::Crc32c(record));
    base::AppendBytes(out, record);
  };
  std::uint64_t ref = 1;
  for (const LiteralSeries& series : all) {
    base::ByteBuffer record;
    AppendBe(record, std::uint8_t{1});
    AppendBe(record, ref);
    base::AppendVarint(record, series.labels.size());
    for (const model::LabelView& label : series.labels) {
      for (const std::string_view text : {label.name, label.value}) {
        base::AppendVarint(record, text.size());
        base::AppendBytes(record, base::AsBytes(text));
      }
    }
    put(record);
    record.clear();
    AppendBe(record, std::uint8_t{2});
    AppendBe(record, ref++);
    AppendBe(record, std::uint64_t{0});
    for (const model::Sample& sample : series.samples) {
      base::AppendSignedVarint(record, 0);
      base::AppendSignedVarint(record, sample.timestamp_ms);
      AppendBe(record, std::bit_cast<std::uint64_t>(sample.value));
    }
    put(record);
  }
  BARO_TRY(files.CreateDirectories(directory + "/wal"));
  const auto file = BARO_TRY(files.OpenWritable(directory + "/wal/00000000", base::FileSystem::OpenMode::kReplace));
  BARO_TRY(file->Append(out));
  return file->Sync();
}

}  // namespace baro::tsdb

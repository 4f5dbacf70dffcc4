// bench: tsdb
// Native histograms: bytes per histogram in chunks of ours, and in those of Prometheus' format written by our exporter
// of blocks (of 120 histograms, as Prometheus cuts them; index and headers of files not counted on either side).
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/random.h"
#include "tsdb/codec/histogram_codec.h"
#include "tsdb/codec/timestamp_codec.h"
#include "tsdb/promblock/series_chunker.h"

namespace baro::tsdb {
namespace {

struct Load {
  const char* name;
  std::size_t buckets;
  double per_step;  // observations between two scrapes
  bool is_gauge;    // buckets move up and down, and have fractions
};

// A day at 15 s of a service's latencies: log-normal, so that buckets in the middle move all the time, those at the
// edges rarely. Once in a while a bucket appears that was not there.
std::vector<HistogramSample> Make(const Load& load) {
  base::SeededRandom random(1);
  std::vector<double> shares(load.buckets);
  for (std::size_t i = 0; i < load.buckets; ++i) {
    const double x = (static_cast<double>(i) + 0.5) / static_cast<double>(load.buckets) * 6 - 3;
    shares[i] = std::exp(-x * x / 2);
  }
  const double all = std::reduce(shares.begin(), shares.end());
  std::vector<double> counts(load.buckets);
  double sum = 0;
  std::vector<HistogramSample> samples;
  for (int row = 0; row < 24 * 240; ++row) {
    model::FloatHistogram histogram;
    histogram.schema = 3;
    histogram.zero_threshold = 0x1p-128;
    const std::size_t first = row < 2000 ? 2 : 0;  // two rare buckets come later
    for (std::size_t i = first; i < load.buckets; ++i) {
      const double expected = load.per_step * shares[i] / all;
      double step = std::floor(expected * (0.5 + static_cast<double>(random.Below(1000)) / 1000));
      if (expected < 1) step = static_cast<double>(random.Below(1000)) < expected * 1000 ? 1 : 0;
      if (load.is_gauge) {
        counts[i] = step * 0.25;
      } else {
        counts[i] += step;
      }
      sum += step * std::exp2(static_cast<double>(i) / 8) * 1e-3;
    }
    histogram.positive_spans = {
        {.offset = static_cast<std::int32_t>(first) - 40, .length = static_cast<std::uint32_t>(load.buckets - first)}};
    histogram.positive_buckets.assign(counts.begin() + static_cast<std::ptrdiff_t>(first), counts.end());
    histogram.count = std::reduce(histogram.positive_buckets.begin(), histogram.positive_buckets.end());
    histogram.sum = sum;
    if (load.is_gauge) histogram.counter_reset_hint = model::CounterResetHint::kGauge;
    samples.push_back({.timestamp_ms = 1'700'000'000'000 + row * std::int64_t{15'000},
                       .histogram = std::make_shared<const model::FloatHistogram>(std::move(histogram))});
  }
  return samples;
}

std::size_t OurBytes(std::span<const HistogramSample> samples, std::size_t rows) {
  base::ByteBuffer bytes;
  std::vector<std::int64_t> timestamps;
  for (std::size_t at = 0; at < samples.size(); at += rows) {
    const auto chunk = samples.subspan(at, std::min(rows, samples.size() - at));
    if (!EncodeHistograms(chunk, bytes)) return 0;
    timestamps.clear();
    for (const HistogramSample& sample : chunk) timestamps.push_back(sample.timestamp_ms);
    EncodeTimestamps(timestamps, bytes);
  }
  return bytes.size();
}

std::size_t TheirBytes(std::span<const HistogramSample> samples) {
  std::size_t bytes = 0;
  SeriesChunker chunker;
  const auto count = [&bytes](const FinishedChunk& chunk) { bytes += chunk.data.size(); };
  for (const HistogramSample& sample : samples) chunker.Append(sample, count);
  chunker.Finish(count);
  return bytes;
}

void BM_Histograms(benchmark::State& state, const Load& load) {
  const auto samples = Make(load);
  const auto count = static_cast<double>(samples.size());
  for (auto _ : state) benchmark::DoNotOptimize(OurBytes(samples, kChunkRowsMax));
  state.counters["B_2h"] = static_cast<double>(OurBytes(samples, 480)) / count;
  state.counters["B_long"] = static_cast<double>(OurBytes(samples, kChunkRowsMax)) / count;
  state.counters["B_prometheus"] = static_cast<double>(TheirBytes(samples)) / count;
  state.counters["histograms"] =
      benchmark::Counter(count * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(BM_Histograms, busy, {.name = "busy", .buckets = 60, .per_step = 2000, .is_gauge = false})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Histograms, quiet, {.name = "quiet", .buckets = 60, .per_step = 20, .is_gauge = false})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Histograms, many_buckets, {.name = "many", .buckets = 160, .per_step = 5000, .is_gauge = false})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Histograms, gauge, {.name = "gauge", .buckets = 60, .per_step = 2000, .is_gauge = true})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace baro::tsdb

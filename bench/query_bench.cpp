// bench: query
// What evaluating costs: the queries of dashboards over 1,000 series and a day of samples, one each 15 s.
#include <cmath>
#include <string>

#include <benchmark/benchmark.h>

#include "base/clock.h"
#include "base/compute_pool.h"
#include "query/engine.h"
#include "query/func/column_loops.h"
#include "query/func/column_windows.h"
#include "query/func/over_time.h"
#include "query/func/rate.h"
#include "tsdb/memory_reader.h"

namespace {

namespace query = baro::query;
namespace func = baro::query::func;
namespace model = baro::model;
namespace tsdb = baro::tsdb;

constexpr std::int64_t kStepMs = 15'000;
constexpr std::int64_t kDayMs = 24 * 3'600'000;
constexpr int kSeries = 1000;

const tsdb::MemoryReaderSource& Source() {
  static const tsdb::MemoryReaderSource* const source = [] {
    std::vector<tsdb::LiteralSeries> all;
    for (int s = 0; s < kSeries; ++s) {
      tsdb::LiteralSeries series{.labels = model::Labels::FromPairs({{"__name__", "http_requests_total"},
                                                                     {"instance", "host-" + std::to_string(s / 10)},
                                                                     {"job", "job-" + std::to_string(s % 20)},
                                                                     {"path", "/p/" + std::to_string(s % 10)}}),
                                 .samples = {},
                                 .histograms = {}};
      double value = s;
      for (std::int64_t t = 0; t <= kDayMs; t += kStepMs) {
        value += static_cast<double>((t / kStepMs * 7 + s) % 13);
        series.samples.push_back({.timestamp_ms = t, .value = value});
      }
      all.push_back(std::move(series));
    }
    return new tsdb::MemoryReaderSource(std::move(all));
  }();
  return *source;
}

void RangeQuery(benchmark::State& state, const char* text, std::int64_t step_ms) {
  static baro::base::ComputePool pool;
  query::Engine engine({}, {.source = &Source(), .pool = &pool, .clock = &baro::base::RealClock()});
  std::uint64_t samples = 0;
  for (auto _ : state) {
    const auto result = engine.Range(text, {.start_ms = 600'000, .end_ms = kDayMs, .step_ms = step_ms});
    if (!result) state.SkipWithError(result.error().message().c_str());
    if (result) samples = result->stats.samples_read;
    benchmark::DoNotOptimize(result);
  }
  state.counters["samples/s"] = benchmark::Counter(
      static_cast<double>(samples) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(RangeQuery, SumByRate, "sum by (job) (rate(http_requests_total[5m]))", 60'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(RangeQuery, Selector, "sum(http_requests_total)", 60'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(RangeQuery, MaxOverTime, "max by (instance) (max_over_time(http_requests_total[1h]))", 60'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(RangeQuery, AvgOverTime, "avg_over_time(http_requests_total[1h])", 60'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(RangeQuery, Ratio,
                  "sum by (job) (rate(http_requests_total[5m])) / on (job) sum by (job) (http_requests_total)", 60'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(RangeQuery, TopK, "topk(10, rate(http_requests_total[5m]))", 300'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// One series' day, all steps at once.
void RateKernel(benchmark::State& state) {
  std::vector<std::int64_t> times;
  std::vector<double> values;
  for (std::int64_t t = 0; t <= kDayMs; t += kStepMs) {
    times.push_back(t);
    values.push_back(std::fmod(static_cast<double>(t), 7'000'000));
  }
  const func::RangeColumn column{.timestamps_ms = times, .values = values, .histograms = {}};
  const func::WindowGrid windows{.first_end_ms = 0, .step_ms = 60'000, .range_ms = 300'000, .count = 1441};
  std::vector<double> out(windows.count);
  std::vector<func::Kind> kinds(windows.count);
  std::vector<func::HistogramPtr> histograms;
  for (auto _ : state) {
    func::Notes notes;
    func::Rate(func::RateKind::kRate, column, windows, {.values = out, .kinds = kinds, .histograms = &histograms},
               notes);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(times.size()));
}
BENCHMARK(RateKernel);

// The same, as the second and all further series of a target have it: the windows are known.
void RateKernelKnownWindows(benchmark::State& state) {
  std::vector<std::int64_t> times;
  std::vector<double> values;
  for (std::int64_t t = 0; t <= kDayMs; t += kStepMs) {
    times.push_back(t);
    values.push_back(static_cast<double>(t) * 1.5);
  }
  const func::WindowGrid windows{.first_end_ms = 0, .step_ms = 60'000, .range_ms = 300'000, .count = 1441};
  func::ColumnWindows known;
  func::FindWindows(times, windows, func::DivisorOf(func::RateKind::kRate, windows), known);
  const func::RangeColumn column{.timestamps_ms = times, .values = values, .histograms = {}, .known = &known};
  std::vector<double> out(windows.count);
  std::vector<func::Kind> kinds(windows.count);
  std::vector<func::HistogramPtr> histograms;
  for (auto _ : state) {
    func::Notes notes;
    func::Rate(func::RateKind::kRate, column, windows, {.values = out, .kinds = kinds, .histograms = &histograms},
               notes);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(times.size()));
}
BENCHMARK(RateKernelKnownWindows);

// A series added to the sums of its group, at 1,441 steps.
void AddToSums(benchmark::State& state) {
  const std::vector<double> values(1441, 1.25);
  std::vector<double> sums(values.size());
  std::vector<double> lost(values.size());
  for (auto _ : state) {
    func::AddToSums(values, sums, lost);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
}
BENCHMARK(AddToSums);

// avg_over_time over an hour, each five minutes, of a day.
void AverageKernel(benchmark::State& state) {
  std::vector<std::int64_t> times;
  std::vector<double> values;
  for (std::int64_t t = 0; t <= kDayMs; t += kStepMs) {
    times.push_back(t);
    values.push_back(std::fmod(static_cast<double>(t), 7'000'000));
  }
  const func::RangeColumn column{.timestamps_ms = times, .values = values, .histograms = {}};
  const func::WindowGrid windows{.first_end_ms = 0, .step_ms = 300'000, .range_ms = 3'600'000, .count = 289};
  std::vector<double> out(windows.count);
  std::vector<func::Kind> kinds(windows.count);
  std::vector<func::HistogramPtr> histograms;
  for (auto _ : state) {
    func::Notes notes;
    func::OverTime(query::Function::kAvgOverTime, column, windows, {},
                   {.values = out, .kinds = kinds, .histograms = &histograms}, notes);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(times.size()));
}
BENCHMARK(AverageKernel);

}  // namespace

// bench: base
// The small things that everything does all the time: checksums, numbers as text, metrics, hand-over between threads.
#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/compute_pool.h"
#include "base/crc32c.h"
#include "base/metrics.h"
#include "base/metrics_text.h"
#include "base/number_text.h"
#include "base/random.h"

namespace baro::base {
namespace {

void BM_Crc32c(benchmark::State& state) {
  const ByteBuffer bytes(static_cast<std::size_t>(state.range(0)), std::byte{7});
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Crc32c)->Arg(64)->Arg(4096)->Arg(1 << 20);

void BM_Crc32cPortable(benchmark::State& state) {
  const ByteBuffer bytes(static_cast<std::size_t>(state.range(0)), std::byte{7});
  for (auto _ : state) benchmark::DoNotOptimize(Crc32cPortable(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Crc32cPortable)->Arg(4096);

std::vector<double> Numbers() {
  SeededRandom random(1);
  std::vector<double> numbers;
  for (int i = 0; i < 1000; ++i) numbers.push_back(static_cast<double>(random.Below(1'000'000'000)) / 1000);
  return numbers;
}

void BM_FormatFloat(benchmark::State& state) {
  const std::vector<double> numbers = Numbers();
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (const double number : numbers) AppendFloat(out, number);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_FormatFloat);

void BM_ParseFloat(benchmark::State& state) {
  std::vector<std::string> texts;
  for (const double number : Numbers()) texts.push_back(FormatFloat(number));
  for (auto _ : state) {
    for (const std::string& text : texts) benchmark::DoNotOptimize(ParseFloat(text));
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_ParseFloat);

void BM_Varint(benchmark::State& state) {
  SeededRandom random(1);
  ByteBuffer bytes;
  for (int i = 0; i < 1000; ++i) AppendVarint(bytes, random.NextU64() >> random.Below(64));
  for (auto _ : state) {
    ByteReader reader(bytes);
    std::uint64_t sum = 0;
    while (!reader.AtEnd()) sum += reader.Varint();
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_Varint);

void BM_HistogramObserve(benchmark::State& state) {
  static Histogram histogram({0.001, 0.01, 0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120});
  for (auto _ : state) histogram.Observe(0.15);
}
BENCHMARK(BM_HistogramObserve)->Threads(1)->Threads(2);

void BM_Exposition(benchmark::State& state) {
  Registry registry;
  auto& family = registry.MakeCounterFamily("requests_total", "Requests.", {"handler", "code"});
  for (int i = 0; i < 500; ++i) family.With({"/api/v1/" + std::to_string(i), "200"}).Add(i);
  std::string out;
  for (auto _ : state) {
    out.clear();
    AppendPrometheusText(registry.Gather(), out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(BM_Exposition);

void BM_ParallelFor(benchmark::State& state) {
  ComputePool pool({.threads = 2, .queue_length_max = 64});
  std::atomic<std::uint64_t> sum = 0;
  for (auto _ : state) {
    pool.ParallelFor(Priority::kQueries, 64, {}, [&](std::size_t i) { sum.fetch_add(i, std::memory_order_relaxed); });
  }
}
BENCHMARK(BM_ParallelFor)->UseRealTime();

}  // namespace
}  // namespace baro::base

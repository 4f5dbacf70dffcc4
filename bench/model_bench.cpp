// bench: model
// Label sets, matchers, relabelling and histogram sums: what scraping and queries do per series.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/relabel.h"

namespace baro::model {
namespace {

// A series as Kubernetes' own metrics have them: ten labels, about 300 bytes.
Labels Series(int number) {
  const std::string pod = fmt::format("checkout-7d4b9c6f5-{:05}", number);
  const std::string id = fmt::format("/kubepods/burstable/pod6f0c9a1e-4b1d-4f6e-8f7a-{:012}", number);
  return Labels::FromPairs({{"__name__", "container_cpu_usage_seconds_total"},
                            {"container", "server"},
                            {"cpu", "total"},
                            {"endpoint", "https-metrics"},
                            {"id", id},
                            {"instance", "10.0.12.34:10250"},
                            {"job", "kubelet"},
                            {"namespace", "production"},
                            {"node", "worker-17.eu-central-1.compute.internal"},
                            {"pod", pod}});
}

void BM_LabelsHash(benchmark::State& state) {
  const Labels labels = Series(1);
  for (auto _ : state) benchmark::DoNotOptimize(labels.Hash());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(labels.packed().size()));
}
BENCHMARK(BM_LabelsHash);

void BM_LabelsCompare(benchmark::State& state) {
  const Labels a = Series(1);
  const Labels b = Series(2);
  for (auto _ : state) benchmark::DoNotOptimize(a < b);
}
BENCHMARK(BM_LabelsCompare);

void BM_LabelsEqual(benchmark::State& state) {
  const Labels a = Series(1);
  const Labels b = Series(1);
  for (auto _ : state) benchmark::DoNotOptimize(a == b);
}
BENCHMARK(BM_LabelsEqual);

void BM_LabelsCopy(benchmark::State& state) {
  const Labels a = Series(1);
  for (auto _ : state) {
    Labels copy = a;
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(BM_LabelsCopy);

void BM_LabelsGet(benchmark::State& state) {
  const Labels labels = Series(1);
  for (auto _ : state) benchmark::DoNotOptimize(labels.Get("namespace"));
}
BENCHMARK(BM_LabelsGet);

void BM_LabelsHashBy(benchmark::State& state) {
  const Labels labels = Series(1);
  const std::vector<std::string> names = {"namespace", "pod"};
  for (auto _ : state) benchmark::DoNotOptimize(labels.HashWithLabels(names));
}
BENCHMARK(BM_LabelsHashBy);

void BM_LabelsWithout(benchmark::State& state) {
  const Labels labels = Series(1);
  const std::vector<std::string> names = {"cpu", "id"};
  for (auto _ : state) benchmark::DoNotOptimize(labels.WithoutLabels(names));
}
BENCHMARK(BM_LabelsWithout);

void BM_LabelsBuild(benchmark::State& state) {
  const Labels labels = Series(1);
  LabelsBuilder builder;
  for (auto _ : state) {
    builder.Reset(labels);
    builder.Set("instance", "10.0.12.35:10250");
    builder.Set("zone", "eu-central-1a");
    builder.Delete("id");
    benchmark::DoNotOptimize(builder.Build());
  }
}
BENCHMARK(BM_LabelsBuild);

void BM_Match(benchmark::State& state, const std::string& pattern) {
  const Matcher matcher = *Matcher::Make(MatchType::kRegex, "pod", pattern);
  std::array<std::string, 64> values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = fmt::format("checkout-7d4b9c6f5-{:05}", i);
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(matcher.Matches(values[++at % values.size()]));
}
BENCHMARK_CAPTURE(BM_Match, prefix, "checkout-.+");
BENCHMARK_CAPTURE(BM_Match, contains, ".*9c6f5.*");
BENCHMARK_CAPTURE(BM_Match, alternation, "cart-.*|checkout-7d4b9c6f5-000(01|02|03|17)|shop");
BENCHMARK_CAPTURE(BM_Match, re2, "checkout-[0-9a-f]+-[0-9]+");

void BM_MatcherMake(benchmark::State& state, const std::string& pattern) {
  for (auto _ : state) benchmark::DoNotOptimize(Matcher::Make(MatchType::kRegex, "pod", pattern));
}
BENCHMARK_CAPTURE(BM_MatcherMake, alternation, "alpha|beta|gamma|delta");
BENCHMARK_CAPTURE(BM_MatcherMake, re2, "checkout-[0-9a-f]+-[0-9]+");

void BM_Relabel(benchmark::State& state) {
  const RelabelConfig configs[] = {
      {.source_labels = {"__name__"}, .regex = "go_.*|process_.*", .action = RelabelAction::kDrop},
      {.source_labels = {"node"}, .target_label = "host"},
      {.source_labels = {"instance"}, .regex = "([^:]+):.*", .target_label = "address"},
      {.regex = "id|endpoint", .action = RelabelAction::kLabelDrop}};
  const Relabeler relabeler = *Relabeler::Compile(configs);
  const Labels labels = Series(1);
  LabelsBuilder builder;
  for (auto _ : state) {
    builder.Reset(labels);
    benchmark::DoNotOptimize(relabeler.Apply(builder));
    benchmark::DoNotOptimize(builder.Build());
  }
}
BENCHMARK(BM_Relabel);

FloatHistogram Distribution(int first, std::uint32_t buckets) {
  FloatHistogram histogram{.schema = 3, .zero_threshold = 1e-128, .count = 100, .sum = 50};
  histogram.positive_spans = {{first, buckets}};
  for (std::uint32_t i = 0; i < buckets; ++i) histogram.positive_buckets.push_back(1.0 + i);
  return histogram;
}

void BM_HistogramAdd(benchmark::State& state, bool has_same_layout) {
  const FloatHistogram other = Distribution(has_same_layout ? -20 : -17, 60);
  FloatHistogram sum = Distribution(-20, 60);
  for (auto _ : state) {
    if (!has_same_layout) sum = Distribution(-20, 60);
    benchmark::DoNotOptimize(sum.Add(other));
  }
}
BENCHMARK_CAPTURE(BM_HistogramAdd, same_layout, true);
BENCHMARK_CAPTURE(BM_HistogramAdd, shifted_with_copy, false);

}  // namespace
}  // namespace baro::model

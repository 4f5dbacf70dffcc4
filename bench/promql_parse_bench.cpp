// bench: query
// What parsing costs: dashboards and rules parse the same few hundred bytes again and again.
#include <string>

#include <benchmark/benchmark.h>

#include "query/parser.h"
#include "query/printer.h"

namespace {

namespace query = baro::query;

const char* const kDashboardQuery =
    R"(histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket{job=~"api|web", code!~"5.."}[5m])))
 / on (job) group_left (team) (sum by (job) (rate(http_requests_total{job="api"}[5m] offset 1h)) > 0))";

void ParseDashboardQuery(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(query::ParseExpression(kDashboardQuery));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(std::string_view(kDashboardQuery).size()));
}
BENCHMARK(ParseDashboardQuery);

void ParseSelector(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(query::ParseExpression(R"(up{job="node"})"));
}
BENCHMARK(ParseSelector);

void ParseChain(benchmark::State& state) {
  std::string text = "a";
  for (std::int64_t i = 0; i < state.range(0); ++i) text += " + a";
  for (auto _ : state) benchmark::DoNotOptimize(query::ParseExpression(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(ParseChain)->Arg(100)->Arg(50'000);

// What an attacker sends: refused at the first level too many, whatever the length.
void RefuseParentheses(benchmark::State& state) {
  const std::string text(1'000'000, '(');
  for (auto _ : state) benchmark::DoNotOptimize(query::ParseExpression(text));
}
BENCHMARK(RefuseParentheses);

void PrintDashboardQuery(benchmark::State& state) {
  const auto ast = query::ParseExpression(kDashboardQuery);
  for (auto _ : state) benchmark::DoNotOptimize(query::ToString(ast->root()));
}
BENCHMARK(PrintDashboardQuery);

}  // namespace

// Corners of the language that the test scripts of Prometheus leave out; its source says what they give.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/engine.h"
#include "tsdb/memory_reader.h"

namespace baro::query {
namespace {

tsdb::LiteralSeries Floats(std::initializer_list<model::LabelView> labels, double first, double step) {
  tsdb::LiteralSeries series{.labels = model::Labels::FromPairs(labels), .samples = {}, .histograms = {}};
  for (int minute = 0; minute <= 10; ++minute) {
    series.samples.push_back({.timestamp_ms = minute * 60'000, .value = first + step * minute});
  }
  return series;
}

tsdb::LiteralSeries Histogram(std::initializer_list<model::LabelView> labels) {
  tsdb::LiteralSeries series{.labels = model::Labels::FromPairs(labels), .samples = {}, .histograms = {}};
  auto histogram = std::make_shared<model::FloatHistogram>();
  histogram->count = 1;
  histogram->sum = 1;
  series.histograms.push_back({.timestamp_ms = 300'000, .histogram = std::move(histogram)});
  return series;
}

tsdb::LiteralSeries CustomHistogram(std::initializer_list<model::LabelView> labels) {
  tsdb::LiteralSeries series{.labels = model::Labels::FromPairs(labels), .samples = {}, .histograms = {}};
  auto histogram = std::make_shared<model::FloatHistogram>();
  histogram->schema = model::kSchemaCustom;
  histogram->custom_values = {1, 2};
  histogram->count = 1;
  histogram->sum = 1;
  series.histograms.push_back({.timestamp_ms = 300'000, .histogram = std::move(histogram)});
  return series;
}

const tsdb::MemoryReaderSource& Source() {
  static const tsdb::MemoryReaderSource source({
      Floats({{"__name__", "c"}, {"i", "a"}}, 0, 60),
      Floats({{"__name__", "g"}, {"i", "a"}}, 0, 1),
      Floats({{"__name__", "m"}, {"instance", "a"}, {"job", "b"}}, 1, 0),
      Floats({{"__name__", "m"}, {"instance", "a"}, {"job", "b"}, {"x", "1"}}, 2, 0),
      Floats({{"__name__", "n"}, {"instance", "a"}}, 1, 0),
      Floats({{"__name__", "n"}, {"z", "1"}}, 1, 0),
      Floats({{"__name__", "target_info"}, {"instance", "a"}, {"job", "b"}, {"x", "1"}}, 1, 0),
      Floats({{"__name__", "two_info"}, {"instance", "a"}, {"job", "b"}, {"y", "1"}}, 1, 0),
      Floats({{"__name__", "two_info"}, {"instance", "a"}, {"job", "b"}, {"y", "2"}}, 1, 0),
      Floats({{"__name__", "bare_info"}, {"q", "1"}}, 1, 0),
      Floats({{"__name__", "job_info"}, {"job", "b"}, {"q", "1"}}, 1, 0),
      Floats({{"__name__", "k"}, {"job", "b"}}, 1, 0),
      Histogram({{"__name__", "mix"}, {"l", "1"}, {"k", "x"}}),
      Floats({{"__name__", "mix"}, {"l", "1"}, {"k", "y"}}, 3, 0),
      Floats({{"__name__", "one"}, {"l", "1"}}, 2, 0),
      Floats({{"__name__", "float_first"}, {"k", "1"}}, 3, 0),
      Histogram({{"__name__", "float_first"}, {"k", "2"}}),
      CustomHistogram({{"__name__", "float_first"}, {"k", "3"}}),
      Histogram({{"__name__", "float_second"}, {"k", "1"}}),
      Floats({{"__name__", "float_second"}, {"k", "2"}}, 3, 0),
      CustomHistogram({{"__name__", "float_second"}, {"k", "3"}}),
      Histogram({{"__name__", "float_last"}, {"k", "1"}}),
      CustomHistogram({{"__name__", "float_last"}, {"k", "2"}}),
      Floats({{"__name__", "float_last"}, {"k", "3"}}, 3, 0),
  });
  return source;
}

// An answer at minute 5 as one line, or the error; annotations behind it.
std::string Ask(const std::string& query, std::int64_t step_ms) {
  EngineOptions options;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = false,
                      .type_and_unit_labels = false,
                      .use_start_timestamps = false};
  Engine engine(options, {.source = &Source()});
  const auto result = step_ms == 0 ? engine.Instant(query, 300'000)
                                   : engine.Range(query, {.start_ms = 300'000, .end_ms = 300'000, .step_ms = step_ms});
  if (!result) return result.error().message();
  std::string line;
  const auto add = [&line](const SeriesTable& table, bool is_range) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      line += table.labels(i).ToMetricString();
      for (std::size_t k = 0; k < table.values(i).size(); ++k) {
        line += fmt::format(" {}", table.values(i)[k]);
        if (table.timestamps_ms(i)[k] != 300'000 || is_range) line += fmt::format("@{}", table.timestamps_ms(i)[k]);
      }
      for (const HistogramPoint& point : table.histograms(i)) line += " " + point.histogram->ToString();
      line += ";";
    }
  };
  if (const auto* scalar = std::get_if<ScalarResult>(&result->value)) line = fmt::format("{}", scalar->value);
  if (const auto* vector = std::get_if<VectorResult>(&result->value)) add(vector->series, false);
  if (const auto* matrix = std::get_if<MatrixResult>(&result->value)) add(matrix->series, step_ms == 0);
  for (const Annotation& warning : result->warnings) line += " " + warning.ToString();
  for (const Annotation& info : result->infos) line += " " + info.ToString();
  return line;
}

TEST(CornerCases, AreAsInPrometheus) {
  struct Row {
    const char* query;
    const char* want;
    std::int64_t step_ms = 0;  // 0: an instant query
  };
  const Row rows[] = {
      // Only rate() and increase() doubt that something is a counter.
      {"irate(c[5m])", R"({i="a"} 1;)"},
      {"increase(c[5m])", R"({i="a"} 300; PromQL info: metric might not be a counter, )"
                          R"(name does not end in _total/_sum/_count/_bucket: "c" (1:10))"},
      {"g anchored", R"(g{i="a"} 5;)"},
      {"timestamp(g smoothed)", R"({i="a"} 300;)"},
      // A range by itself shows what the functions look at.
      {"g[90s] anchored", R"(g{i="a"} 3@210000 4@240000 5@300000;)"},
      {"g[90s] smoothed", R"(g{i="a"} 3.5@210000 4@240000 5@300000;)"},
      {"g[90s] smoothed offset 15s", R"(g{i="a"} 3.25@195000 4@240000 4.75@285000;)"},
      {"g[30s] offset -10m smoothed", ""},
      {"g[20m] anchored", R"(g{i="a"} 0@-900000 0@0 1@60000 2@120000 3@180000 4@240000 5@300000;)"},
      {"mix[1m] anchored", "anchored modifier is not supported with histograms"},
      {"mix[1m] smoothed", "smoothed modifier is not supported with histograms"},
      // Sorting makes no sense over several steps, wherever they are.
      {"max_over_time(sort(g)[2m:1m])", R"({i="a"} 5; PromQL warning: sort is ineffective for range queries )"
                                        R"(since results are always ordered by labels (1:15))"},
      // Of a parameter that is wrong at many steps, the extremes are told.
      {"max_over_time(quantile(time() / 60 - 3, one)[5m:1m])",
       "{} inf; PromQL warning: quantile value should be between 0 and 1, got -2 (1:24) "
       "PromQL warning: quantile value should be between 0 and 1, got 2 (1:24)"},
      // Names in annotations, and where they point to.
      {"topk(1, mix{k=\"x\"})", " PromQL info: ignored histogram in topk aggregation (1:1)"},
      {"max(mix{k=\"x\"})", " PromQL info: ignored histogram in max aggregation (1:5)"},
      {"histogram_quantile(0.5, one)",
       R"( PromQL warning: bucket label "le" is missing or has a malformed value of "" (1:25))"},
      // NaN wins, and is no duration.
      {"sum_over_time(g[max_of(1m, NaN)])", "1:17: parse error: duration expression yields NaN"},
      {"sum_over_time(g[min_of(NaN, 1m)])", "1:17: parse error: duration expression yields NaN"},
      // What is computed is cut to milliseconds, what is written is rounded to nanoseconds first.
      {"count_over_time(g[1m + 0.001])", R"({i="a"} 2;)"},
      {"count_over_time(g[10 + 50.001])", R"({i="a"} 2;)"},
      {"count_over_time(g[60.001])", R"({i="a"} 2;)"},
      {"count_over_time(g[59 + 1.0001])", R"({i="a"} 1;)"},
      // A query of one step has none.
      {"vector(step())", "{} 0;"},
      {"vector(step())", "{} 0;", 60'000},
      {"vector(range())", "{} 0;", 60'000},
      {"info(m{x=\"\"})", R"(m{instance="a", job="b", x="1"} 1;)"},
      {"info(m)", "vector cannot contain metrics with the same labelset"},
      {"info(m{x=\"\"}, {__name__=\"two_info\"})",
       R"(found duplicate series for info metric: existing two_info{instance="a", job="b", y="1"} @ 300000, )"
       R"(new two_info{instance="a", job="b", y="2"} @ 300000)"},
      {"info(n{z=\"1\"}, {__name__=\"bare_info\"})", R"(n{z="1"} 1;)"},  // nothing to be identified by
      {"info(k, {__name__=\"job_info\"})", R"(k{job="b", q="1"} 1;)"},
      // Where some series have an instance, an info series needs one, too.
      {"info({__name__=~\"k|m\", x=\"\"}, {__name__=\"job_info\"})", R"(k{job="b"} 1;m{instance="a", job="b"} 1;)"},
      // What does not go together is no match: it neither makes the other one ambiguous nor keeps it from being filled.
      {"mix + on (l) one", R"({l="1"} 5; PromQL info: incompatible sample types encountered )"
                           R"(for binary operator "+": histogram + float (1:1))"},
      {"mix{k=\"x\"} + on (l) fill_left(7) one", R"({l="1"} 9; PromQL info: incompatible sample types encountered )"
                                                 R"(for binary operator "+": histogram + float (1:1))"},
      {"one == on (l) fill_right(2) g", R"({l="1"} 2;)"},
      {"label_replace(g, \"\", \"x\", \"i\", \"(.*)\")", "invalid destination label name in label_replace(): "},
      {"label_join(g, \"\", \"-\", \"i\")", "invalid destination label name in label_join(): "},
      {"label_join(g, \"\", \"-\", \"\")", "invalid source label name in label_join(): "},
      {"label_replace(g, \"x\", \"x\", \"i\", \"(\")", "invalid regular expression in label_replace(): ("},
      {"double_exponential_smoothing(g[5m], 0, 0.5)", "invalid smoothing factor. Expected: 0 < sf < 1, got: 0.000000"},
      {"double_exponential_smoothing(g[5m], 0.5, 1)", "invalid trend factor. Expected: 0 < tf < 1, got: 1.000000"},
      {"double_exponential_smoothing(g[5m], NaN, 0.5)", R"({i="a"} nan;)"},
      // Histograms behind a float are not looked at, nor are floats behind histograms that do not go together.
      {"sum(float_first)", " PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)"},
      {"avg(float_second)",
       " PromQL warning: encountered a mix of histograms and floats for aggregation (1:5) PromQL warning: vector "
       "contains a mix of histograms with exponential and custom buckets schemas for metric name \"float_second\" "
       "(1:5)"},
      {"sum(float_last)",
       " PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric "
       "name \"float_last\" (1:5)"},
  };
  for (const Row& row : rows) EXPECT_EQ(Ask(row.query, row.step_ms), row.want) << row.query;
}

}  // namespace
}  // namespace baro::query

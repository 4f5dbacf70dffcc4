// fuzz: query
// PromQL from anywhere over a small set of series: no crash, no endless run, no more memory than the budget, and every
// refusal has a message.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/clock.h"
#include "query/engine.h"
#include "tsdb/memory_reader.h"

namespace query = baro::query;
namespace model = baro::model;
namespace tsdb = baro::tsdb;

namespace {

tsdb::LiteralSeries Floats(std::initializer_list<model::LabelView> labels, double step) {
  tsdb::LiteralSeries series{.labels = model::Labels::FromPairs(labels), .samples = {}, .histograms = {}};
  for (int i = 0; i < 40; ++i) {
    const double value = i == 17 ? model::StaleNaN() : (i % 11) * step;
    series.samples.push_back({.timestamp_ms = i * 15'000, .value = value});
  }
  return series;
}

tsdb::LiteralSeries Histograms() {
  tsdb::LiteralSeries series{
      .labels = model::Labels::FromPairs({{"__name__", "h"}, {"i", "0"}}), .samples = {}, .histograms = {}};
  for (int i = 0; i < 40; ++i) {
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = i % 13;
    histogram->sum = i;
    if (i % 13 > 0) {
      histogram->positive_spans = {{.offset = i % 3, .length = 1}};
      histogram->positive_buckets = {static_cast<double>(i % 13)};
    }
    series.histograms.push_back({.timestamp_ms = i * 15'000, .histogram = std::move(histogram)});
  }
  return series;
}

const tsdb::MemoryReaderSource& Source() {
  static const tsdb::MemoryReaderSource source({
      Floats({{"__name__", "a"}, {"i", "0"}}, 1),
      Floats({{"__name__", "a"}, {"i", "1"}}, -2.5),
      Floats({{"__name__", "b"}, {"i", "0"}}, 7),
      Floats({{"__name__", "b_bucket"}, {"i", "0"}, {"le", "1"}}, 1),
      Floats({{"__name__", "b_bucket"}, {"i", "0"}, {"le", "+Inf"}}, 2),
      Histograms(),
  });
  return source;
}

query::EngineOptions Options() {
  query::EngineOptions options;
  options.samples_max = 100'000;
  options.memory_bytes_max = 8 << 20;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = false,
                      .type_and_unit_labels = false};
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  static query::Engine engine(Options(), {.source = &Source(), .clock = &baro::base::RealClock()});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  query::QueryOptions query_options;
  query_options.timeout = std::chrono::seconds(2);
  const auto range = engine.Range(text, {.start_ms = 0, .end_ms = 600'000, .step_ms = 60'000}, query_options);
  const auto instant = engine.Instant(text, 120'000, query_options);
  if (!range && range.error().message().empty()) std::abort();
  if (!instant && instant.error().message().empty()) std::abort();
  return 0;
}

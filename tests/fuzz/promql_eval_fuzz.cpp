// fuzz: query
// PromQL over a small set of series: no crash, no endless run, no more memory than the budget, and every refusal has a
// message. Text from anywhere; and where the first byte is none of ASCII, valid text that the other bytes choose. What
// that answers over a range is what it answers at each of the times, and an explanation counts the same points.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "query/engine.h"
#include "query/explain.h"
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
    series.start_timestamps_ms.push_back(i % 4 == 0 ? 0 : (i - i % 7) * 15'000 - 5'000);
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
    series.histograms.push_back({.timestamp_ms = i * 15'000,
                                 .histogram = std::move(histogram),
                                 .start_timestamp_ms = i % 4 == 0 ? 0 : (i - i % 7) * 15'000 - 5'000});
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
  options.memory_bytes_total_max = 16 << 20;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = false,
                      .type_and_unit_labels = false,
                      .use_start_timestamps = true};
  return options;
}

// Valid queries, as the bytes choose. Nothing in them depends on which times are asked for together.
class Generator {
 public:
  explicit Generator(std::string_view bytes) : rest_(bytes) {}

  std::string Vector(int depth) {
    if (depth == 0) return Selector() + Offset();
    switch (Below(12)) {
      case 0:
        return Selector() + Offset();
      case 1:
      case 2:
        return Choose({"rate",
                       "increase",
                       "delta",
                       "irate",
                       "idelta",
                       "sum_over_time",
                       "avg_over_time",
                       "min_over_time",
                       "max_over_time",
                       "count_over_time",
                       "last_over_time",
                       "present_over_time",
                       "stddev_over_time",
                       "stdvar_over_time",
                       "changes",
                       "resets",
                       "deriv",
                       "absent_over_time",
                       "first_over_time",
                       "mad_over_time",
                       "ts_of_max_over_time",
                       "ts_of_last_over_time"}) +
               "(" + Matrix(depth - 1) + ")";
      case 3:
        return "quantile_over_time(" + Scalar(depth - 1) + ", " + Matrix(depth - 1) + ")";
      case 4:
      case 5:
        return Choose({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"}) + Grouping() + "(" +
               Vector(depth - 1) + ")";
      case 6:
        return Choose({"topk", "bottomk", "quantile", "limitk"}) + Grouping() + "(" + Scalar(depth - 1) + ", " +
               Vector(depth - 1) + ")";
      case 7:
        return "(" + Vector(depth - 1) +
               Choose({" + ", " - ", " * ", " / ", " % ", " ^ ", " > ", " <= bool ", " == "}) + Scalar(depth - 1) + ")";
      case 8:
        return "(" + Vector(depth - 1) +
               Choose({" + ", " - ", " * ", " / ", " > ", " != bool ", " and ", " or ", " unless "}) +
               Choose({"", "on (i) ", "ignoring (le) ", "on () "}) + Vector(depth - 1) + ")";
      case 9:
        return "(" +
               Choose({"abs", "ceil", "exp", "ln", "sqrt", "sgn", "timestamp", "histogram_count", "histogram_sum",
                       "histogram_avg", "hour", "-", "absent"}) +
               "(" + Vector(depth - 1) + "))";
      case 10:
        return Choose({"histogram_quantile", "clamp_max"}) == "histogram_quantile"
                   ? "histogram_quantile(" + Scalar(0) + ", " + Vector(depth - 1) + ")"
                   : "clamp_max(" + Vector(depth - 1) + ", " + Scalar(depth - 1) + ")";
      default:
        return "label_replace(" + Vector(depth - 1) + ", \"i\", \"$1x\", \"i\", \"(0?).*\")";
    }
  }

 private:
  std::size_t Below(std::size_t bound) {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte % bound;
  }
  std::string Choose(std::initializer_list<const char*> words) { return *(words.begin() + Below(words.size())); }

  std::string Selector() {
    return Choose(
        {"a", "b", "h", "b_bucket", "a{i=\"0\"}", "{__name__=~\"a|b\"}", "{__name__=~\".+\", le=\"\"}", "none"});
  }
  std::string Offset() { return Choose({"", "", "", " offset 1m", " offset -45s", " @ 200"}); }
  std::string Grouping() { return Choose({"", " by (i) ", " without (le) ", " by (le, i) "}); }
  std::string Matrix(int depth) {
    if (depth > 0 && Below(4) == 0) {
      return Vector(depth - 1) + Choose({"[2m:15s]", "[3m:]", "[1m:7s]"}) + Offset();
    }
    return Selector() + Choose({"[1m]", "[5m]", "[20s]", "[90s]"}) + Offset();
  }
  std::string Scalar(int depth) {
    if (depth > 0 && Below(6) == 0) return "scalar(" + Vector(depth - 1) + ")";
    return Choose({"0.5", "2", "-1", "0", "1", "time()", "NaN", "1e3", "Inf"});
  }

  std::string_view rest_;
};

constexpr query::QueryRange kRange{.start_ms = 0, .end_ms = 600'000, .step_ms = 60'000};

// Values by labels and time. Histograms count by their sum.
using Points = std::map<std::pair<std::string, std::int64_t>, double>;

void Collect(const query::SeriesTable& table, Points& points) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::string labels = table.labels(i).ToString();
    for (std::size_t k = 0; k < table.values(i).size(); ++k)
      points[{labels, table.timestamps_ms(i)[k]}] = table.values(i)[k];
    for (const query::HistogramPoint& point : table.histograms(i)) {
      points[{labels, point.timestamp_ms}] = point.histogram->sum;
    }
  }
}

bool IsSame(double a, double b) {
  if (std::isnan(a) || std::isnan(b) || std::isinf(a) || std::isinf(b)) return std::isnan(a) ? std::isnan(b) : a == b;
  return std::fabs(a - b) <= 1e-9 * std::max({1.0, std::fabs(a), std::fabs(b)});
}

[[noreturn]] void Fail(const std::string& text, const std::string& what) {
  std::fprintf(stderr, "%s\n%s\n", text.c_str(), what.c_str());
  std::abort();
}

void CompareWithInstants(query::Engine& engine, const std::string& text, const query::QueryResult& range,
                         const query::QueryOptions& options) {
  Points got;
  Collect(std::get<query::MatrixResult>(range.value).series, got);
  Points want;
  for (std::int64_t time = kRange.start_ms; time <= kRange.end_ms; time += kRange.step_ms) {
    const auto instant = engine.Instant(text, time, options);
    if (!instant) Fail(text, "at " + std::to_string(time) + " alone: " + instant.error().message());
    Collect(std::get<query::VectorResult>(instant->value).series, want);
  }
  for (const auto& [key, value] : want) {
    const auto at = got.find(key);
    if (at == got.end()) Fail(text, "missing " + key.first + " at " + std::to_string(key.second));
    if (!IsSame(at->second, value)) {
      Fail(text, key.first + " at " + std::to_string(key.second) + ": " + std::to_string(at->second) +
                     " in the range, " + std::to_string(value) + " alone");
    }
  }
  if (want.size() != got.size()) Fail(text, "points that are not there alone");
}

void TryGenerated(query::Engine& engine, std::string_view bytes) {
  const std::string text = Generator(bytes).Vector(4);
  query::QueryOptions options;
  options.timeout = std::chrono::seconds(5);
  const auto range = engine.Range(text, kRange, options);
  const auto explained =
      engine.Explain({.text = text, .range = kRange, .is_range = true, .does_analyze = true}, options);
  if (!explained) Fail(text, explained.error().message());
  if (explained->run->error.has_value() == range.has_value()) Fail(text, "explained it ends otherwise");
  if (engine.memory_bytes() != 0) Fail(text, "memory is not given back");
  if (!range) {
    if (range.error().code() == baro::base::Code::kInvalidArgument) Fail(text, range.error().message());
    return;
  }
  if (explained->run->points != std::get<query::MatrixResult>(range->value).series.point_count() ||
      explained->run->stats.samples_read != range->stats.samples_read) {
    Fail(text, "explained it counts otherwise");
  }
  CompareWithInstants(engine, text, *range, options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  static query::Engine engine(Options(), {.source = &Source(), .clock = &baro::base::RealClock()});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] >= 0x80) {
    TryGenerated(engine, text.substr(1));
    return 0;
  }
  query::QueryOptions query_options;
  query_options.timeout = std::chrono::seconds(2);
  const auto range = engine.Range(text, kRange, query_options);
  const auto instant = engine.Instant(text, 120'000, query_options);
  if (!range && range.error().message().empty()) std::abort();
  if (!instant && instant.error().message().empty()) std::abort();
  return 0;
}

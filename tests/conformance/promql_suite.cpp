// promql: every evaluation of the PromQL test scripts gives what it says: result, order, failure and annotations.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/number_text.h"
#include "model/regex.h"
#include "query/engine.h"
#include "tests/conformance/promql_data.h"
#include "tests/conformance/suite.h"

namespace baro::conformance {
namespace {

using query::NotationValue;

// Scripts state values with about this precision. Source: Prometheus' own tolerance.
constexpr double kTolerance = 1e-6;

bool AlmostEqual(double want, double got) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (want == got) return true;
  const double difference = std::fabs(want - got);
  const double sum = std::fabs(want) + std::fabs(got);
  if (want == 0 || got == 0 || sum < std::numeric_limits<double>::min()) {
    return difference < kTolerance * std::numeric_limits<double>::min();
  }
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

bool AlmostEqual(std::span<const double> want, std::span<const double> got) {
  return std::ranges::equal(want, got, [](double a, double b) { return AlmostEqual(a, b); });
}

bool SameHistogram(const NotationValue& want_value, const model::FloatHistogram& got_histogram) {
  model::FloatHistogram want = *want_value.histogram;
  model::FloatHistogram got = got_histogram;
  want.Compact(0);
  got.Compact(0);
  if (want_value.has_reset_hint && want.counter_reset_hint != got.counter_reset_hint) return false;
  return want.schema == got.schema && AlmostEqual(want.count, got.count) && AlmostEqual(want.sum, got.sum) &&
         (want.uses_custom_buckets() ||
          (AlmostEqual(want.zero_threshold, got.zero_threshold) && AlmostEqual(want.zero_count, got.zero_count))) &&
         want.positive_spans == got.positive_spans && want.negative_spans == got.negative_spans &&
         AlmostEqual(want.positive_buckets, got.positive_buckets) &&
         AlmostEqual(want.negative_buckets, got.negative_buckets) && want.custom_values == got.custom_values;
}

// One point of an answer.
struct Point {
  std::int64_t timestamp_ms = 0;
  double value = 0;
  const model::FloatHistogram* histogram = nullptr;
};

std::vector<Point> PointsOf(const query::SeriesTable& table, std::size_t index) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < table.values(index).size(); ++i) {
    points.push_back({.timestamp_ms = table.timestamps_ms(index)[i], .value = table.values(index)[i]});
  }
  for (const query::HistogramPoint& point : table.histograms(index)) {
    points.push_back({.timestamp_ms = point.timestamp_ms, .value = 0, .histogram = point.histogram.get()});
  }
  std::ranges::sort(points, {}, &Point::timestamp_ms);
  return points;
}

std::string Describe(const Point& point) {
  return point.histogram != nullptr ? point.histogram->ToString() : base::FormatFloat(point.value);
}

std::string Describe(const query::SeriesTable& table) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::string line = table.labels(i).ToMetricString();
    for (const Point& point : PointsOf(table, i)) {
      line += fmt::format(" {}@{}", Describe(point), static_cast<double>(point.timestamp_ms) / 1000);
    }
    lines.push_back(line);
  }
  return lines.empty() ? "nothing" : fmt::format("{}", fmt::join(lines, "; "));
}

// The times of the values of an expected series.
struct Times {
  std::int64_t start_ms = 0;
  std::int64_t step_ms = 0;
};

Times TimesOf(const EvalCommand& eval) {
  if (eval.range_vector) return {.start_ms = eval.range_vector->from_ms, .step_ms = eval.range_vector->step_ms};
  return {.start_ms = eval.start_ms, .step_ms = eval.step_ms};
}

bool SamePoints(const EvalCommand& eval, const query::NotationSeries& want, std::span<const Point> got) {
  const Times times = TimesOf(eval);
  std::size_t next = 0;
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    const NotationValue& value = want.values[i];
    const std::int64_t time = times.start_ms + static_cast<std::int64_t>(i) * times.step_ms;
    const bool is_last_step = !eval.range_vector && time > eval.end_ms;
    if (value.kind == NotationValue::Kind::kOmitted || is_last_step) continue;
    if (next == got.size() || got[next].timestamp_ms != time) return false;
    const Point& point = got[next++];
    if (value.kind == NotationValue::Kind::kHistogram) {
      if (point.histogram == nullptr || !SameHistogram(value, *point.histogram)) return false;
    } else if (point.histogram != nullptr || !AlmostEqual(value.value, point.value)) {
      return false;
    }
  }
  return next == got.size();
}

// Empty if the table is what was expected.
std::string CompareSeries(const EvalCommand& eval, const query::SeriesTable& got) {
  const bool is_ordered = eval.Expects(Expectation::Kind::kOrdered);
  if (got.size() != eval.expected.size()) {
    return fmt::format("want {} series, got {}", eval.expected.size(), Describe(got));
  }
  for (std::size_t i = 0; i < eval.expected.size(); ++i) {
    const query::NotationSeries& want = eval.expected[i];
    std::size_t at = i;
    if (!is_ordered) {
      for (at = 0; at < got.size() && got.labels(at) != want.labels; ++at) {
      }
    }
    if (at == got.size() || got.labels(at) != want.labels) {
      return fmt::format("want {}, got {}", want.labels.ToMetricString(), Describe(got));
    }
    if (!SamePoints(eval, want, PointsOf(got, at))) {
      return fmt::format("other values for {}: got {}", want.labels.ToMetricString(), Describe(got));
    }
  }
  return "";
}

std::string CompareValue(const EvalCommand& eval, const query::QueryValue& value) {
  if (const auto* text = std::get_if<query::StringResult>(&value)) {
    if (eval.expected_string && *eval.expected_string == text->value) return "";
    return fmt::format("got the string {}", text->value);
  }
  if (eval.expected_string) return "want a string";
  if (const auto* scalar = std::get_if<query::ScalarResult>(&value)) {
    if (eval.expected_scalar && AlmostEqual(*eval.expected_scalar, scalar->value)) return "";
    return fmt::format("got the scalar {}", base::FormatFloat(scalar->value));
  }
  if (eval.expected_scalar) return "want a scalar";
  if (const auto* vector = std::get_if<query::VectorResult>(&value)) return CompareSeries(eval, vector->series);
  return CompareSeries(eval, std::get<query::MatrixResult>(value).series);
}

bool Fits(const Expectation& expectation, const std::string& text) {
  switch (expectation.match) {
    case Expectation::Match::kAny:
      return true;
    case Expectation::Match::kMessage:
      return text == expectation.text;
    case Expectation::Match::kRegex: {
      const auto regex = model::AnchoredRegex::Make(fmt::format(".*(?:{}).*", expectation.text));
      return regex && regex->Matches(text);
    }
  }
  return false;
}

// Each expectation needs an annotation, and if there are expectations each annotation needs one of them.
std::string CompareAnnotations(const EvalCommand& eval, Expectation::Kind wanted, Expectation::Kind forbidden,
                               const std::vector<query::Annotation>& annotations) {
  std::vector<std::string> texts;
  for (const query::Annotation& annotation : annotations) texts.push_back(annotation.ToString());
  if (eval.Expects(forbidden) && !texts.empty()) return fmt::format("unwanted: {}", texts[0]);
  if (!eval.Expects(wanted)) return "";
  std::set<std::string> unexplained(texts.begin(), texts.end());
  for (const Expectation& expectation : eval.expectations) {
    if (expectation.kind != wanted) continue;
    if (std::ranges::none_of(texts, [&](const std::string& text) { return Fits(expectation, text); })) {
      return fmt::format("missing {} {}, got [{}]", Expectation::KindText(wanted), expectation.text,
                         fmt::join(texts, ", "));
    }
    std::erase_if(unexplained, [&](const std::string& text) { return Fits(expectation, text); });
  }
  return unexplained.empty() ? "" : fmt::format("unexpected: {}", *unexplained.begin());
}

// Empty if the evaluation does what the script says.
std::string Judge(const EvalCommand& eval, query::Engine& engine) {
  auto result =
      eval.is_range
          ? engine.Range(eval.query, {.start_ms = eval.start_ms, .end_ms = eval.end_ms, .step_ms = eval.step_ms})
          : engine.Instant(eval.query, eval.start_ms);
  if (!result) {
    const std::string& message = result.error().message();
    if (result.error().code() == base::Code::kUnsupported) return "refused: " + message;
    if (!eval.ExpectsFailure()) return "failed: " + message;
    const bool fits = std::ranges::all_of(eval.expectations, [&](const Expectation& expectation) {
      return expectation.kind != Expectation::Kind::kFail || Fits(expectation, message);
    });
    return fits ? "" : "failed with another message: " + message;
  }
  if (eval.ExpectsFailure()) return "did not fail";
  std::string problem = CompareValue(eval, result->value);
  if (problem.empty()) {
    problem = CompareAnnotations(eval, Expectation::Kind::kWarn, Expectation::Kind::kNoWarn, result->warnings);
  }
  if (problem.empty()) {
    problem = CompareAnnotations(eval, Expectation::Kind::kInfo, Expectation::Kind::kNoInfo, result->infos);
  }
  return problem;
}

// The middle of three steps, as a vector. A scalar's range is one series without labels.
query::SeriesTable MiddleStep(const query::SeriesTable& matrix, std::int64_t time_ms) {
  query::SeriesTable result;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    for (const Point& point : PointsOf(matrix, i)) {
      if (point.timestamp_ms != time_ms) continue;
      result.BeginSeries(matrix.labels(i));
      if (point.histogram != nullptr) {
        result.AddHistogram(time_ms, std::make_shared<model::FloatHistogram>(*point.histogram));
      } else {
        result.AddFloat(time_ms, point.value);
      }
    }
  }
  return result;
}

// An instant query must give the same as one step among others of a range query.
std::string JudgeAsRange(const EvalCommand& eval, query::Engine& engine) {
  const bool looks_at_query = eval.query.find("range()") != std::string::npos;
  const bool is_other_type = eval.range_vector || eval.expected_string || eval.expected_scalar;
  if (eval.is_range || eval.ExpectsFailure() || eval.Expects(Expectation::Kind::kOrdered) || is_other_type ||
      looks_at_query) {
    return "";
  }
  constexpr std::int64_t kStepMs = 60'000;
  auto result = engine.Range(
      eval.query, {.start_ms = eval.start_ms - kStepMs, .end_ms = eval.start_ms + kStepMs, .step_ms = kStepMs});
  if (!result) return "as a range query: " + result.error().message();
  const auto& matrix = std::get<query::MatrixResult>(result->value).series;
  const std::string problem = CompareSeries(eval, MiddleStep(matrix, eval.start_ms));
  return problem.empty() ? "" : "as a range query: " + problem;
}

query::EngineOptions MakeOptions() {
  query::EngineOptions options;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = true,  // as the scripts are meant to be run
                      .type_and_unit_labels = false,
                      .use_start_timestamps = true};
  return options;
}

void RunScript(const std::string& file, const std::vector<ScriptCommand>& script, Report& report) {
  ScriptData data;
  std::optional<tsdb::MemoryReaderSource> source;
  for (const ScriptCommand& command : script) {
    if (const auto* load = std::get_if<LoadCommand>(&command)) {
      data.Load(*load);
      source.reset();
    } else if (const auto* eval = std::get_if<EvalCommand>(&command)) {
      if (!source) source.emplace(data.MakeSource());
      query::Engine engine(MakeOptions(), {.source = &*source});
      std::string problem = Judge(*eval, engine);
      if (problem.empty()) problem = JudgeAsRange(*eval, engine);
      std::string name = fmt::format("{}:{}", file, eval->line);
      if (problem.empty()) {
        report.Pass(std::move(name));
      } else {
        report.Fail(std::move(name), fmt::format("{}: {}", eval->query, problem));
      }
    } else {
      data.Clear();
      source.reset();
    }
  }
}

}  // namespace

void RunPromql(const std::filesystem::path& data, Report& report) {
  for (const std::filesystem::path& path : SortedEntries(data / "promql")) {
    if (path.extension() != ".test") continue;
    const std::string file = path.filename().string();
    const auto script = ParseScript(file, ReadFile(path));
    if (!script) {
      report.Fail(file, script.error().message());
      continue;
    }
    RunScript(file, *script, report);
  }
}

}  // namespace baro::conformance

// Expositions as a stream of what their lines say: the plain parser, without memory of earlier scrapes.
//
// For checkers, tools and tests. Scrape loops use ExpositionCache (scraper/exposition.h), which gives the same samples
// many times faster; tests and a fuzzer compare the two.
//
// Format   Prometheus text 0.0.4 and 1.0.0, OpenMetrics 0.0.1 and 1.0.0, with UTF-8 names in quotes.
// Source   Prometheus' docs/instrumenting/exposition_formats.md; OpenMetrics 1.0, "ABNF". Where Prometheus
//          takes more than its documents say, so do we: a target that it accepts is not refused. In the text format
//          that is: no blank between `}` and the value, no comma between labels, line ends inside of label values,
//          any text behind the name of a HELP line. In OpenMetrics: a trailing comma in labels; samples and metadata in
//          any order. Two exceptions, refused here: a NUL byte at the beginning of a line (it silently ends the
//          exposition in Prometheus), and a line end inside of a quoted name in OpenMetrics.
// Errors   kInvalidArgument with line and column, both from 1 and counted in bytes, what was found, what was expected.
//          kLimitExceeded: a series has more than kScrapedLabelsMax labels.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "model/metadata.h"
#include "scraper/exposition_format.h"

namespace baro::scraper {

/// Labels that a series may be read with. Storage takes fewer, but relabelling, which may drop some, comes first.
inline constexpr std::size_t kScrapedLabelsMax = 4'096;

/// A label as the target wrote it, unescaped.
struct ExpositionLabel {
  std::string_view name;
  std::string_view value;

  friend bool operator==(const ExpositionLabel&, const ExpositionLabel&) = default;
};

/// The series of a sample line. Views are loans for the call, or until the reader goes on.
struct SampleLine {
  /// Not empty, valid UTF-8, unescaped. Whether the naming scheme allows it is for the caller to judge.
  std::string_view name;
  /// As written: not sorted, empty values kept. Names are unique and not empty; all is valid UTF-8. `le` behind
  /// `# TYPE ... histogram` and `quantile` behind `# TYPE ... summary` are written as OpenMetrics does (`1` is `1.0`),
  /// so that a series is the same in whatever format it comes (under Strictness::kBySpecification they stay as
  /// written).
  std::span<const ExpositionLabel> labels;
  /// The type of the last TYPE line above, whichever family it named; kUnknown when there was none.
  model::MetricType type = model::MetricType::kUnknown;
};

/// `# {trace_id="..."} 0.5 1700000000.1` behind a sample. OpenMetrics only.
struct ExpositionExemplar {
  std::span<const ExpositionLabel> labels;
  double value = 0;
  std::optional<std::int64_t> timestamp_ms;
};

/// What a line says.
struct ExpositionEvent {
  enum class Kind : std::uint8_t {
    kHelp,    ///< `family`, `text` (unescaped)
    kType,    ///< `family`, `type`
    kUnit,    ///< `family`, `text`
    kSample,  ///< `sample`, `value`, `timestamp_ms`, `exemplar`
    kEnd,     ///< nothing follows
  };
  Kind kind = Kind::kEnd;
  std::size_t line = 0;  ///< from 1
  std::string_view family;
  std::string_view text;
  model::MetricType type = model::MetricType::kUnknown;
  SampleLine sample;
  double value = 0;  ///< every NaN has the same bits, none is a stale marker
  /// OpenMetrics' seconds are cut to milliseconds; what 64 bits cannot hold becomes the nearest that they can.
  std::optional<std::int64_t> timestamp_ms;
  std::optional<ExpositionExemplar> exemplar;
};

/// How far an exposition may go beyond the letter of its specification.
enum class Strictness : std::uint8_t {
  kLikePrometheus,  ///< what Prometheus scrapes
  kBySpecification  ///< the grammar of OpenMetrics; for the rules beyond grammar see scraper/openmetrics_validator.h
};

/// Reads a body event by event.
///
/// Threads  Confined. Borrows `body`, which outlives it; views in events live until the next call of Next().
class ExpositionReader {
 public:
  ExpositionReader(std::string_view body, ExpositionFormat format, Strictness strictness = Strictness::kLikePrometheus);
  ~ExpositionReader();
  ExpositionReader(const ExpositionReader&) = delete;
  ExpositionReader& operator=(const ExpositionReader&) = delete;

  /// The next event; comments and blank lines give none. kEnd is returned again and again. The reference is to a
  /// member. Errors   kInvalidArgument: the body is not well formed; the reader is at its end then.
  base::Result<const ExpositionEvent*> Next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::scraper

// PromQL test scripts (*.test) as plain data.
//
// To run one: ParseScript() the text, then take the commands in order. For a LoadCommand append series[i].values[k] at
// k * step_ms (skip kOmitted; a series with is_start_times gives the start timestamps of the samples of the series with
// the same labels in the same command: timestamp + offset_ms); with_nhcb asks for histograms with custom buckets made
// of the classic ones, in addition. For a ClearCommand drop everything. For an EvalCommand evaluate `query` and
// compare:
//   ExpectsFailure()    the query must fail, and its message must fit all expectations of kind kFail
//   expected_string     the answer is a string
//   expected_scalar     the answer is a scalar (instant queries only)
//   expected            the answer's series. For an instant query of a vector each has one value, unless range_vector
//   is
//                       there: then the answer is a matrix with values at from, from + step, … to. For a range query
//                       the k-th value stands at start + k * step; missing trailing values and kOmitted mean no sample.
//   expectations        annotations: kWarn and kInfo must be there, and if one of a kind is named, all of that kind
//   must be
//                       named; kNoWarn and kNoInfo forbid them. kOrdered: the order of `expected` counts.
// Floats are compared with a relative tolerance of 1e-6 by Prometheus; reset hints of histograms count only where the
// value has has_reset_hint.
//
// Source   Prometheus: promql/promqltest/README.md.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "query/series_notation.h"

namespace baro::conformance {

struct LoadCommand {
  int line = 0;  ///< 1-based, of the command
  std::int64_t step_ms = 0;
  bool with_nhcb = false;
  std::vector<query::NotationSeries> series;
};

struct ClearCommand {
  int line = 0;
};

/// `expect <kind> [msg: text | regex: text]`.
struct Expectation {
  enum class Kind : std::uint8_t { kFail, kWarn, kInfo, kNoWarn, kNoInfo, kOrdered };
  enum class Match : std::uint8_t { kAny, kMessage, kRegex };

  Kind kind = Kind::kFail;
  Match match = Match::kAny;
  std::string text;

  /// "fail", "no_warn", …
  static std::string_view KindText(Kind kind);
};

/// `expect range vector from … to … step …`.
struct RangeVectorTimes {
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
  std::int64_t step_ms = 0;
};

struct EvalCommand {
  int line = 0;
  bool is_range = false;
  std::int64_t start_ms = 0;  ///< of an instant query: its time
  std::int64_t end_ms = 0;    ///< equal to start_ms in an instant query
  std::int64_t step_ms = 0;   ///< 0 in an instant query
  std::string query;
  std::vector<Expectation> expectations;
  std::vector<query::NotationSeries> expected;
  std::optional<double> expected_scalar;
  std::optional<std::string> expected_string;
  std::optional<RangeVectorTimes> range_vector;

  bool Expects(Expectation::Kind kind) const;
  bool ExpectsFailure() const { return Expects(Expectation::Kind::kFail); }
};

using ScriptCommand = std::variant<LoadCommand, ClearCommand, EvalCommand>;

/// Reads a whole script. `name` stands in error messages.
/// Errors   kInvalidArgument: `<name>:<line>: what is wrong`.
base::Result<std::vector<ScriptCommand>> ParseScript(std::string_view name, std::string_view text);

}  // namespace baro::conformance

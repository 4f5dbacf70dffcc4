// The notation of test data: `http_requests{job="a"} 0+10x5 _ stale {{schema:0 sum:3 count:2 buckets:[1 1]}}x3`.
//
// Rule unit tests and PromQL test scripts write series so: labels, then one value for each step.
//   5  1.5  Inf  NaN        that value
//   1+2x3  10-1x3  7x3      3 more after the first: 1 3 5 7, 10 9 8 7, 7 7 7 7
//   _  _x4                  no sample at that step; at 4 steps
//   stale  stalex2          a staleness marker; and 2 more
//   {{…}}                   a histogram: schema, sum, count, z_bucket, z_bucket_w, buckets:[…], offset, n_buckets:[…],
//                           n_offset, custom_values:[…], counter_reset_hint:unknown|reset|not_reset|gauge
//   {{…}}x3  {{…}}+{{…}}x3  repeated; adding (or, with -, subtracting) the second each time
// Labels followed by `@st` have durations for values: the start timestamps of the series' samples, relative to them.
//
// Source   Prometheus: docs/configuration/unit_testing_rules.md and promql/promqltest.
// Threads  Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"

namespace baro::query {

/// At most this many values in one line.
inline constexpr std::size_t kNotationValuesMax = 1'000'000;

/// What stands at one step.
struct NotationValue {
  enum class Kind : std::uint8_t { kOmitted, kFloat, kHistogram, kStartOffset };

  Kind kind = Kind::kOmitted;
  bool has_reset_hint = false;  ///< kHistogram: counter_reset_hint was written; else results need not agree in it
  double value = 0;             ///< kFloat; a staleness marker has model::StaleNaN()'s bits
  std::int64_t offset_ms = 0;   ///< kStartOffset
  std::shared_ptr<const model::FloatHistogram> histogram;  ///< kHistogram; not null
};

/// One line.
struct NotationSeries {
  model::Labels labels;
  bool is_start_times = false;  ///< `@st`: all values are kStartOffset or kOmitted
  std::vector<NotationValue> values;
};

/// Parses labels alone: `name{a="b"}`, `{"quoted.name", a="b"}`, `{}`.
/// Errors   kInvalidArgument with line:column.
base::Result<model::Labels> ParseNotationLabels(std::string_view text);

/// Parses values alone.
/// Errors   kInvalidArgument, naming the value; kLimitExceeded: more than kNotationValuesMax.
base::Result<std::vector<NotationValue>> ParseNotationValues(std::string_view text);

/// Parses a line.
/// Errors   as the two above.
base::Result<NotationSeries> ParseNotationSeries(std::string_view line);

}  // namespace baro::query

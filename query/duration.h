// Durations in PromQL: literals such as `1h30m`, and the value of duration expressions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "query/ast.h"

namespace baro::query {

/// Of a query, what duration expressions may ask for. Instant queries have zeros.
struct QueryTimes {
  std::int64_t step_ms = 0;   ///< step()
  std::int64_t range_ms = 0;  ///< range(): end - start
};

/// What a duration is used for decides which values are legal: an offset may be zero or negative, the others not.
enum class DurationUse : std::uint8_t { kRange, kStep, kOffset };

/// The duration in milliseconds, truncated towards zero.
/// Errors   kInvalidArgument with line:col-free text: division by zero, NaN, infinite, out of range, or not positive
/// where
///          it must be.
base::Result<std::int64_t> ResolveDuration(const Duration& duration, DurationUse use, const QueryTimes& times);

/// Parses `1y2w3d4h5m6s7ms`: descending units, each at most once, whole numbers. "0" alone is zero.
/// Unit     milliseconds. 1y = 365d, 1w = 7d, 1d = 24h.
/// Errors   kInvalidArgument: empty, other characters, out of range (about 292 years, as in Prometheus).
base::Result<std::int64_t> ParseDuration(std::string_view text);

/// The shortest form of the above in the units y? w? d h m s ms: years and weeks only if nothing smaller remains, as
/// Prometheus prints them. Negative values get a minus sign; 0 is "0s".
std::string FormatDuration(std::int64_t ms);

}  // namespace baro::query

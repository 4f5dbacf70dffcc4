// The value of durations in PromQL, be they literals or expressions.
#pragma once

#include <cstdint>

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

}  // namespace baro::query

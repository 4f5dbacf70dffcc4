// The times of an evaluation, and arithmetic on times that cannot overflow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace baro::query::exec {

inline std::int64_t SaturatingAdd(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

inline std::int64_t SaturatingSub(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

/// start, start + step, …: `count` times.
/// Shape    count >= 1; the last time does not overflow. A grid of one step may have step 0.
/// Unit     milliseconds since the Unix epoch.
struct StepGrid {
  std::int64_t start_ms = 0;
  std::int64_t step_ms = 0;
  std::size_t count = 1;

  std::int64_t at(std::size_t index) const { return start_ms + static_cast<std::int64_t>(index) * step_ms; }
  std::int64_t end_ms() const { return at(count - 1); }
  /// The first step alone.
  StepGrid first() const { return {.start_ms = start_ms, .step_ms = step_ms, .count = 1}; }
};

}  // namespace baro::query::exec

// The times of an evaluation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace baro::query::exec {

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

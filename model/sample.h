// Samples, time ranges and the two NaN patterns that have a meaning.
//
// Unit     Timestamps are int64 milliseconds since the Unix epoch.
// Source   The bit patterns are Prometheus': they cross the wire in remote write and stand in stored blocks.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace baro::model {

/// The NaN that a calculation or an exposition's "NaN" is stored as.
inline constexpr std::uint64_t kCanonicalNaNBits = 0x7ff8000000000001;

/// The NaN that says "this series ended here" (a signalling NaN; no calculation yields it).
inline constexpr std::uint64_t kStaleNaNBits = 0x7ff0000000000002;

/// The staleness marker as a value. Pass it through memory and integer registers only in code that must keep its bits:
/// arithmetic quiets it.
inline double StaleNaN() { return std::bit_cast<double>(kStaleNaNBits); }

/// The ordinary NaN in its canonical bits.
inline double CanonicalNaN() { return std::bit_cast<double>(kCanonicalNaNBits); }

/// Whether `value` is the staleness marker, bit by bit. Any other NaN is an ordinary value.
inline bool IsStaleNaN(double value) { return std::bit_cast<std::uint64_t>(value) == kStaleNaNBits; }

/// Timestamps outside of these cannot be written; they stand for "no bound" in ranges.
inline constexpr std::int64_t kMinTimestampMs = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kMaxTimestampMs = std::numeric_limits<std::int64_t>::max();

/// One float value of one series.
struct Sample {
  std::int64_t timestamp_ms = 0;
  double value = 0;

  /// Bit-exact: two staleness markers are equal, 0 and -0 are not.
  friend bool operator==(const Sample& a, const Sample& b) {
    return a.timestamp_ms == b.timestamp_ms &&
           std::bit_cast<std::uint64_t>(a.value) == std::bit_cast<std::uint64_t>(b.value);
  }
};

/// A closed range of time: both ends belong to it. Empty if max_ms < min_ms.
struct TimeRange {
  std::int64_t min_ms = kMinTimestampMs;
  std::int64_t max_ms = kMaxTimestampMs;

  bool empty() const { return max_ms < min_ms; }
  bool Contains(std::int64_t timestamp_ms) const { return min_ms <= timestamp_ms && timestamp_ms <= max_ms; }
  bool Overlaps(const TimeRange& other) const { return min_ms <= other.max_ms && other.min_ms <= max_ms; }

  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

}  // namespace baro::model

// Durations as Prometheus writes them: 1h30m.
//
// Format   Units y w d h m s ms in this order, each once at most; "0" alone. A year is 365 days.
// Threads  Pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::base {

/// Errors   kInvalidArgument: not of that form, or more than 2^63 nanoseconds, as in Prometheus.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);

/// The shortest form that ParseDuration reads back: "0s", "1h30m", "1500ms" as "1s500ms"; a sign in front of negative
/// ones. Years and weeks are used only where nothing is left over, as in Prometheus.
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace baro::base

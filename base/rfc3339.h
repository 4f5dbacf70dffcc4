// Times as RFC 3339 writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace baro::base {

/// Milliseconds since the Unix epoch of a time like `2026-11-23T06:00:00.123Z` or `...+02:00`; parts of milliseconds
/// are cut off. Nothing: it is none. Source   RFC 3339, section 5.6.
std::optional<std::int64_t> ParseRfc3339(std::string_view text);

/// A time with three digits behind the seconds, in UTC: `2026-11-23T06:00:00.120Z`. What no year of four digits holds
/// is printed as seconds.
std::string FormatRfc3339(std::int64_t time_ms);

}  // namespace baro::base

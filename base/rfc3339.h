// Times as RFC 3339 writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace baro::base {

/// Milliseconds since the Unix epoch of a time like `2026-11-23T06:00:00.123Z` or `...+02:00`; parts of milliseconds
/// are cut off. Nothing: it is none. Source   RFC 3339, section 5.6.
std::optional<std::int64_t> ParseRfc3339(std::string_view text);

}  // namespace baro::base

// Numbers of bytes as people write them: 512MB.
//
// Format   A whole number and a unit: B, KB, MB, GB, TB, PB, EB, or with an i as in KiB; each 1024 times the one before
//          in both spellings, as in Prometheus. "0" needs none.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::base {

/// Errors   kInvalidArgument: not of that form, or 2^63 bytes and more.
Result<std::uint64_t> ParseSize(std::string_view text);

/// In the largest unit that divides it: "0B", "512MiB", "1025KiB".
std::string FormatSize(std::uint64_t bytes);

}  // namespace baro::base

// Times, durations and sizes as promtool prints them.
//
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace baro::cli {

/// `2h0m0s`, `1m0.49s`, `500ms`, `0s`.
std::string GoDuration(std::int64_t duration_ms);

/// `2023-05-02 04:00:00 +0000 UTC`, to the second.
std::string GoTime(std::int64_t time_ms);

/// `1MiB3KiB17B`; `0B`.
std::string Base2Bytes(std::uint64_t bytes);

/// Rows of columns: each as wide as its widest cell and two blanks, but at least 13; the last one is not filled up.
std::string AlignTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace baro::cli

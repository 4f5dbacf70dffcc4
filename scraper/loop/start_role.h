// Which lines of OpenMetrics tell since when others count.
//
// Source   OpenMetrics 1.0, "Counter", "Histogram", "Summary": `_created` is a sample of the same metric point.
// Threads  Pure functions.
#pragma once

#include <cstdint>

#include "scraper/exposition_reader.h"

namespace baro::scraper {

/// What a line has to do with start times. Lines of one metric point have one key.
struct StartRole {
  bool is_created = false;      ///< it is the start, in seconds
  bool may_have_start = false;  ///< it is a sample that counts
  std::uint64_t key = 0;
};

StartRole StartRoleOf(const SampleLine& line);

}  // namespace baro::scraper

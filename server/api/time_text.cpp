#include "server/api/time_text.h"

#include <fmt/chrono.h>

namespace baro::server {

std::string Rfc3339(base::WallTime time) {
  const std::int64_t time_ms = base::ToMs(time);
  if (time_ms == 0) return "0001-01-01T00:00:00Z";
  const std::string seconds =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(time_ms / 1000)));
  return time_ms % 1000 == 0 ? seconds + "Z" : fmt::format("{}.{:03}Z", seconds, time_ms % 1000);
}

}  // namespace baro::server

// Times as RFC 3339, as Go's JSON has them.
#pragma once

#include <string>

#include "base/clock.h"

namespace baro::server {

/// "2026-11-23T06:00:00.123Z"; without a fraction if it is zero; "0001-01-01T00:00:00Z", Go's zero, for the epoch.
std::string Rfc3339(base::WallTime time);

}  // namespace baro::server

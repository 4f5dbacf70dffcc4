// The standard input, whole.
#pragma once

#include <iosfwd>
#include <string>

#include "base/result.h"

namespace baro::cli {

/// Errors   kLimitExceeded: more than 256 MiB.
base::Result<std::string> ReadInput(std::istream& in);

}  // namespace baro::cli

// Variables of the process's environment, as a seam.
#pragma once

#include <functional>
#include <string>

namespace baro::scraper {

/// The value of a variable; "" when it is not set. An empty function: none is.
using Environment = std::function<std::string(const std::string& name)>;

}  // namespace baro::scraper

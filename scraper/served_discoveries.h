// Which kinds of discovery run, beside static_configs and file_sd_configs; others can be configured, but not served.
#pragma once

#include <string_view>

namespace baro::scraper {

/// `kind`: "http", "consul", ...
bool IsServedDiscovery(std::string_view kind);

}  // namespace baro::scraper

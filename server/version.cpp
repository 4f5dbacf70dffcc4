#include "server/version.h"

#include <fmt/format.h>

namespace baro::server {

std::string VersionText() {
  return fmt::format("barograph {} (speaks Prometheus {})\n  compiler: {}", kVersion, kPrometheusVersion, __VERSION__);
}

}  // namespace baro::server

#include "server/version.h"

#include <fmt/format.h>

namespace baro::server {

std::string VersionText() {
  return fmt::format(
      "barograph {} (speaks Prometheus {})\n  revision: {}\n  branch:   {}\n  date:     {}\n  compiler: {}", kVersion,
      kPrometheusVersion, Revision(), Branch(), RevisionDate(), __VERSION__);
}

}  // namespace baro::server

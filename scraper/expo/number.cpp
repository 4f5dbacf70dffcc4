#include "scraper/expo/number.h"

#include <cmath>

#include <fast_float/fast_float.h>

#include "base/number_text.h"

namespace baro::scraper::expo {

const char* ParseLongNumber(const char* at, const char* end, double& value) {
  const auto [behind, error] = fast_float::from_chars(at, end, value);
  return error != std::errc() || !std::isfinite(value) ? nullptr : behind;
}

void AppendOpenMetricsNumber(double value, std::string& out) {
  const std::size_t begin = out.size();
  base::AppendFloatG(out, value);
  // Prometheus writes Go's %g, and a fraction where a whole number would look like an integer.
  if (std::isfinite(value) && out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

}  // namespace baro::scraper::expo

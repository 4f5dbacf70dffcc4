#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "query/func/column_loops.h"
#include "query/func/over_time.h"

namespace baro::query::func {
namespace {

// NaN is less than anything, as when Prometheus sorts samples.
bool Less(double a, double b) {
  if (std::isnan(a)) return !std::isnan(b);
  return a < b;
}

}  // namespace

double Quantile(double phi, std::span<double> values) {
  if (values.empty() || std::isnan(phi)) return std::numeric_limits<double>::quiet_NaN();
  if (phi < 0) return -std::numeric_limits<double>::infinity();
  if (phi > 1) return std::numeric_limits<double>::infinity();
  const double rank = phi * (static_cast<double>(values.size()) - 1);
  const auto lower = static_cast<std::size_t>(std::max(0.0, std::floor(rank)));
  const std::size_t upper = std::min(values.size() - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(lower);
  const auto interpolate = [&](auto less) {
    std::nth_element(values.begin(), at, values.end(), less);
    const double lower_value = *at;
    const double upper_value = upper == lower ? lower_value : *std::min_element(at + 1, values.end(), less);
    return lower_value * (1 - weight) + upper_value * weight;
  };
  return HasNaN(values) ? interpolate(Less) : interpolate(std::less<>());
}

}  // namespace baro::query::func

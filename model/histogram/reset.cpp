// Whether a counter was reset between two histograms.
#include <algorithm>

#include "model/histogram.h"
#include "model/histogram/layout.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

// Whether a populated bucket of `previous` has lost observations. Both ascend.
bool HasShrunk(const internal::Sparse<double>& current, const internal::Sparse<double>& previous) {
  std::size_t at = 0;
  for (const auto& [index, count] : previous) {
    while (at < current.size() && current[at].index < index) ++at;
    const double now = at < current.size() && current[at].index == index ? current[at].count : 0;
    if (now < count) return true;
  }
  return false;
}

bool ShrinksUnder(const internal::Layout& layout, const FloatHistogram& current, const FloatHistogram& previous) {
  const internal::Sides before = internal::BringTo(layout, previous);
  const internal::Sides now = internal::BringTo(layout, current);
  return now.zero_count < before.zero_count || HasShrunk(now.positive, before.positive) ||
         HasShrunk(now.negative, before.negative);
}

}  // namespace

bool FloatHistogram::DetectReset(const FloatHistogram& previous) const {
  if (counter_reset_hint == CounterResetHint::kReset) return true;
  if (counter_reset_hint == CounterResetHint::kNotReset) return false;
  if (count < previous.count) return true;
  if (uses_custom_buckets() != previous.uses_custom_buckets()) return true;
  // Custom bounds may come and go; what can be compared are the buckets between the bounds that both have.
  if (uses_custom_buckets()) return ShrinksUnder(internal::CommonLayout(*this, previous), *this, previous);
  if (schema > previous.schema || zero_threshold < previous.zero_threshold) return true;
  if (internal::WidenThreshold(previous, zero_threshold) != zero_threshold) return true;
  return ShrinksUnder({.schema = schema, .zero_threshold = zero_threshold, .custom_values = {}}, *this, previous);
}

}  // namespace baro::model

// Adding and subtracting histograms. Both are brought to one layout first: the wider zero bucket, the coarser schema or
// the common custom bounds. The layouts are nearly always the same, and then the counts are added in place.
#include <algorithm>
#include <cmath>

#include "model/histogram.h"
#include "model/histogram/layout.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

using internal::Layout;
using internal::Sides;
using internal::Sparse;

// Adds with Neumaier's variant of Kahan's compensation. Source: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur
// Summation endlicher Summen", ZAMM 54, 1974. An infinite sum has no compensation: it would become NaN.
void CompensatedAdd(double& sum, double increment, double& compensation) {
  const double total = sum + increment;
  if (std::isinf(total)) {
    compensation = 0;
  } else if (std::abs(sum) >= std::abs(increment)) {
    compensation += (sum - total) + increment;
  } else {
    compensation += (increment - total) + sum;
  }
  sum = total;
}

// How `other` comes to this histogram.
struct Operation {
  double sign = 1;
  FloatHistogram* compensation = nullptr;  // null: plain arithmetic
};

void Apply(double& value, double increment, double sign, double* compensation) {
  if (compensation == nullptr) {
    value += sign * increment;
  } else {
    CompensatedAdd(value, sign * increment, *compensation);
  }
}

void ApplyToTotals(FloatHistogram& histogram, double other_zero_count, const FloatHistogram& other,
                   const Operation& operation) {
  FloatHistogram* const lost = operation.compensation;
  Apply(histogram.zero_count, other_zero_count, operation.sign, lost == nullptr ? nullptr : &lost->zero_count);
  Apply(histogram.count, other.count, operation.sign, lost == nullptr ? nullptr : &lost->count);
  Apply(histogram.sum, other.sum, operation.sign, lost == nullptr ? nullptr : &lost->sum);
}

bool HasSameLayout(const FloatHistogram& a, const FloatHistogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold && a.custom_values == b.custom_values &&
         a.positive_buckets.size() == b.positive_buckets.size() &&
         a.negative_buckets.size() == b.negative_buckets.size() &&
         internal::SpansCoverTheSame(a.positive_spans, b.positive_spans) &&
         internal::SpansCoverTheSame(a.negative_spans, b.negative_spans);
}

// A compensation that has no buckets takes any layout.
void AdoptLayout(FloatHistogram& compensation, const FloatHistogram& histogram) {
  if (!compensation.positive_buckets.empty() || !compensation.negative_buckets.empty()) return;
  compensation.schema = histogram.schema;
  compensation.zero_threshold = histogram.zero_threshold;
  compensation.custom_values = histogram.custom_values;
  compensation.positive_spans = histogram.positive_spans;
  compensation.negative_spans = histogram.negative_spans;
  compensation.positive_buckets.assign(histogram.positive_buckets.size(), 0);
  compensation.negative_buckets.assign(histogram.negative_buckets.size(), 0);
}

void ApplyInPlace(std::vector<double>& counts, const std::vector<double>& others, double sign,
                  std::vector<double>* lost) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Apply(counts[i], others[i], sign, lost == nullptr ? nullptr : &(*lost)[i]);
  }
}

// Takes the count at `index` if the list stands there.
double TakeAt(const Sparse<double>& side, std::size_t& at, std::int64_t index) {
  return at < side.size() && side[at].index == index ? side[at++].count : 0;
}

// Merges `others` into `side`; `lost` has the compensations and gets the same buckets.
void MergeSide(Sparse<double>& side, const Sparse<double>& others, Sparse<double>* lost, double sign) {
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  const Sparse<double> none;
  const Sparse<double>& losses = lost == nullptr ? none : *lost;
  Sparse<double> merged;
  Sparse<double> merged_lost;
  merged.reserve(side.size() + others.size());
  std::size_t i = 0;
  std::size_t j = 0;
  std::size_t k = 0;
  while (i < side.size() || j < others.size() || k < losses.size()) {
    const std::int64_t index =
        std::min({i < side.size() ? side[i].index : kEnd, j < others.size() ? others[j].index : kEnd,
                  k < losses.size() ? losses[k].index : kEnd});
    double count = TakeAt(side, i, index);
    double compensation = TakeAt(losses, k, index);
    Apply(count, TakeAt(others, j, index), sign, lost == nullptr ? nullptr : &compensation);
    merged.push_back({index, count});
    if (lost != nullptr) merged_lost.push_back({index, compensation});
  }
  side = std::move(merged);
  if (lost != nullptr) *lost = std::move(merged_lost);
}

void Store(Sides sides, const Layout& layout, FloatHistogram& histogram) {
  histogram.schema = layout.schema;
  histogram.zero_threshold = layout.zero_threshold;
  histogram.custom_values = layout.custom_values;
  histogram.zero_count = sides.zero_count;
  internal::FromSparse(sides.positive, histogram.positive_spans, histogram.positive_buckets);
  internal::FromSparse(sides.negative, histogram.negative_spans, histogram.negative_buckets);
}

void ApplyUnderCommonLayout(FloatHistogram& histogram, const FloatHistogram& other, const Operation& operation) {
  const Layout layout = internal::CommonLayout(histogram, other);
  Sides own = internal::BringTo(layout, histogram);
  const Sides others = internal::BringTo(layout, other);
  FloatHistogram* const compensation = operation.compensation;
  Sides lost = compensation == nullptr ? Sides{} : internal::BringTo(layout, *compensation);
  MergeSide(own.positive, others.positive, compensation == nullptr ? nullptr : &lost.positive, operation.sign);
  MergeSide(own.negative, others.negative, compensation == nullptr ? nullptr : &lost.negative, operation.sign);
  Store(std::move(own), layout, histogram);
  if (compensation != nullptr) Store(std::move(lost), layout, *compensation);
  ApplyToTotals(histogram, others.zero_count, other, operation);
}

// The hint of the result. Returns whether one said "reset" and the other "not reset".
bool MergeHints(CounterResetHint& hint, CounterResetHint other) {
  using enum CounterResetHint;
  if (hint == other) return false;
  if (hint == kGauge || other == kGauge) {
    hint = kGauge;
    return false;
  }
  const bool is_collision = hint != kUnknown && other != kUnknown;
  hint = kUnknown;
  return is_collision;
}

base::Result<HistogramMergeNotes> Combine(FloatHistogram& histogram, const FloatHistogram& other,
                                          const Operation& operation) {
  if (histogram.uses_custom_buckets() != other.uses_custom_buckets()) {
    return base::Fail(base::Code::kInvalidArgument,
                      "histograms with exponential and with custom buckets cannot be combined");
  }
  HistogramMergeNotes notes;
  notes.counter_reset_collision = MergeHints(histogram.counter_reset_hint, other.counter_reset_hint);
  notes.custom_bounds_reconciled = histogram.uses_custom_buckets() && histogram.custom_values != other.custom_values;
  FloatHistogram* const lost = operation.compensation;
  if (lost != nullptr) AdoptLayout(*lost, histogram);

  if (!HasSameLayout(histogram, other) || (lost != nullptr && !HasSameLayout(histogram, *lost))) {
    ApplyUnderCommonLayout(histogram, other, operation);
    return notes;
  }
  ApplyInPlace(histogram.positive_buckets, other.positive_buckets, operation.sign,
               lost == nullptr ? nullptr : &lost->positive_buckets);
  ApplyInPlace(histogram.negative_buckets, other.negative_buckets, operation.sign,
               lost == nullptr ? nullptr : &lost->negative_buckets);
  ApplyToTotals(histogram, other.zero_count, other, operation);
  return notes;
}

}  // namespace

base::Result<HistogramMergeNotes> FloatHistogram::Add(const FloatHistogram& other) {
  return Combine(*this, other, {.sign = 1});
}

base::Result<HistogramMergeNotes> FloatHistogram::Sub(const FloatHistogram& other) {
  return Combine(*this, other, {.sign = -1});
}

base::Result<HistogramMergeNotes> FloatHistogram::KahanAdd(const FloatHistogram& other, FloatHistogram& compensation) {
  return Combine(*this, other, {.sign = 1, .compensation = &compensation});
}

void FloatHistogram::ApplyCompensation(const FloatHistogram& compensation) {
  FloatHistogram lost = compensation;
  AdoptLayout(lost, *this);
  lost.counter_reset_hint = counter_reset_hint;
  // A total that overflowed has nothing to be compensated.
  if (std::isinf(sum)) lost.sum = 0;
  if (std::isinf(count)) lost.count = 0;
  if (std::isinf(zero_count)) lost.zero_count = 0;
  const auto notes = Add(lost);
  BARO_ASSERT(notes.has_value());
}

}  // namespace baro::model

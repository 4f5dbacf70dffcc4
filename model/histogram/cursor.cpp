#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model {

BucketCursor::BucketCursor(const FloatHistogram& histogram, Part first, Part second, Part third, std::uint8_t count)
    : histogram_(&histogram), parts_{first, second, third}, part_count_(count) {
  Enter(parts_[0]);
}

void BucketCursor::Enter(Part part) {
  is_zero_done_ = false;
  span_ = 0;
  left_in_span_ = 0;
  at_ = 0;
  next_index_ = 0;
  if (part == Part::kPositive || part == Part::kNegative || part == Part::kZero) return;
  // Backwards: begin behind the last bucket.
  const auto& spans = part == Part::kPositiveReversed ? histogram_->positive_spans : histogram_->negative_spans;
  for (const Span& span : spans) next_index_ += std::int64_t{span.offset} + span.length;
  span_ = spans.size();
}

bool BucketCursor::Next() {
  while (!NextInPart()) {
    if (part_ + 1 >= part_count_) return false;
    Enter(parts_[++part_]);
  }
  return true;
}

bool BucketCursor::NextInPart() {
  switch (parts_[part_]) {
    case Part::kPositive:
    case Part::kNegative:
      return NextForward();
    case Part::kPositiveReversed:
    case Part::kNegativeReversed:
      return NextBackward();
    case Part::kZero:
      break;
  }
  // Prometheus leaves out a negative one, too, as differences of gauges have it.
  if (is_zero_done_ || !(histogram_->zero_count > 0)) return false;
  is_zero_done_ = true;
  bucket_ = ZeroBucket(*histogram_);
  return true;
}

bool BucketCursor::NextForward() {
  const bool is_positive = parts_[part_] == Part::kPositive;
  const auto& spans = is_positive ? histogram_->positive_spans : histogram_->negative_spans;
  const auto& counts = is_positive ? histogram_->positive_buckets : histogram_->negative_buckets;
  if (at_ == counts.size()) return false;
  while (left_in_span_ == 0) {
    if (span_ == spans.size()) return false;
    next_index_ += spans[span_].offset;
    left_in_span_ = spans[span_++].length;
  }
  Fill(counts[at_++]);
  --left_in_span_;
  ++next_index_;
  return true;
}

bool BucketCursor::NextBackward() {
  const bool is_positive = parts_[part_] == Part::kPositiveReversed;
  const auto& spans = is_positive ? histogram_->positive_spans : histogram_->negative_spans;
  const auto& counts = is_positive ? histogram_->positive_buckets : histogram_->negative_buckets;
  if (at_ == counts.size()) return false;
  while (left_in_span_ == 0) {
    if (span_ == 0) return false;
    if (span_ < spans.size()) next_index_ -= spans[span_].offset;
    left_in_span_ = spans[--span_].length;
  }
  --next_index_;
  --left_in_span_;
  Fill(counts[counts.size() - ++at_]);
  return true;
}

void BucketCursor::Fill(double count) {
  const bool is_positive = parts_[part_] == Part::kPositive || parts_[part_] == Part::kPositiveReversed;
  bucket_ = internal::BucketOf(histogram_->schema, histogram_->custom_values, next_index_, is_positive);
  bucket_.count = count;
  if (part_count_ == 1) return;
  // As Prometheus cuts them, even if that turns a bucket round which lies within the zero bucket as a whole.
  const double zero_threshold = histogram_->zero_threshold;
  if (bucket_.upper < 0 && bucket_.upper > -zero_threshold) {
    bucket_.upper = -zero_threshold;
  } else if (bucket_.lower > 0 && bucket_.lower < zero_threshold) {
    bucket_.lower = zero_threshold;
  }
}

Bucket ZeroBucket(const FloatHistogram& histogram) {
  return {.lower = -histogram.zero_threshold,
          .upper = histogram.zero_threshold,
          .is_lower_inclusive = true,
          .is_upper_inclusive = true,
          .count = histogram.zero_count};
}

BucketCursor PositiveBuckets(const FloatHistogram& histogram) {
  using enum BucketCursor::Part;
  return {histogram, kPositive, kZero, kZero, 1};
}

BucketCursor NegativeBuckets(const FloatHistogram& histogram) {
  using enum BucketCursor::Part;
  return {histogram, kNegative, kZero, kZero, 1};
}

BucketCursor PositiveBucketsReversed(const FloatHistogram& histogram) {
  using enum BucketCursor::Part;
  return {histogram, kPositiveReversed, kZero, kZero, 1};
}

BucketCursor NegativeBucketsReversed(const FloatHistogram& histogram) {
  using enum BucketCursor::Part;
  return {histogram, kNegativeReversed, kZero, kZero, 1};
}

BucketCursor AllBuckets(const FloatHistogram& histogram) {
  using enum BucketCursor::Part;
  return {histogram, kNegativeReversed, kZero, kPositive, 3};
}

BucketCursor AllBucketsReversed(const FloatHistogram& histogram) {
  using enum BucketCursor::Part;
  return {histogram, kPositiveReversed, kZero, kNegative, 3};
}

}  // namespace baro::model

// PromQL's trims: the part of a histogram's observations on one side of a threshold.
#include <algorithm>
#include <cmath>

#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

enum class Keep : std::uint8_t { kBelow, kAbove };
enum class Scale : std::uint8_t { kLinear, kExponential };

// A range of values with its observations, as far as the trim leaves it.
struct Piece {
  double lower = 0;
  double upper = 0;
  double count = 0;
};

double Middle(double lower, double upper, Scale scale) {
  if (scale == Scale::kLinear) return lower + (upper - lower) / 2;
  const double middle = std::sqrt(std::abs(lower)) * std::sqrt(std::abs(upper));
  return lower < 0 ? -middle : middle;
}

// How much of (lower, upper] lies below `at`, which is inside.
double ShareBelow(double lower, double upper, double at, Scale scale) {
  if (scale == Scale::kLinear) return (at - lower) / (upper - lower);
  // On the negative side magnitudes fall towards zero; the quotient is the same.
  const double from = std::log2(std::abs(lower));
  return (std::log2(std::abs(at)) - from) / (std::log2(std::abs(upper)) - from);
}

class Trimmer {
 public:
  Trimmer(Keep keep, double threshold) : keep_(keep), threshold_(threshold) {}

  // The count that is left of a bucket with finite bounds, whose middle goes into the sum.
  double Trim(const Piece& piece, Scale scale) {
    if (piece.count == 0) return 0;
    Piece left = piece;
    if (keep_ == Keep::kBelow) {
      if (!(piece.lower < threshold_)) return Drop();
      left.upper = std::min(piece.upper, threshold_);
    } else {
      if (!(piece.upper > threshold_) && piece.lower != threshold_) return Drop();
      left.lower = std::max(piece.lower, threshold_);
    }
    if (left.lower != piece.lower || left.upper != piece.upper) {
      const double below = ShareBelow(piece.lower, piece.upper, threshold_, scale);
      left.count *= keep_ == Keep::kBelow ? below : 1 - below;
      is_changed_ = true;
    }
    return Count(left.count, Middle(left.lower, left.upper, scale));
  }

  // As Trim(). Of the zero bucket, a threshold that is no number leaves a part that is no number either, as in
  // Prometheus; of the others it leaves nothing.
  double TrimZero(const Piece& zero) {
    if (!std::isnan(threshold_) || zero.count == 0) return Trim(zero, Scale::kLinear);
    is_changed_ = true;
    return Count(threshold_, threshold_);
  }

  // A bucket down from -Inf cannot be cut: all of it stays if what is kept reaches down too and it is not all above.
  double TrimDownToInfinity(double upper, double count) {
    if (count == 0) return 0;
    const bool is_kept = keep_ == Keep::kBelow ? threshold_ > -kInfinity : threshold_ == -kInfinity;
    return is_kept ? Count(count, keep_ == Keep::kBelow ? std::min(upper, threshold_) : upper) : Drop();
  }

  // The same for a bucket up to +Inf.
  double TrimUpToInfinity(double lower, double count) {
    if (count == 0) return 0;
    const bool is_kept = keep_ == Keep::kAbove ? threshold_ < kInfinity : threshold_ == kInfinity;
    return is_kept ? Count(count, keep_ == Keep::kAbove ? std::max(lower, threshold_) : lower) : Drop();
  }

  // The single bucket of a histogram without bounds.
  double TrimEverything(double count) {
    const bool is_kept = threshold_ == (keep_ == Keep::kBelow ? kInfinity : -kInfinity);
    return count == 0 || is_kept ? count : Drop();
  }

  // The first custom bucket with a positive bound is read as (0, bound]; a threshold below 0 finds nothing in it.
  double TrimFirstFromZero(double upper, double count) {
    if (threshold_ < 0 && threshold_ != -kInfinity) return count == 0 ? 0 : Drop();
    return Trim({.lower = 0, .upper = upper, .count = count}, Scale::kLinear);
  }

  bool is_changed() const { return is_changed_; }
  double count() const { return count_; }
  double sum() const { return sum_; }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  double Drop() {
    is_changed_ = true;
    return 0;
  }
  double Count(double count, double middle) {
    count_ += count;
    sum_ += count * middle;
    return count;
  }

  Keep keep_;
  double threshold_;
  bool is_changed_ = false;
  double count_ = 0;
  double sum_ = 0;
};

void TrimCustom(FloatHistogram& histogram, Trimmer& trimmer) {
  const auto& bounds = histogram.custom_values;
  std::size_t at = 0;
  internal::ForEachBucket(
      std::span(histogram.positive_spans), std::span<const double>(histogram.positive_buckets),
      [&](std::int64_t index, double) {
        double& count = histogram.positive_buckets[at++];
        const auto bucket = static_cast<std::size_t>(index);
        if (bounds.empty()) {
          count = trimmer.TrimEverything(count);
        } else if (bucket >= bounds.size()) {
          count = trimmer.TrimUpToInfinity(bounds.back(), count);
        } else if (bucket > 0) {
          count = trimmer.Trim({.lower = bounds[bucket - 1], .upper = bounds[bucket], .count = count}, Scale::kLinear);
        } else if (bounds.front() <= 0) {
          count = trimmer.TrimDownToInfinity(bounds.front(), count);
        } else {
          count = trimmer.TrimFirstFromZero(bounds.front(), count);
        }
      });
}

// One side of an exponential histogram.
void TrimSide(std::int32_t schema, std::span<const Span> spans, std::vector<double>& counts, bool is_positive,
              Trimmer& trimmer) {
  std::size_t at = 0;
  internal::ForEachBucket(spans, std::span<const double>(counts), [&](std::int64_t index, double) {
    double& count = counts[at++];
    const double near = BucketUpperBound(schema, static_cast<std::int32_t>(index) - 1);
    const double far = BucketUpperBound(schema, static_cast<std::int32_t>(index));
    if (std::isinf(far)) {
      count = is_positive ? trimmer.TrimUpToInfinity(near, count) : trimmer.TrimDownToInfinity(-near, count);
    } else if (is_positive) {
      count = trimmer.Trim({.lower = near, .upper = far, .count = count}, Scale::kExponential);
    } else {
      count = trimmer.Trim({.lower = -far, .upper = -near, .count = count}, Scale::kExponential);
    }
  });
}

bool IsPopulated(const std::vector<double>& counts) {
  return std::any_of(counts.begin(), counts.end(), [](double count) { return count != 0; });
}

void TrimExponential(FloatHistogram& histogram, Trimmer& trimmer) {
  // A histogram with observations on one side only has those of its zero bucket on that side too.
  const bool has_positive = IsPopulated(histogram.positive_buckets);
  const bool has_negative = IsPopulated(histogram.negative_buckets);
  const Piece zero{.lower = has_positive && !has_negative ? 0 : -histogram.zero_threshold,
                   .upper = has_negative && !has_positive ? 0 : histogram.zero_threshold,
                   .count = histogram.zero_count};
  TrimSide(histogram.schema, histogram.negative_spans, histogram.negative_buckets, false, trimmer);
  histogram.zero_count = trimmer.TrimZero(zero);
  TrimSide(histogram.schema, histogram.positive_spans, histogram.positive_buckets, true, trimmer);
}

void TrimHistogram(FloatHistogram& histogram, Keep keep, double threshold) {
  Trimmer trimmer(keep, threshold);
  if (histogram.uses_custom_buckets()) {
    TrimCustom(histogram, trimmer);
  } else {
    TrimExponential(histogram, trimmer);
  }
  if (!trimmer.is_changed()) return;
  histogram.count = trimmer.count();
  histogram.sum = trimmer.sum();
  histogram.Compact(0);
}

}  // namespace

void FloatHistogram::TrimUpper(double threshold) { TrimHistogram(*this, Keep::kBelow, threshold); }
void FloatHistogram::TrimLower(double threshold) { TrimHistogram(*this, Keep::kAbove, threshold); }

}  // namespace baro::model

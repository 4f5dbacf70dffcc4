// Native histograms: buckets of exponentially growing width, or with bounds of the user's choice, in sparse form.
//
// A histogram's regular buckets are listed by spans: a span skips `offset` buckets and then has `length` of them. The
// counts stand in one list per side, in the order of the spans: as differences to the bucket before in the integer
// flavour (as instrumented code and the formats have them), as plain values in the float flavour (as queries have
// them).
//
// Format   Bucket i of schema s in -4..8 is (2^((i-1)*2^-s), 2^(i*2^-s)], on the negative side mirrored. The bucket
// that
//          holds the greatest finite double ends there. The zero bucket is [-zero_threshold, zero_threshold]. Schema
//          -53 has custom bounds: bucket i is (bound[i-1], bound[i]], from -Inf and to +Inf, positive side only.
// Source   Prometheus, "Native histograms" specification.
// Threads  Values; the functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace baro::model {

/// What is known about the counter having been reset before this histogram. The numbers are those of the wire formats.
enum class CounterResetHint : std::uint8_t {
  kUnknown = 0,   ///< look at the buckets
  kReset = 1,     ///< certainly a reset
  kNotReset = 2,  ///< certainly none
  kGauge = 3,     ///< no counter: resets have no meaning
};

inline constexpr std::int32_t kSchemaMin = -4;
inline constexpr std::int32_t kSchemaMax = 8;
inline constexpr std::int32_t kSchemaCustom = -53;
/// Reserved schemas up to this one may arrive from outside; they are reduced to kSchemaMax on the way in.
inline constexpr std::int32_t kSchemaReservedMax = 52;

inline bool IsExponentialSchema(std::int32_t schema) { return schema >= kSchemaMin && schema <= kSchemaMax; }
inline bool IsCustomSchema(std::int32_t schema) { return schema == kSchemaCustom; }
inline bool IsKnownSchema(std::int32_t schema) { return IsExponentialSchema(schema) || IsCustomSchema(schema); }

/// `length` neighbouring buckets after a gap of `offset`. The first span's offset is the index of its first bucket and
/// may be negative; the others' are not.
struct Span {
  std::int32_t offset = 0;
  std::uint32_t length = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

struct FloatHistogram;

/// The integer flavour, with delta-coded buckets.
struct Histogram {
  CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::uint64_t zero_count = 0;
  std::uint64_t count = 0;
  double sum = 0;
  std::vector<Span> positive_spans;
  std::vector<Span> negative_spans;
  std::vector<std::int64_t> positive_buckets;  ///< the first absolute, the others as differences
  std::vector<std::int64_t> negative_buckets;
  std::vector<double> custom_values;  ///< the finite upper bounds of schema -53; empty otherwise

  bool uses_custom_buckets() const { return IsCustomSchema(schema); }

  /// The same observations with plain counts.
  /// Shape    a valid histogram (see Validate()).
  FloatHistogram ToFloat() const;

  /// The same observations in coarser buckets.
  /// Shape    valid; both schemas exponential, `target_schema` <= schema.
  Histogram CopyToSchema(std::int32_t target_schema) const;

  /// Drops empty buckets at the ends of spans and joins and splits spans so that runs of empty buckets longer than
  /// `empty_buckets_max` cost nothing.
  void Compact(std::size_t empty_buckets_max);

  /// Checks what arrives from outside: known schema, spans that fit the buckets, no negative counts, a count that is
  /// the buckets' sum (at least the sum if `sum` is NaN, for NaN observations are in no bucket), bounds in order.
  /// Errors   kInvalidArgument, naming what is wrong and where.
  base::Result<> Validate() const;

  /// Bit by bit, but however the spans are cut. The reset hint does not count.
  bool Equals(const Histogram& other) const;

  /// As FloatHistogram::ToString().
  std::string ToString() const;

  friend bool operator==(const Histogram& a, const Histogram& b) { return a.Equals(b); }
};

/// What adding or subtracting met on the way; each has its annotation in PromQL.
struct HistogramMergeNotes {
  bool counter_reset_collision = false;   ///< one said "reset", the other "not reset"
  bool custom_bounds_reconciled = false;  ///< custom bounds differed; the result has those that both had
};

/// The float flavour: what queries calculate with.
struct FloatHistogram {
  CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
  std::int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<Span> positive_spans;
  std::vector<Span> negative_spans;
  std::vector<double> positive_buckets;
  std::vector<double> negative_buckets;
  std::vector<double> custom_values;

  bool uses_custom_buckets() const { return IsCustomSchema(schema); }

  /// Multiplies all counts and the sum. A negative factor makes a gauge.
  void Mul(double factor);

  /// Divides all counts and the sum. By 0: the buckets go, the rest becomes an infinity or NaN. A negative divisor
  /// makes a gauge.
  void Div(double divisor);

  /// Adds or subtracts bucket by bucket. The coarser schema and the wider zero bucket win; the zero bucket is widened
  /// further to the edge of a populated bucket that it would cut. Different custom bounds: the result has those that
  /// both have. The hint becomes gauge if either is, else unknown unless both agree; the caller sets it otherwise where
  /// PromQL says so (a difference is always a gauge).
  /// Shape    both valid.
  /// Errors   kInvalidArgument: one exponential, the other with custom buckets; `*this` is as it was.
  base::Result<HistogramMergeNotes> Add(const FloatHistogram& other);
  base::Result<HistogramMergeNotes> Sub(const FloatHistogram& other);

  /// Add() with Kahan-Neumaier compensation. `compensation` holds what rounding lost: start with one that is
  /// default-constructed, pass it on unchanged, and at the end hand it to ApplyCompensation().
  /// Errors   as Add(); both are as they were.
  base::Result<HistogramMergeNotes> KahanAdd(const FloatHistogram& other, FloatHistogram& compensation);

  /// Adds what KahanAdd() collected. An infinite sum stays as it is.
  void ApplyCompensation(const FloatHistogram& compensation);

  /// Keeps the observations up to `threshold` (PromQL's `</`), or from it on (`>/`). A bucket that is cut keeps the
  /// part that interpolation gives: exponential in exponential buckets, linear in the zero bucket and in custom ones.
  /// If anything was cut, the count is counted again and the sum estimated from the middles of what is left.
  void TrimUpper(double threshold);
  void TrimLower(double threshold);

  /// Whether the counter was reset between `previous` and this one. A hint of reset or not-reset decides alone.
  bool DetectReset(const FloatHistogram& previous) const;

  /// As Histogram's. Queries compact with 0.
  void Compact(std::size_t empty_buckets_max);

  /// As Histogram's; `target_schema` == schema is a plain copy.
  FloatHistogram CopyToSchema(std::int32_t target_schema) const;

  /// As Histogram's, except that the count is not compared with the buckets' sum: floats do not add up exactly.
  base::Result<> Validate() const;

  /// Bit by bit, but however the spans are cut. The reset hint does not count. NaN equals NaN of the same bits.
  bool Equals(const FloatHistogram& other) const;

  /// `{count:5, sum:18.4, [-0.001,0.001]:2, (0.5,1]:3}`: the populated buckets, ascending, numbers as Go's %g.
  std::string ToString() const;

  /// What PromQL's sample limit counts for it, in bytes.
  std::size_t SizeBytes() const;

  friend bool operator==(const FloatHistogram& a, const FloatHistogram& b) { return a.Equals(b); }
};

/// The upper bound of bucket `index` on the positive side; +Inf behind the last one.
/// Shape    a known schema; `custom_values` are the bounds of schema -53.
double BucketUpperBound(std::int32_t schema, std::int32_t index, std::span<const double> custom_values = {});

/// One bucket, as values see it: lower < upper on either side.
struct Bucket {
  double lower = 0;
  double upper = 0;
  bool is_lower_inclusive = false;
  bool is_upper_inclusive = false;
  double count = 0;
  std::int32_t index = 0;  ///< within its side; 0 for the zero bucket

  friend bool operator==(const Bucket&, const Bucket&) = default;
};

/// Walks buckets in some order, the empty ones that spans cover included.
///
/// Owns     nothing; borrows the histogram, which must not change meanwhile.
/// Threads  confined.
class BucketCursor {
 public:
  /// Steps to the first or next bucket; false at the end.
  bool Next();

  /// Shape    the last Next() said true.
  const Bucket& bucket() const { return bucket_; }

 private:
  friend BucketCursor PositiveBuckets(const FloatHistogram& histogram);
  friend BucketCursor NegativeBuckets(const FloatHistogram& histogram);
  friend BucketCursor PositiveBucketsReversed(const FloatHistogram& histogram);
  friend BucketCursor NegativeBucketsReversed(const FloatHistogram& histogram);
  friend BucketCursor AllBuckets(const FloatHistogram& histogram);
  friend BucketCursor AllBucketsReversed(const FloatHistogram& histogram);

  enum class Part : std::uint8_t { kPositive, kPositiveReversed, kZero, kNegative, kNegativeReversed };

  BucketCursor(const FloatHistogram& histogram, Part first, Part second, Part third, std::uint8_t count);
  void Enter(Part part);
  bool NextInPart();
  bool NextForward();
  bool NextBackward();
  void Fill(double count);

  const FloatHistogram* histogram_;
  Part parts_[3];
  std::uint8_t part_count_;
  std::uint8_t part_ = 0;
  bool is_zero_done_ = false;
  std::size_t span_ = 0;            // forwards the next span to enter, backwards the one entered last
  std::uint32_t left_in_span_ = 0;  // its buckets still to come
  std::size_t at_ = 0;              // buckets done in this part
  std::int64_t next_index_ = 0;     // forwards the next bucket's index, backwards that of the one before
  Bucket bucket_;
};

/// From the zero bucket outwards: the positive side ascends, the negative side descends.
BucketCursor PositiveBuckets(const FloatHistogram& histogram);
BucketCursor NegativeBuckets(const FloatHistogram& histogram);

/// Towards the zero bucket.
BucketCursor PositiveBucketsReversed(const FloatHistogram& histogram);
BucketCursor NegativeBucketsReversed(const FloatHistogram& histogram);

/// All in ascending order of values, the zero bucket included if its count is positive; and in descending order.
BucketCursor AllBuckets(const FloatHistogram& histogram);
BucketCursor AllBucketsReversed(const FloatHistogram& histogram);

/// The zero bucket as a bucket, whatever its count.
Bucket ZeroBucket(const FloatHistogram& histogram);

}  // namespace baro::model

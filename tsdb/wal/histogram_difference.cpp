#include "tsdb/wal/histogram_difference.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

// Integers up to here are told apart by doubles, and so are their differences.
constexpr double kIntegerMax = 9'007'199'254'740'992.0;  // 2^53

base::Error Damaged(const char* what) {
  return {base::Code::kCorruption, fmt::format("histogram difference: {}", what)};
}

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

bool IsInteger(double value) {
  return std::abs(value) < kIntegerMax && value == std::trunc(value) && Bits(value) != Bits(-0.0);
}

bool AreIntegers(const model::FloatHistogram& histogram) {
  return IsInteger(histogram.count) && IsInteger(histogram.zero_count) &&
         std::ranges::all_of(histogram.positive_buckets, IsInteger) &&
         std::ranges::all_of(histogram.negative_buckets, IsInteger);
}

bool HaveOneShape(const model::FloatHistogram& a, const model::FloatHistogram& b) {
  return a.counter_reset_hint == b.counter_reset_hint && a.schema == b.schema &&
         Bits(a.zero_threshold) == Bits(b.zero_threshold) && a.positive_spans == b.positive_spans &&
         a.negative_spans == b.negative_spans && a.positive_buckets.size() == b.positive_buckets.size() &&
         a.negative_buckets.size() == b.negative_buckets.size() &&
         std::ranges::equal(a.custom_values, b.custom_values, {}, Bits, Bits);
}

std::uint64_t Difference(double a, double b) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b));
}

// False: what comes out is no count that was written.
bool AddTo(double& value, std::uint64_t difference) {
  const std::uint64_t sum = static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) + difference;
  value = static_cast<double>(static_cast<std::int64_t>(sum));
  return std::abs(value) < kIntegerMax;
}

}  // namespace

bool EncodeHistogramDifference(const model::FloatHistogram& histogram, const model::FloatHistogram& before,
                               base::ByteBuffer& out) {
  if (histogram.positive_buckets.size() + histogram.negative_buckets.size() > kStreamLengthMax) return false;
  if (!HaveOneShape(histogram, before) || !AreIntegers(histogram) || !AreIntegers(before)) return false;
  std::vector<std::uint64_t> differences;
  differences.reserve(histogram.positive_buckets.size() + histogram.negative_buckets.size());
  const auto add = [&differences](std::span<const double> buckets, std::span<const double> old) {
    for (std::size_t i = 0; i < buckets.size(); ++i) differences.push_back(Difference(buckets[i], old[i]));
  };
  add(histogram.positive_buckets, before.positive_buckets);
  add(histogram.negative_buckets, before.negative_buckets);
  const std::uint64_t zeros = Difference(histogram.zero_count, before.zero_count);
  std::uint64_t all = zeros;
  for (const std::uint64_t difference : differences) all += difference;
  base::AppendSignedVarint(out, static_cast<std::int64_t>(zeros));
  // Nothing if the count grew with its buckets.
  base::AppendSignedVarint(out, static_cast<std::int64_t>(Difference(histogram.count, before.count) - all));
  base::AppendLe(out, Bits(histogram.sum));
  if (!differences.empty()) EncodeIntegers(differences, out);
  return true;
}

base::Result<model::FloatHistogram> DecodeHistogramDifference(base::ByteSpan bytes,
                                                              const model::FloatHistogram& before) {
  if (!AreIntegers(before)) return Damaged("the one before has no integers");
  base::ByteReader reader(bytes);
  const auto zeros = static_cast<std::uint64_t>(reader.SignedVarint());
  std::uint64_t all = static_cast<std::uint64_t>(reader.SignedVarint()) + zeros;
  model::FloatHistogram histogram = before;
  histogram.sum = std::bit_cast<double>(reader.Le<std::uint64_t>());
  if (!reader.ok()) return Damaged("cut short");
  if (before.positive_buckets.size() + before.negative_buckets.size() > kStreamLengthMax) {
    return Damaged("more buckets than a difference has");
  }
  std::vector<std::uint64_t> differences(before.positive_buckets.size() + before.negative_buckets.size());
  base::ByteSpan rest = reader.Bytes(reader.remaining());
  if (!differences.empty()) rest = BARO_TRY(DecodeIntegers(rest, differences));
  if (!rest.empty()) return Damaged("bytes behind its end");
  bool is_good = AddTo(histogram.zero_count, zeros);
  std::size_t at = 0;
  for (std::vector<double>* const buckets : {&histogram.positive_buckets, &histogram.negative_buckets}) {
    for (double& bucket : *buckets) {
      all += differences[at];
      is_good &= AddTo(bucket, differences[at++]);
    }
  }
  is_good &= AddTo(histogram.count, all);
  if (!is_good) return Damaged("a count that no histogram has");
  return histogram;
}

}  // namespace baro::tsdb

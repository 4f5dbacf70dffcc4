// Checks of histograms that come from outside.
#include <cmath>

#include <fmt/format.h>

#include "model/histogram.h"
#include "model/histogram/sparse.h"

namespace baro::model {
namespace {

using base::Code;
using base::Fail;
using base::Result;

// More buckets than any schema has between the least and the greatest finite double (2^8 * 2098 on a side, schema 8).
constexpr std::uint64_t kBucketsMax = 600'000;
// Indexes stay far from where int32 arithmetic on them would wrap.
constexpr std::int64_t kIndexMax = std::int64_t{1} << 30;

Result<> CheckSpans(std::string_view side, std::span<const Span> spans, std::size_t bucket_count) {
  std::uint64_t length = 0;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("histogram: {} side: span {} has the negative offset {}: only the "
                              "first span's may be negative",
                              side, i + 1, spans[i].offset));
    }
    length += spans[i].length;
    index += spans[i].offset;
    if (index < -kIndexMax || index + spans[i].length > kIndexMax || length > kBucketsMax) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("histogram: {} side: span {} (offset {}, length {}) reaches beyond all buckets", side,
                              i + 1, spans[i].offset, spans[i].length));
    }
    index += spans[i].length;
  }
  if (length != bucket_count) {
    return Fail(Code::kInvalidArgument, fmt::format("histogram: {} side: the spans ask for {} buckets, {} are given",
                                                    side, length, bucket_count));
  }
  return {};
}

Result<> CheckCustomBounds(std::span<const double> bounds) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (!std::isfinite(bounds[i])) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("histogram: custom bound {} is {}: only finite ones are listed, +Inf is implied", i + 1,
                              bounds[i]));
    }
    if (i > 0 && bounds[i] <= bounds[i - 1]) {
      return Fail(Code::kInvalidArgument, fmt::format("histogram: custom bound {} ({}) does not follow {}: bounds must "
                                                      "increase",
                                                      i + 1, bounds[i], bounds[i - 1]));
    }
  }
  return {};
}

template <typename AnyHistogram>
Result<> CheckLayout(const AnyHistogram& histogram) {
  if (!IsKnownSchema(histogram.schema)) {
    return Fail(Code::kInvalidArgument, fmt::format("histogram: schema {} is not known: want {} to {}, or {}",
                                                    histogram.schema, kSchemaMin, kSchemaMax, kSchemaCustom));
  }
  if (!(histogram.zero_threshold >= 0)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("histogram: zero threshold {} is negative or no number", histogram.zero_threshold));
  }
  BARO_TRY(CheckSpans("positive", histogram.positive_spans, histogram.positive_buckets.size()));
  BARO_TRY(CheckSpans("negative", histogram.negative_spans, histogram.negative_buckets.size()));
  if (!histogram.uses_custom_buckets()) {
    if (histogram.custom_values.empty()) return {};
    return Fail(Code::kInvalidArgument, fmt::format("histogram: schema {} takes no custom bounds, {} are given",
                                                    histogram.schema, histogram.custom_values.size()));
  }
  BARO_TRY(CheckCustomBounds(histogram.custom_values));
  if (histogram.zero_count != 0 || histogram.zero_threshold != 0) {
    return Fail(Code::kInvalidArgument, "histogram: one with custom buckets has no zero bucket");
  }
  if (!histogram.negative_spans.empty() || !histogram.negative_buckets.empty()) {
    return Fail(Code::kInvalidArgument, "histogram: one with custom buckets has no negative side");
  }
  const std::size_t buckets_max = histogram.custom_values.size() + 1;
  std::int64_t end = 0;
  for (const Span& span : histogram.positive_spans) {
    if (end == 0 && span.offset < 0) {
      return Fail(Code::kInvalidArgument, "histogram: custom buckets have no negative index");
    }
    end += std::int64_t{span.offset} + span.length;
  }
  if (static_cast<std::size_t>(end) > buckets_max) {
    return Fail(Code::kInvalidArgument,
                fmt::format("histogram: {} custom bounds make {} buckets, the spans reach to {}",
                            histogram.custom_values.size(), buckets_max, end));
  }
  return {};
}

// Sums a side into `total`, which must not pass 2^64.
Result<> CheckDeltas(std::string_view side, std::span<const std::int64_t> deltas, std::uint64_t& total) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < deltas.size(); ++i) {
    if (__builtin_add_overflow(count, deltas[i], &count) || count < 0) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("histogram: {} side: bucket {} has a count below 0 or beyond 2^63", side, i + 1));
    }
    if (__builtin_add_overflow(total, static_cast<std::uint64_t>(count), &total)) {
      return Fail(Code::kInvalidArgument, "histogram: the buckets hold more than 2^64 observations");
    }
  }
  return {};
}

Result<> CheckFloats(std::string_view what, std::span<const double> counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("histogram: {} {} has the negative count {}", what, i + 1, counts[i]));
    }
  }
  return {};
}

}  // namespace

Result<> Histogram::Validate() const {
  BARO_TRY(CheckLayout(*this));
  std::uint64_t in_buckets = zero_count;
  BARO_TRY(CheckDeltas("positive", positive_buckets, in_buckets));
  BARO_TRY(CheckDeltas("negative", negative_buckets, in_buckets));
  // Observations of NaN make the sum NaN and are counted, but are in no bucket.
  if (std::isnan(sum) ? in_buckets > count : in_buckets != count) {
    return Fail(Code::kInvalidArgument,
                fmt::format("histogram: {} observations in the buckets, but a count of {}", in_buckets, count));
  }
  return {};
}

Result<> FloatHistogram::Validate() const {
  BARO_TRY(CheckLayout(*this));
  BARO_TRY(CheckFloats("the zero bucket, number", std::span(&zero_count, 1)));
  BARO_TRY(CheckFloats("positive bucket", positive_buckets));
  BARO_TRY(CheckFloats("negative bucket", negative_buckets));
  if (count < 0) return Fail(Code::kInvalidArgument, fmt::format("histogram: the count {} is negative", count));
  return {};
}

}  // namespace baro::model

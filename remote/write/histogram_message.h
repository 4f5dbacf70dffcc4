// Native histograms and exemplars as they stand in a TimeSeries message.
//
// Source   Prometheus, "Native histograms" specification, for what a valid one is; schemas 9 to 52 are reduced to 8 on
//          the way in, as Prometheus does.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"

namespace baro::remote {

/// More spans, buckets or bounds on one side than this are refused before memory is taken; storage has the same limit.
inline constexpr std::size_t kHistogramElementsMax = 65'536;

/// A message taken apart, not yet checked.
struct HistogramMessage {
  bool is_float = false;      ///< which of the two has the count and the buckets
  model::Histogram integers;  ///< also what both flavours share
  double float_count = 0;
  double float_zero_count = 0;
  std::vector<double> positive_counts;
  std::vector<double> negative_counts;
  std::int64_t timestamp_ms = 0;
};

/// Errors   kInvalidArgument: malformed. kLimitExceeded: kHistogramElementsMax.
base::Result<HistogramMessage> ReadHistogram(std::string_view message);

/// The histogram as it is stored.
/// Errors   kInvalidArgument: it contradicts itself.
base::Result<model::FloatHistogram> CheckHistogram(HistogramMessage message);

/// An exemplar; without a timestamp if that is 0. Nothing if its labels are none.
/// Errors   kInvalidArgument: malformed.
base::Result<std::optional<model::Exemplar>> ReadExemplar(std::string_view message);

}  // namespace baro::remote

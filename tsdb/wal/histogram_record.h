// Native histograms as bytes of the log.
//
// Format   docs/formats/log.md, section 4.5.
// Threads  Pure functions.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "model/histogram.h"

namespace baro::tsdb {

/// More spans or buckets than any client makes; what has more is refused when it is appended.
inline constexpr std::size_t kHistogramBucketsMax = 65'536;

/// Whether the histogram can be written.
bool FitsRecord(const model::FloatHistogram& histogram);

/// Shape  FitsRecord().
void EncodeHistogram(const model::FloatHistogram& histogram, base::ByteBuffer& out);

/// Reads what EncodeHistogram() wrote, which is all that is left in `bytes`.
/// Errors   kCorruption.
base::Result<model::FloatHistogram> DecodeHistogram(base::ByteSpan bytes);

}  // namespace baro::tsdb

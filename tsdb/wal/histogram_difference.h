// A native histogram in the log as the difference to the one before of its series.
//
// Between two scrapes few buckets of a counter histogram change, and those by little: 100 buckets are 35 to 80 bytes
// instead of 160 (docs/performance.md).
//
// Format   docs/formats/log.md, section 4.5.
// Threads  Pure functions.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "model/histogram.h"

namespace baro::tsdb {

/// Appends the difference. False, and nothing appended: the two differ in more than counts and sum, or have counts that
/// are no integers.
bool EncodeHistogramDifference(const model::FloatHistogram& histogram, const model::FloatHistogram& before,
                               base::ByteBuffer& out);

/// Reads what EncodeHistogramDifference() wrote, which is all that is left in `bytes`: bit for bit what it was.
/// Errors   kCorruption.
base::Result<model::FloatHistogram> DecodeHistogramDifference(base::ByteSpan bytes,
                                                              const model::FloatHistogram& before);

}  // namespace baro::tsdb

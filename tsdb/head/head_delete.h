// Deletes that reach what memory has.
#pragma once

#include <cstddef>
#include <span>

#include "base/cancel.h"
#include "base/result.h"
#include "model/matcher.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// Logs a tombstone for each chosen series that has samples in the range, and hides those samples from readers opened
/// from now on. Samples that come later are not hidden, whatever their time. Returns how many series it touched.
/// Shape    nothing leaves the head meanwhile.
/// Errors   as Reader::Select(), as LogWriter. If the log was written but could not be synced, the samples are hidden.
/// Cost     reads the samples of the range.
base::Result<std::size_t> DeleteFromHead(Head& head, LogWriter& log, std::span<const model::Matcher> matchers,
                                         model::TimeRange range, const base::CancelToken& cancel);

}  // namespace baro::tsdb

// Looks through our log without building a head of it.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/data_check.h"

namespace baro::tsdb {

/// What else was learnt of a log.
struct SurveyedLog {
  model::TimeRange range{.min_ms = 0, .max_ms = -1};  ///< of its samples; empty: it has none
  std::uint64_t next_segment = 1;                     ///< the first number that it has not used
};

/// Reads the log in `<path>/log`, counts what it has, and adds what is damaged to `check`: with the time between the
/// samples before and behind the place.
/// Errors   file errors.
base::Result<SurveyedLog> SurveyLog(base::FileSystem& files, const std::string& path, DataCheck& check);

/// Looks at the files of the head's chunks in `<path>/head_chunks`, which are derived from the log. What is damaged is
/// added to `check`.
/// Errors   file errors.
base::Result<> SurveyHeadChunks(base::FileSystem& files, const std::string& path, DataCheck& check);

}  // namespace baro::tsdb

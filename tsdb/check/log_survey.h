// Looks through our log without building a head of it.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/data_check.h"

namespace baro::tsdb {

/// Reads the log in `<path>/log`, counts what it has, and adds what is damaged to `check`: with the time between the
/// samples before and behind the place.
/// Errors   file errors.
base::Result<> SurveyLog(base::FileSystem& files, const std::string& path, DataCheck& check);

}  // namespace baro::tsdb

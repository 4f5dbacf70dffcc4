// A reader that gives what it can of damaged series.
#pragma once

#include <memory>

#include "tsdb/reader.h"

namespace baro::tsdb {

/// Where a series cannot be read as a whole, its time is halved until the parts can be, or are short; what then cannot
/// be read is left out.
///
/// Owns     the reader below it; selections own what they need.
/// Threads  As the reader below.
std::unique_ptr<Reader> MakeRescueReader(std::unique_ptr<Reader> below, model::TimeRange extent);

}  // namespace baro::tsdb

// What is missing, and how queries are told.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/sample.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// Samples may be missing in that time, for that reason.
struct DataLoss {
  model::TimeRange range;
  std::string what;
};

/// The same reader, whose selections say in their warnings what may be missing in the time that was asked for.
std::unique_ptr<Reader> TellLosses(std::unique_ptr<Reader> reader, std::vector<DataLoss> losses);

}  // namespace baro::tsdb

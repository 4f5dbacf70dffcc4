// Several readers as one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tsdb/reader.h"

namespace baro::tsdb {

/// Merges series of equal labels. Of samples at one time the first reader's counts. `warnings` stand in front of those
/// of the readers' selections.
std::unique_ptr<Reader> MergeReaders(std::vector<std::unique_ptr<Reader>> readers,
                                     std::vector<std::string> warnings = {});

}  // namespace baro::tsdb

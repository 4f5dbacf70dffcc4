// A table of blocks, as promtool prints it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tsdb/stored_block.h"

namespace baro::cli {

/// The head line and a line for each block. `is_human_readable`: times and sizes for people.
std::string BlockTable(const std::vector<std::shared_ptr<const tsdb::StoredBlock>>& blocks, bool is_human_readable);

}  // namespace baro::cli

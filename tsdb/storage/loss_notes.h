// Notes beside what was put aside, so that later starts say what is missing. Format: docs/formats/block.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "tsdb/storage/data_loss.h"

namespace baro::tsdb {

/// Writes the note of `name` into the folder `quarantine`, which exists. Queries of the loss's time say it until
/// somebody removes the note.
base::Result<> WriteLossNote(base::FileSystem& files, std::string_view quarantine, std::string_view name,
                             const DataLoss& loss);

/// All notes in that folder; one that cannot be read is a loss at any time. None if there is no such folder.
std::vector<DataLoss> ReadLossNotes(base::FileSystem& files, const std::string& quarantine);

/// The time of a block that cannot be opened: what its meta.json says, or any time if that cannot be read either.
model::TimeRange RangeOfLostBlock(base::FileSystem& files, const std::string& directory);

}  // namespace baro::tsdb

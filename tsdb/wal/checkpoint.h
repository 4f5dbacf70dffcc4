// Checkpoints: the series that the log's removed segments would have named.
//
// Format   docs/formats/log.md, section 6.
// Threads  Functions; one caller at a time per directory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {

/// "checkpoint.00000012": segments before 12 are not needed beside it.
std::string CheckpointName(std::uint64_t first_segment);
/// 0 if the name is none of a checkpoint.
std::uint64_t ParseCheckpointName(std::string_view name);

/// Calls `put` once for each series that belongs into the checkpoint.
using ForEachSeries = std::function<void(const std::function<void(LogSeriesId, const model::Labels&)>& put)>;

/// Writes what else belongs into the checkpoint, in records of kinds that replay takes in any order, behind the series.
/// `flush` is called between records: it takes what has become enough.
using WriteExtras = std::function<void(RecordWriter& records, const std::function<void()>& flush)>;

/// Writes a checkpoint, reads it back, and only then removes older checkpoints and the segments before `first_segment`.
/// Takes up where an earlier try for the same segment ended.
/// Errors   of the files; kCorruption: what was written cannot be read. The older checkpoint and all segments remain.
base::Result<> WriteCheckpoint(base::FileSystem& files, const std::string& directory, std::uint64_t first_segment,
                               LogSeriesId next_series, const ForEachSeries& for_each, const WriteExtras& extras = {});

/// Visits a checkpoint.
/// Errors   kCorruption: damaged or unfinished; all that is sound was visited.
base::Result<> ReadCheckpoint(base::FileSystem& files, const std::string& path, RecordVisitor& visitor);

}  // namespace baro::tsdb

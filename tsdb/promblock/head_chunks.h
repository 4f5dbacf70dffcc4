// The memory-mapped chunks of a head, `chunks_head/`: each names its series and times.
//
// Format   docs/formats/prometheus-blocks.md, "chunks_head/".
// Source   Prometheus, tsdb/docs/format/head_chunks.md.
#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/promblock/series_chunker.h"
#include "tsdb/promblock/wal_record.h"

namespace baro::tsdb {

/// Calls `visit` for each chunk of all files. A file is read up to its first damage. Chunks whose encoding is not read
/// here are passed over.
/// Errors   those of `visit`, and of files.
base::Result<> ForEachHeadChunk(base::FileSystem& files, const std::string& directory,
                                const std::function<base::Result<>(WalSeriesRef, FinishedChunk)>& visit,
                                const base::CancelToken& cancel);

}  // namespace baro::tsdb

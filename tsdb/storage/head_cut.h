// The head's old samples as a block.
#pragma once

#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// Writes what the head has from `options.min_time_ms` to before `options.max_time_ms`, with its exemplars and what is
/// known of its metric families. Absent result: there is
/// nothing, and no block was made. Shape    no commit may add a sample to that time any more, see Head::RaiseFloor().
/// Errors   kCancelled; file errors; kCorruption: memory is damaged. Nothing is left on disk.
/// Cost     Memory: a list of the series, and what BlockWriter takes.
base::Result<std::optional<BlockMeta>> WriteHeadBlock(base::FileSystem& files, const std::string& parent,
                                                      const std::shared_ptr<Head>& head, const LogWriter& log,
                                                      BlockWriterOptions options, const ExemplarStore& exemplars,
                                                      const base::CancelToken& cancel);

}  // namespace baro::tsdb

// The head's late samples as blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// The hint of a block of late samples, as Prometheus says it. Such a block lies beside the one that was cut of its
/// time, until the two are joined.
inline constexpr std::string_view kFromOutOfOrder = "from-out-of-order";

/// Writes the late samples before `until_ms` of all that is written in the log, a block for each range of `range_ms`
/// that has some. Shape  range_ms > 0.
/// Errors   kCancelled; file errors; kCorruption: memory is damaged. Blocks that were finished remain on disk.
/// Cost     Memory: a list of the series with late samples, and what BlockWriter takes.
base::Result<std::vector<BlockMeta>> WriteLateBlocks(base::FileSystem& files, const std::string& parent,
                                                     const std::shared_ptr<Head>& head, const LogWriter& log,
                                                     std::int64_t until_ms, std::int64_t range_ms,
                                                     const std::function<Ulid()>& new_ulid,
                                                     const base::CancelToken& cancel);

}  // namespace baro::tsdb

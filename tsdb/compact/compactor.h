// Several blocks as one.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"

namespace baro::tsdb {

/// The hint of a block that was cut from the head in the order of time: all that the head had before its end is in
/// blocks.
inline constexpr std::string_view kFromHead = "from-head";

/// What a joined block says of where it came from: level, sources, parents, the time that they answer for together, and
/// hints that all parents have; kFromHead if the parent with the last end has it.
BlockWriterOptions OptionsOfJoined(std::span<const std::shared_ptr<Block>> blocks);

/// The time before which samples of a series are left out; kMinTimestampMs: none are, kMaxTimestampMs: all are.
using OldestKept = std::function<std::int64_t(const model::Labels&)>;

/// Writes a block with the samples of all `blocks`, less what was deleted. Where two have a sample at one timestamp,
/// that of the later one in the list counts. What is older than `oldest_kept` says, if it is not empty, is left out.
///
/// `pause` is called with the bytes written since the last call, so that the caller can limit the rate; it may be
/// empty. Errors   kCancelled; kCorruption: a damaged part; the parents should stay then. kInvalidArgument: nothing is
/// left.
///          File errors.
/// Cost     Memory: a writer's, and a few hundred series of each block.
base::Result<BlockMeta> JoinBlocks(base::FileSystem& files, const std::string& parent,
                                   std::span<const std::shared_ptr<Block>> blocks, BlockWriterOptions options,
                                   const std::function<void(std::uint64_t)>& pause, const base::CancelToken& cancel,
                                   const OldestKept& oldest_kept = {});

}  // namespace baro::tsdb

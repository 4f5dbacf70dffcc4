// Which blocks are joined next.
//
// Source   The levels are Prometheus': a level's range is three times the one below, aligned to multiples of itself
//          since the epoch, so that blocks of equal age have equal borders whatever server wrote them.
// Threads  Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "tsdb/block/block_meta.h"

namespace baro::tsdb {

/// Ranges of blocks by level, ascending: `first`, 3 x `first`, ... up to `longest`. At least `first`.
std::vector<std::int64_t> CompactionRanges(std::chrono::milliseconds first, std::chrono::milliseconds longest);

/// The blocks to join into one, as indices into `metas`; empty: nothing is to do now.
///
/// First blocks that overlap in time. Then, from the shortest range on, the oldest window that two blocks at least lie
/// in, if no more can come into it: it is full, or the newest block lies behind it. The newest block itself waits, so
/// that a backup or an upload sees it for a while.
/// Shape    `metas` in any order; `ranges` from CompactionRanges().
std::vector<std::size_t> PlanCompaction(std::span<const BlockMeta> metas, std::span<const std::int64_t> ranges);

}  // namespace baro::tsdb

// What a block says about itself: meta.json.
//
// Format   docs/formats/block.md, section 2: JSON whose last member is the checksum of all before it.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block/ulid.h"

namespace baro::tsdb {

inline constexpr int kBlockVersion = 1;

/// How pages of chunks stand on the disk: as the codec made them, or compressed once more (fewer bytes, slower to
/// read).
enum class BlockForm : std::uint8_t { kHot = 0, kCold = 1 };

struct BlockCounts {
  std::uint64_t series = 0;
  std::uint64_t float_samples = 0;
  std::uint64_t histogram_samples = 0;
  std::uint64_t float_chunks = 0;
  std::uint64_t histogram_chunks = 0;
  std::uint64_t columns = 0;                ///< windows of timestamps, shared ones counted once
  std::uint64_t families = 0;               ///< things that the block knows of metric families
  std::uint64_t series_with_exemplars = 0;  ///< the file of exemplars has so many records
  std::uint64_t series_with_starts = 0;     ///< likewise

  std::uint64_t samples() const { return float_samples + histogram_samples; }

  friend bool operator==(const BlockCounts&, const BlockCounts&) = default;
};

/// A block that this one was made of.
struct BlockParent {
  Ulid ulid;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;  ///< exclusive, as in BlockMeta

  friend bool operator==(const BlockParent&, const BlockParent&) = default;
};

struct BlockMeta {
  Ulid ulid;
  int version = kBlockVersion;

  /// The time that the block answers for, half open: min_time_ms <= t < max_time_ms, as in Prometheus' meta.json. All
  /// samples lie in it; it may be wider than they.
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;

  BlockForm form = BlockForm::kHot;
  BlockCounts counts;

  int compaction_level = 1;          ///< 1: cut from the head
  std::vector<Ulid> sources;         ///< all level 1 blocks that are in here; itself at level 1
  std::vector<BlockParent> parents;  ///< the blocks that were joined; empty at level 1
  std::vector<std::string> hints;    ///< words for the compactor, e.g. "from-out-of-order", "downsampled-5m"

  model::TimeRange range() const { return {.min_ms = min_time_ms, .max_ms = max_time_ms - 1}; }

  friend bool operator==(const BlockMeta&, const BlockMeta&) = default;
};

/// The content of meta.json.
std::string FormatBlockMeta(const BlockMeta& meta);

/// Errors   kCorruption: checksum, syntax or a contradiction; kUnsupported: a newer version.
base::Result<BlockMeta> ParseBlockMeta(std::string_view text);

}  // namespace baro::tsdb

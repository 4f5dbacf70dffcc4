// Columns of timestamps on the disk, and their directory.
//
// Format   docs/formats/block.md, section 7.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/track.h"

namespace baro::tsdb {

/// What the directory knows of a column.
struct ColumnEntry {
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;
  std::uint64_t offset = 0;  ///< in the file of columns, below 2^48
  std::uint16_t rows = 0;
  std::uint32_t size_bytes = 0;
  std::uint32_t crc = 0;  ///< of the column, seeded with its place

  model::TimeRange range() const { return {.min_ms = min_time_ms, .max_ms = max_time_ms}; }

  friend bool operator==(const ColumnEntry&, const ColumnEntry&) = default;
};

inline constexpr std::size_t kColumnEntryBytes = 32;
inline constexpr std::size_t kColumnEntriesPerFrame = 512;
inline constexpr std::size_t kColumnFrameBytes = kFrameHeaderBytes + kColumnEntriesPerFrame * kColumnEntryBytes;

void EncodeColumnEntry(const ColumnEntry& entry, base::ByteBuffer& out);
/// Shape    `at` has kColumnEntryBytes.
ColumnEntry LoadColumnEntry(const std::byte* at);

/// Where the frame of the directory that has column `column` stands in the index. All but the last are full, so that
/// places follow from numbers.
inline std::uint64_t ColumnFrameOffset(ColumnId column) {
  return kBlockFileHeaderBytes + std::uint64_t{column / kColumnEntriesPerFrame} * kColumnFrameBytes;
}
/// Where the column's entry stands within that frame's content.
inline std::size_t ColumnEntryOffset(ColumnId column) { return column % kColumnEntriesPerFrame * kColumnEntryBytes; }

/// Appends the timestamps.
/// Shape    1 to kWindowRowsMax, strictly increasing.
void EncodeColumn(std::span<const std::int64_t> timestamps_ms, base::ByteBuffer& out);

/// Fills `timestamps_ms`.
/// Errors   kCorruption: damaged, or not strictly increasing.
base::Result<> DecodeColumn(base::ByteSpan bytes, std::span<std::int64_t> timestamps_ms);

}  // namespace baro::tsdb

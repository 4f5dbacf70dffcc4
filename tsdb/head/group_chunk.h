// Rows of a group, transposed and compressed: one timestamp column for all, one value column per series.
//
// Threads  GroupChunk and Row are immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// All samples of a scrape, by the columns of its group.
struct Row {
  std::int64_t timestamp_ms = 0;
  CommitNumber commit = 0;
  std::vector<double> values;           ///< +0 where the series is absent
  std::vector<std::uint64_t> presence;  ///< a bit per column; empty: all columns of `values` are there

  bool Has(std::size_t column) const {
    if (column >= values.size()) return false;
    return presence.empty() || ((presence[column / 64] >> (column % 64)) & 1) != 0;
  }
};
using RowPtr = std::shared_ptr<const Row>;

/// Rows in few bytes.
class GroupChunk {
 public:
  /// Shape  1 to kStreamLengthMax rows.
  static std::shared_ptr<const GroupChunk> FromRows(std::span<const RowPtr> rows);
  /// One chunk of what neighbours hold. Errors kCorruption.
  static base::Result<std::shared_ptr<const GroupChunk>> Join(
      std::span<const std::shared_ptr<const GroupChunk>> chunks);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  std::int64_t min_ms() const { return min_ms_; }
  std::int64_t max_ms() const { return max_ms_; }

  /// Whether the series of that column has a sample here.
  bool Has(std::size_t column) const { return column < columns() && offsets_[column] != offsets_[column + 1]; }

  /// Appends one timestamp per row.
  base::Result<> ReadTimestamps(std::vector<std::int64_t>& timestamps_ms) const;

  /// Fills `values` with the samples of a column and `presence` with a bit per row, or leaves it empty if every row has
  /// one. Errors kCorruption.
  base::Result<> ReadColumn(std::size_t column, std::vector<double>& values,
                            std::vector<std::uint64_t>& presence) const;

  std::size_t SizeBytes() const;

 private:
  void AddColumn(std::span<const double> values, std::span<const std::uint64_t> presence);
  void Finish(std::span<const std::int64_t> timestamps_ms);

  std::size_t rows_ = 0;
  std::int64_t min_ms_ = 0;
  std::int64_t max_ms_ = 0;
  base::ByteBuffer timestamps_;         // an integer stream
  std::vector<std::uint32_t> offsets_;  // where each column's bytes begin; one more at the end
  base::ByteBuffer
      bytes_;  // per column nothing, or: presence (0: all rows; 1: a bitmap of bytes follows), value column
};
using GroupChunkPtr = std::shared_ptr<const GroupChunk>;

}  // namespace baro::tsdb

// Rows of a group, transposed and compressed: one timestamp column for all, one value column per series.
//
// Threads  GroupChunk and Row are immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// All samples of a scrape, by the columns of its group.
struct Row {
  std::uint64_t number = 0;  ///< in its group, as the log has it
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

/// Rows in few bytes, which are the chunk's own or those of a file.
class GroupChunk {
 public:
  /// What a chunk is made of.
  struct Parts {
    std::uint64_t first_row = 0;  ///< the rows' numbers follow each other
    std::size_t rows = 0;
    std::int64_t min_ms = 0;
    std::int64_t max_ms = 0;
    base::ByteSpan timestamps;               ///< an integer stream
    std::span<const std::uint32_t> offsets;  ///< where in `values` each column's bytes begin; one more at the end
    base::ByteSpan values;                   ///< of the columns, as docs/formats/head-chunks.md, section 4, says
  };

  GroupChunk() = default;
  /// Shape    offsets do not fall and end within `values`; 1 to kStreamLengthMax rows. `owner` has all that is pointed
  /// at.
  GroupChunk(const Parts& parts, std::shared_ptr<const base::MappedFile> owner)
      : parts_(parts), owner_(std::move(owner)) {}
  GroupChunk(const GroupChunk&) = delete;
  GroupChunk& operator=(const GroupChunk&) = delete;

  /// Few rows are written quickly: they will be joined with others. Shape  1 to kStreamLengthMax rows.
  static std::shared_ptr<const GroupChunk> FromRows(std::span<const RowPtr> rows);
  /// One chunk of what neighbours hold. Errors kCorruption.
  static base::Result<std::shared_ptr<const GroupChunk>> Join(
      std::span<const std::shared_ptr<const GroupChunk>> chunks);

  const Parts& parts() const { return parts_; }
  std::size_t rows() const { return parts_.rows; }
  std::uint64_t first_row() const { return parts_.first_row; }
  std::uint64_t last_row() const { return parts_.first_row + parts_.rows - 1; }
  std::size_t columns() const { return parts_.offsets.empty() ? 0 : parts_.offsets.size() - 1; }
  std::int64_t min_ms() const { return parts_.min_ms; }
  std::int64_t max_ms() const { return parts_.max_ms; }

  /// Whether the series of that column has a sample here.
  bool Has(std::size_t column) const {
    return column < columns() && parts_.offsets[column] != parts_.offsets[column + 1];
  }

  /// Appends one timestamp per row.
  base::Result<> ReadTimestamps(std::vector<std::int64_t>& timestamps_ms) const;

  /// Fills `values` with the samples of a column and `presence` with a bit per row, or leaves it empty if every row has
  /// one. Errors kCorruption.
  base::Result<> ReadColumn(std::size_t column, std::vector<double>& values,
                            std::vector<std::uint64_t>& presence) const;

  /// The newest sample of a column by the order of rows. Shape    Has(column); `timestamps_ms` are the chunk's.
  /// Errors kCorruption.
  base::Result<model::Sample> ReadLast(std::size_t column, std::span<const std::int64_t> timestamps_ms) const;

  /// Of memory; what lies in a file is not counted.
  std::size_t SizeBytes() const;
  bool is_in_file() const { return owner_ != nullptr; }

 private:
  void AddColumn(std::span<const double> values, std::span<const std::uint64_t> presence, bool quickly);
  void Finish(std::span<const std::int64_t> timestamps_ms);

  Parts parts_;
  std::shared_ptr<const base::MappedFile> owner_;  // null: what follows is pointed at
  base::ByteBuffer timestamps_;
  std::vector<std::uint32_t> offsets_;
  base::ByteBuffer bytes_;
};
using GroupChunkPtr = std::shared_ptr<const GroupChunk>;

}  // namespace baro::tsdb

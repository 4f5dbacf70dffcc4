// Deleted time ranges of a block's series.
//
// Format   docs/formats/block.md, section 11.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block/ulid.h"

namespace baro::tsdb {

class BlockTombstones {
 public:
  /// Hides the range of series number `series`; ranges that touch become one.
  /// Shape    not empty.
  void Add(std::uint32_t series, model::TimeRange range);

  /// Sorted, without overlap. Empty: nothing is deleted.
  std::span<const model::TimeRange> Of(std::uint32_t series) const;

  bool empty() const { return by_series_.empty(); }
  std::size_t series_count() const { return by_series_.size(); }
  std::size_t interval_count() const;

  base::ByteBuffer Encode(const Ulid& block) const;
  /// Errors   kCorruption: damaged, of another block, or of series from `series_count` on; kUnsupported.
  static base::Result<BlockTombstones> Decode(base::ByteSpan bytes, const Ulid& block, std::uint64_t series_count);

  friend bool operator==(const BlockTombstones&, const BlockTombstones&) = default;

 private:
  std::map<std::uint32_t, std::vector<model::TimeRange>> by_series_;
};

}  // namespace baro::tsdb

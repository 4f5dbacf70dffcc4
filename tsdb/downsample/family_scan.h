// Walks the series of a block with their aggregates beside them.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/downsample/window_rows.h"

namespace baro::tsdb {

/// Where the series of a block stand that have no reserved label, and those of each aggregate: they follow each other.
struct AggregateSections {
  struct Section {
    std::optional<AggregateKey> key;  ///< absent: series without the label
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };
  std::vector<Section> sections;  ///< in block order; none is empty
};

/// Reads the labels of all series. Shape    a block without damage: damaged series are passed over, and not counted.
/// Errors   kCancelled. kUnsupported: a series that came from outside has the reserved label.
base::Result<AggregateSections> FindSections(const Block& block, const base::CancelToken& cancel);

/// Owns     a share of the block.
/// Cost     A few hundred series of each section in memory.
class FamilyScan {
 public:
  FamilyScan(const Block& block, const AggregateSections& sections);

  /// Steps to the first or next series; false at the end.
  /// Errors   kCancelled.
  base::Result<bool> Next(const base::CancelToken& cancel);

  /// Without the reserved label.
  const model::Labels& labels() const { return labels_; }

  /// Whether the series has that section: samples as they came if `key` is absent.
  bool Has(const std::optional<AggregateKey>& key) const;

  /// As BlockScan::Read(). A series without that section has no samples there.
  base::Result<> Read(const std::optional<AggregateKey>& key, SampleColumns& columns) const;

  /// Its aggregates of that resolution; rows of which one is deleted are left out.
  base::Result<> ReadRows(std::int64_t resolution_ms, WindowRows& rows) const;

 private:
  struct Cursor {
    std::optional<AggregateKey> key;
    std::unique_ptr<BlockScan> scan;
    std::uint64_t left = 0;  // series behind the one that it is at
    model::Labels labels;    // without the reserved label
    bool is_at_end = false;
    bool is_here = false;  // it is at the series that the scan is at
  };

  base::Result<> Step(Cursor& cursor, const base::CancelToken& cancel);

  std::vector<Cursor> cursors_;
  model::Labels labels_;
  bool is_started_ = false;
};

/// Rows from the five columns of one resolution, as they were read. A row is there if all of its columns have it.
WindowRows JoinColumns(const SampleColumns& counts, const SampleColumns& sums, const SampleColumns& mins,
                       const SampleColumns& maxs, const SampleColumns& counter);

}  // namespace baro::tsdb

// Writing a block anew with aggregates where rules want them.
//
// Format   docs/formats/downsampling.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/storage_rules.h"

namespace baro::tsdb {

/// Which resolution the rules want of each series of blocks that end at one time, at one moment.
///
/// Threads  Immutable.
class ResolutionPlan {
 public:
  /// `until_ms`: the block's end, exclusive. `newest_ms`: what ages are counted from.
  /// Owns     a share of `rules`, which may be null: there are none then.
  ResolutionPlan(std::shared_ptr<const StorageRules> rules, std::int64_t until_ms, std::int64_t newest_ms);

  /// 0: samples stay as they came.
  std::int64_t Of(const model::Labels& labels) const;

  /// How many rules hold for a block of that age; 0: nothing is to do. While it stays the same, so does the plan.
  std::size_t rules_in_force() const;

 private:
  std::shared_ptr<const StorageRules> rules_;
  std::vector<bool> is_in_force_;
};

/// Whether a block has float samples, or shorter windows, where the plan wants longer ones.
/// Shape    a block without damage.
/// Errors   kCancelled, kCorruption.
/// Cost     The labels of all series at most; samples only of series that the plan chooses, until the first float.
base::Result<bool> NeedsDownsampling(const Block& block, const ResolutionPlan& plan, const base::CancelToken& cancel);

/// Writes the block anew as the plan wants it. Histograms, and series that the plan does not choose, stay as they are.
/// `options`: as those of a joined block; the hints of resolutions are added.
/// `pause`, errors: as JoinBlocks().
/// Cost     Memory: a writer's, and all samples of one series. Reads the block once for each aggregate that it gets.
base::Result<BlockMeta> DownsampleBlock(base::FileSystem& files, const std::string& parent, const Block& block,
                                        const ResolutionPlan& plan, BlockWriterOptions options,
                                        const std::function<void(std::uint64_t)>& pause,
                                        const base::CancelToken& cancel);

}  // namespace baro::tsdb

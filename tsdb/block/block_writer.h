// Writing a block, series after series, in bounded memory.
//
//     auto writer = BARO_TRY(BlockWriter::Create(files, "data/blocks", {.ulid = Ulid::Make(now_ms, random)}));
//     BARO_TRY(writer->AddColumn(7, timestamps));            // optional: the rows of scrape group 7
//     for (...) {                                            // in block order, see InBlockOrder()
//       BARO_TRY(writer->BeginSeries(labels, 7));
//       BARO_TRY(writer->AddFloats(timestamps, values));     // any number of times, time increasing
//     }
//     const BlockMeta meta = BARO_TRY(writer->Finish());     // durable; without it nothing is left
//
// Format   docs/formats/block.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/reader.h"
#include "tsdb/starts/start_times.h"

namespace baro::tsdb {

/// The order of series in a block: by metric name, then as label sets are ordered. A query reads neighbours. Series
/// with the reserved label of aggregates stand behind all others, by the value of that label first.
bool InBlockOrder(const model::Labels& a, const model::Labels& b);

/// Says which series probably have the same timestamps: any number, such as that of a scrape group.
using GroupKey = std::uint64_t;

struct BlockWriterOptions {
  Ulid ulid;  ///< the block's name; its directory must not exist
  BlockForm form = BlockForm::kHot;

  /// What meta.json says, half open; absent: from the first sample to behind the last one. Samples outside are refused.
  std::optional<std::int64_t> min_time_ms;
  std::optional<std::int64_t> max_time_ms;

  int compaction_level = 1;
  std::vector<Ulid> sources;  ///< empty: the block itself
  std::vector<BlockParent> parents;
  std::vector<std::string> hints;

  /// What is known of metric families. The block keeps what is said of those that its series belong to.
  std::vector<FamilyMetadata> metadata;

  /// Encoded timestamps that are kept for comparing; beyond it columns that only one series has are forgotten first,
  /// which costs bytes, not correctness.
  std::size_t column_memory_bytes = std::size_t{64} << 20;
};

/// Threads  Confined. Borrows the file system, which outlives it.
/// Errors   The first error of any call is final: all later calls return it, and nothing is left on the disk.
///          kInvalidArgument: order, shape or time range violated; file errors as they come.
/// Cost     Memory: columns (see options), about 50 bytes per series, the label values, a page or two; 1 MiB of
/// samples.
class BlockWriter {
 public:
  /// Makes `<parent>/tmp-<ULID>`.
  static base::Result<std::unique_ptr<BlockWriter>> Create(base::FileSystem& files, std::string parent,
                                                           BlockWriterOptions options);

  /// Removes what was not finished.
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  /// Tells all timestamps of a group before its series are written, so that the first series need not be the one
  /// without gaps. Not needed: timestamps that no series uses cost a few bytes, timestamps that were not told are
  /// found. Shape    strictly increasing; not between BeginSeries() and the last Add...() of that series.
  base::Result<> AddColumn(GroupKey group, std::span<const std::int64_t> timestamps_ms);

  /// Ends the series before and begins this one. A series without samples is left out of the block.
  /// `group`: series with equal keys are expected to share timestamps; absent: those with equal `job` and `instance`.
  /// Shape    behind the series before by InBlockOrder(); not empty.
  base::Result<> BeginSeries(const model::Labels& labels, std::optional<GroupKey> group = std::nullopt);

  /// Adds samples to the series. Where and how often a series' samples are cut into calls does not matter.
  /// Shape    equal lengths; strictly increasing, also over calls. A series may have both kinds, in calls of any order,
  ///          but no timestamp in both: that is the caller's to know.
  base::Result<> AddFloats(std::span<const std::int64_t> timestamps_ms, std::span<const double> values);
  base::Result<> AddHistograms(std::span<const HistogramSample> samples);

  /// Since when the series' samples count. Shape    once for a series; ascending.
  base::Result<> AddStarts(std::span<const StartRun> runs);

  /// All that was read of a series: AddFloats(), AddHistograms() and AddStarts(). Shape    once for a series.
  base::Result<> Add(const SampleColumns& columns);

  /// Exemplars of the series; they go with it if it has no samples.
  /// Shape    once for a series; by time, each has one. Those outside of the block's time are left out.
  base::Result<> AddExemplars(std::span<const model::Exemplar> exemplars);

  /// Series begun so far that have samples, without the one that is open.
  std::uint64_t series_count() const;
  /// Bytes handed to the disk so far: who limits the rate looks at it between calls.
  std::uint64_t written_bytes() const;
  /// The directory that Finish() will make.
  std::string directory() const;

  /// Ends the last series and makes the block durable: files synced, directory synced, renamed to `<parent>/<ULID>`,
  /// parent synced. The writer can do nothing after it.
  /// Errors   kInvalidArgument: there is no sample at all.
  base::Result<BlockMeta> Finish();

 private:
  class Impl;
  explicit BlockWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::tsdb

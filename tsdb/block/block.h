// An immutable block: opened, checked, mapped and read.
//
//     auto block = BARO_TRY(Block::Open(files, "data/blocks/01J..."));
//     auto reader = block->OpenReader();                     // shares the block
//     auto selection = BARO_TRY(reader->Select({.matchers = matchers, .range = range}, cancel));
//
// Format   docs/formats/block.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// Walks all series of a block, in block order, with a few hundred in memory at a time.
///
/// Owns     a share of the block.
/// Threads  Confined.
class BlockScan {
 public:
  virtual ~BlockScan() = default;

  /// Steps to the first or next series; false at the end. Series whose entry is damaged are passed over, and named by
  /// Block::Damage().
  /// Errors   kCancelled.
  virtual base::Result<bool> Next(const base::CancelToken& cancel) = 0;

  /// Shape    the last Next() said true.
  virtual const model::Labels& labels() const = 0;

  /// As SeriesSelection::Read(): within the range, less what was deleted. Equal timestamps come as equal pointers.
  /// Errors   kCorruption: damaged data in the range; `columns` then hold what is undamaged.
  virtual base::Result<> Read(model::TimeRange range, SampleColumns& columns) = 0;

  /// Appends the series' exemplars of the range, by time, less what was deleted.
  /// Errors   kCorruption.
  virtual base::Result<> ReadExemplars(model::TimeRange range, std::vector<model::Exemplar>& exemplars) = 0;
};

/// What is known of one chunk without decoding it. Only float chunks without any NaN have it.
struct ChunkSummary {
  std::int64_t min_time_ms = 0;  ///< of the first sample
  std::int64_t max_time_ms = 0;  ///< of the last sample
  std::uint32_t count = 0;
  std::uint32_t resets = 0;  ///< how often a value is lower than the one before, within the chunk
  double min = 0;
  double max = 0;
  double sum = 0;  ///< compensated (Neumaier), then rounded once
  double first = 0;
  double last = 0;
};

/// A piece of a series between two borders of windows: decode it, unless its summary is enough.
struct ChunkOutline {
  model::TimeRange range;  ///< of the window, closed; the samples lie in it
  bool has_summary = false;
  ChunkSummary summary;
};

/// A selection of one block, with more than SeriesSelection offers.
class BlockSelection : public SeriesSelection {
 public:
  /// The float chunks of series `index` that overlap `range`, by time. A chunk that deletes touch has no summary.
  /// Errors   kCorruption: the page of summaries; those chunks then have none in `outlines`.
  virtual base::Result<> Outline(std::size_t index, model::TimeRange range,
                                 std::vector<ChunkOutline>& outlines) const = 0;
};

/// Threads  Safe to share. Immutable but for deletes, which readers opened before do not see.
/// Owns     the mappings: they, and all selections, outlive the files.
class Block : public ReaderSource, public std::enable_shared_from_this<Block> {
 public:
  /// Checks meta, headers, sizes and the checksum of all of the index; pages of samples are checked at their first use.
  /// A damaged part of the index takes only the series it describes: see Damage().
  /// Errors   kCorruption: nothing of the block can be trusted; kNotFound: no such directory; kUnsupported: a newer
  ///          version; file errors as they come.
  static base::Result<std::shared_ptr<Block>> Open(base::FileSystem& files, std::string directory);

  ~Block() override = default;

  virtual const BlockMeta& meta() const = 0;
  virtual const std::string& directory() const = 0;
  /// Of all files, as when it was opened, and of the deletes.
  virtual std::uint64_t SizeBytes() const = 0;

  std::unique_ptr<Reader> OpenReader() const override = 0;

  /// As OpenReader()->Select(), with the block's own kind of selection.
  virtual base::Result<std::unique_ptr<BlockSelection>> Select(const SelectRequest& request,
                                                               const base::CancelToken& cancel) const = 0;

  /// What was known of the families of its series, by name.
  /// Errors   kCorruption.
  virtual base::Result<std::vector<FamilyMetadata>> Metadata() const = 0;

  /// Exemplars in the range of the series that satisfy any of the matcher lists, in label order, less what was deleted.
  /// Errors   kCancelled, kCorruption.
  virtual base::Result<std::vector<SeriesExemplars>> SelectExemplars(
      std::span<const std::vector<model::Matcher>> matcher_lists, model::TimeRange range,
      const base::CancelToken& cancel) const = 0;

  std::unique_ptr<BlockScan> Scan() const { return ScanFrom(0); }
  /// From the series on that this many precede in block order, damaged ones counted.
  virtual std::unique_ptr<BlockScan> ScanFrom(std::uint64_t first) const = 0;

  /// Hides the samples in the range of all series that the matchers choose, from readers opened from now on. Durable.
  /// Returns the number of series touched.
  /// Errors   as Reader::Select(); kLimitExceeded: more than kDeletedIntervalsMax; file errors: nothing is deleted.
  virtual base::Result<std::size_t> Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                           const base::CancelToken& cancel) = 0;

  /// Series that have deleted ranges. A block with many is worth writing anew.
  virtual std::size_t DeletedSeries() const = 0;

  /// Reads everything and compares checksums. `pause(bytes)` is called after every page, so that the caller can limit
  /// the rate. Returns what is damaged, which is also in Damage().
  /// Errors   kCancelled.
  virtual base::Result<std::vector<std::string>> Verify(const std::function<void(std::uint64_t)>& pause,
                                                        const base::CancelToken& cancel) const = 0;

  /// All damage found so far, in words. Empty: none known.
  virtual std::vector<std::string> Damage() const = 0;
};

/// Deleted intervals that one block keeps; more means that it should be written anew.
inline constexpr std::size_t kDeletedIntervalsMax = 1'000'000;

}  // namespace baro::tsdb

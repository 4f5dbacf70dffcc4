// Series of a block that were selected, with all that reading them takes.
//
// Threads  BlockSelectionImpl is immutable once made.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tsdb/block/block_impl.h"
#include "tsdb/starts/start_times.h"

namespace baro::tsdb {

class BlockSelectionImpl : public BlockSelection {
 public:
  enum class Order { kLabels, kBlock };

  /// Shape    `numbers` of series, ascending, that the request's matchers choose. Series that damage hides are passed
  ///          over.
  /// Errors   kCancelled; kLimitExceeded, kUnavailable: the request's memory has no room.
  static base::Result<std::unique_ptr<BlockSelectionImpl>> Make(std::shared_ptr<const BlockImpl> block,
                                                                std::shared_ptr<const BlockTombstones> tombstones,
                                                                std::span<const std::uint32_t> numbers,
                                                                const SelectRequest& request, Order order,
                                                                const base::CancelToken& cancel);

  std::size_t size() const override { return entries_.size(); }
  const model::Labels& labels(std::size_t index) const override { return entries_[index].labels; }
  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override;
  std::optional<SharedTimes> AppendPlain(std::size_t index, model::TimeRange range,
                                         std::vector<double>& values) const override;
  base::Result<> Outline(std::size_t index, model::TimeRange range, std::vector<ChunkOutline>& outlines) const override;
  std::span<const std::string> warnings() const override { return warnings_; }
  /// As BlockScan::ReadExemplars().
  base::Result<> ReadExemplars(std::size_t index, model::TimeRange range,
                               std::vector<model::Exemplar>& exemplars) const;

 private:
  // The windows of one kind that a series has in the range.
  struct Part {
    const Timeline* timeline = nullptr;  // null: none
    std::uint64_t first_chunk = 0;       // of the timeline's first window
    std::size_t first_presence = 0;      // in presences_, one per window of the timeline
    bool is_partial = false;
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  // There are as many as series: what few series have stands elsewhere.
  struct Entry {
    model::Labels labels;
    std::uint64_t first_chunk = 0;   // of the floats' first window
    std::uint32_t number = 0;        // in the block
    std::uint32_t timeline = kNone;  // in timelines_, of the floats
    std::uint32_t rare = kNone;      // in rare_
  };
  struct Rare {
    bool is_partial = false;         // the floats
    std::size_t first_presence = 0;  // of the floats
    Part histograms;
    std::size_t first_start = 0;  // in starts_
    std::uint32_t start_count = 0;
    std::span<const model::TimeRange> deleted;  // borrowed from tombstones_
  };
  class Maker;

  BlockSelectionImpl(std::shared_ptr<const BlockImpl> block, std::shared_ptr<const BlockTombstones> tombstones,
                     base::MemoryBudget* memory)
      : block_(std::move(block)), tombstones_(std::move(tombstones)), charge_(memory), columns_kept_(memory) {}

  const Rare& RareOf(const Entry& entry) const {
    static const Rare kNothing;
    return entry.rare == kNone ? kNothing : rare_[entry.rare];
  }
  Rare& MakeRare(Entry& entry);
  Part FloatsOf(const Entry& entry) const;
  std::shared_ptr<const TimelineColumns> Columns(const Part& part) const {
    return part.timeline->Columns(*block_, columns_kept_);
  }

  void LoadStarts();
  base::Result<> ReadSamples(const Entry& entry, model::TimeRange range, SampleColumns& columns) const;
  std::optional<SharedTimes> AppendWhole(const Part& part, model::TimeRange range, std::vector<double>& values) const;
  base::Result<> ReadPieces(const Part& part, model::TimeRange range, SampleColumns& columns) const;
  base::Result<> ReadHistograms(const Part& part, model::TimeRange range, SampleColumns& columns) const;
  // The rows of a window that the series has; `all` is room for the answer "all of them".
  std::span<const RowRun> RowsOf(const Part& part, std::size_t window, std::size_t rows, RowRun& all) const;
  base::Error Told(const std::string& message) const;

  std::shared_ptr<const BlockImpl> block_;
  std::shared_ptr<const BlockTombstones> tombstones_;
  std::vector<Entry> entries_;
  std::vector<Rare> rare_;
  std::vector<std::unique_ptr<Timeline>> timelines_;
  std::vector<WindowPresence> presences_;
  std::vector<RowRun> rows_;
  std::vector<StartRun> starts_;
  std::vector<std::string> warnings_;
  base::MemoryCharge charge_;
  mutable ColumnsKept columns_kept_;
};

}  // namespace baro::tsdb

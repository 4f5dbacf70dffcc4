// Series of the head that were selected, with all that reading them takes.
//
// Threads  HeadSelection is immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tsdb/head/head.h"
#include "tsdb/head/late_view.h"
#include "tsdb/merge/joined_times.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// What a group held in a time range when it was looked at. Shared by the group's series in one selection, and so are
/// its timestamps, which are decoded once.
struct GroupView {
  std::uint64_t key = 0;  // of the group, within this run
  std::vector<GroupChunkPtr> chunks;
  std::vector<RowPtr> rows;
  std::vector<std::int64_t> timestamps_ms;  // of all rows of `chunks`, then of `rows`
  bool is_increasing = false;               // strictly
  std::string error;                        // not empty: a chunk's timestamps are damaged

  bool Has(std::size_t column) const;
  std::size_t SizeBytes() const;
};

/// Samples that came singly, as far as a reader sees them.
struct SinglesView {
  std::vector<std::shared_ptr<const SingleChunk>> chunks;
  std::vector<model::Sample> tail;
  std::vector<std::shared_ptr<const HistogramChunk>> histogram_chunks;
  std::vector<HistogramSample> histograms;
};

class HeadSelection : public SeriesSelection {
 public:
  /// Looks at each series once. Shape: `series` in label order. Reads show nothing outside of the request's range.
  /// What memory could not be had for, outcome() tells.
  HeadSelection(const Head& head, std::vector<SeriesPtr> series, const SelectRequest& request, CommitNumber visible);

  /// Errors   kLimitExceeded, kUnavailable: the request's memory has no room; the selection is not to be used.
  base::Result<> outcome() const { return over_ ? base::Result<>(*over_) : base::Result<>(); }

  std::size_t size() const override { return entries_.size(); }
  const model::Labels& labels(std::size_t index) const override { return entries_[index].series->labels; }
  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override;
  std::optional<SharedTimes> AppendPlain(std::size_t index, model::TimeRange range,
                                         std::vector<double>& values) const override;

  const SeriesPtr& series(std::size_t index) const { return entries_[index].series; }

  /// Equal for series that were last written in rows together; absent if the series came singly.
  std::optional<std::uint64_t> group_key(std::size_t index) const;

 private:
  struct Source {
    std::uint32_t group = 0;  // in groups_
    std::uint32_t column = 0;
  };
  // What few series have.
  struct Rare {
    std::shared_ptr<const SinglesView> singles;           // null: none
    std::shared_ptr<const std::vector<StartRun>> starts;  // null: none
    std::size_t late = LateView::kNone;
    std::vector<HeadTombstone> tombstones;  // those that the reader sees
  };
  struct Entry {
    SeriesPtr series;
    std::uint32_t first_source = 0;
    std::uint32_t sources = 0;
    std::unique_ptr<Rare> rare;  // null: nothing of it
    const SinglesView* singles() const { return rare == nullptr ? nullptr : rare->singles.get(); }
  };
  class Viewer;

  model::TimeRange Visible(model::TimeRange range) const {
    return {.min_ms = std::max(range.min_ms, range_.min_ms), .max_ms = std::min(range.max_ms, range_.max_ms)};
  }
  std::span<const Source> SourcesOf(const Entry& entry) const {
    return std::span(sources_).subspan(entry.first_source, entry.sources);
  }
  base::Result<> ReadInOrder(const Entry& entry, model::TimeRange range, SampleColumns& columns) const;
  // Place by place, sorted in the end.
  base::Result<> ReadApart(const Entry& entry, model::TimeRange range, SampleColumns& columns) const;
  std::optional<SharedTimes> AppendWhole(const Source& source, model::TimeRange range,
                                         std::vector<double>& values) const;
  base::Result<> ReadPieces(const Source& source, model::TimeRange range, SampleColumns& columns) const;
  static base::Result<> ReadSingles(const SinglesView& singles, model::TimeRange range, SampleColumns& columns);

  // False: the memory of what is charged is not to be had, and over_ says why.
  bool Charge(std::size_t bytes);

  const model::TimeRange range_;
  LateView late_;
  std::vector<Entry> entries_;  // in label order
  std::vector<Source> sources_;
  std::vector<std::shared_ptr<const GroupView>> groups_;
  base::MemoryCharge charge_;
  std::optional<base::Error> over_;
  JoinedTimes joined_times_;
};

}  // namespace baro::tsdb

// The late samples of series that were selected.
//
// Threads  LateView is confined while it is made, then immutable. LateSelection is immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tsdb/head/head.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// Looks at series one by one, and reads what it saw.
class LateView {
 public:
  static constexpr std::size_t kNone = ~std::size_t{0};

  /// Borrows the head for as long as series are added. Shows nothing outside of `range` or behind `visible`.
  LateView(const Head& head, model::TimeRange range, CommitNumber visible)
      : head_(head), range_(range), visible_(visible) {}

  /// Returns what Read() knows the series by; kNone: it has no late samples in the range.
  std::size_t Add(const SeriesPtr& series);
  /// Fills `columns` with the samples that were not deleted; of two at one time the first one counts.
  /// Errors   kCorruption.
  base::Result<> Read(std::size_t entry, model::TimeRange range, SampleColumns& columns) const;

 private:
  // What a group had, shared by its series. Rows stand behind the chunks' rows in `timestamps_ms`.
  struct GroupRows {
    std::vector<LateRows::Chunk> chunks;
    std::vector<LateRows::Staged> rows;
    std::vector<std::int64_t> timestamps_ms;
    std::string error;  // not empty: a chunk's timestamps are damaged
  };
  struct Source {
    std::shared_ptr<const GroupRows> group;
    std::uint32_t column = 0;
  };
  struct Entry {
    std::vector<Source> sources;
    LateSingles singles;
    std::vector<HeadTombstone> tombstones;  // those that the reader sees
  };
  // Takes samples one by one and leaves out what was deleted or is not asked for.
  class Sink;

  void AddSingles(const LateSingles& singles, LateSingles& seen) const;
  const std::shared_ptr<const GroupRows>& ViewGroup(const GroupPtr& group);
  static base::Result<> ReadRows(const Source& source, Sink& sink);
  static base::Result<> ReadSingles(const LateSingles& singles, Sink& sink);

  const Head& head_;
  const model::TimeRange range_;
  const CommitNumber visible_;
  std::vector<Entry> entries_;
  std::unordered_map<const Group*, std::shared_ptr<const GroupRows>> groups_;
};

/// Late samples alone: those that are older than what the head shows else.
class LateSelection : public SeriesSelection {
 public:
  /// Shape    `series` in label order.
  LateSelection(const Head& head, std::vector<SeriesPtr> series, model::TimeRange range, CommitNumber visible,
                std::size_t limit);

  std::size_t size() const override { return entries_.size(); }
  const model::Labels& labels(std::size_t index) const override { return entries_[index].series->labels; }
  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    return view_.Read(entries_[index].late, range, columns);
  }

 private:
  struct Entry {
    SeriesPtr series;
    std::size_t late = 0;
  };
  LateView view_;
  std::vector<Entry> entries_;  // in label order
};

}  // namespace baro::tsdb

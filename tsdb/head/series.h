// A series of the head, and the samples that came to it singly.
//
// Threads  Series: what changes is guarded by the series' stripe (see head.h), but for the atomics.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "tsdb/appender.h"
#include "tsdb/head/counted_ptr.h"
#include "tsdb/head/histogram_chunk.h"
#include "tsdb/index/slot_set.h"
#include "tsdb/reader.h"
#include "tsdb/starts/start_times.h"
#include "tsdb/wal/log_writer.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {

class Group;
struct LateSingles;

/// The newest sample of a series, for the order rules. A histogram has no bits.
struct LastSample {
  std::int64_t timestamp_ms = model::kMinTimestampMs;
  std::uint64_t bits = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;
};
inline const LastSample& Later(const LastSample& a, const LastSample& b) {
  return b.timestamp_ms > a.timestamp_ms ? b : a;
}

/// Sealed samples of one series with timestamps of their own.
/// Format   an integer stream of timestamps, a value column.
struct SingleChunk {
  std::int64_t min_ms = 0;
  std::int64_t max_ms = 0;
  std::size_t count = 0;
  base::ByteBuffer bytes;
};

std::shared_ptr<const SingleChunk> MakeSingleChunk(std::span<const std::int64_t> timestamps_ms,
                                                   std::span<const double> values);
/// Appends the chunk's samples. Errors kCorruption.
base::Result<> ReadSingleChunk(const SingleChunk& chunk, std::vector<std::int64_t>& timestamps_ms,
                               std::vector<double>& values);

/// Samples that came singly: sealed ones, and a short tail that still knows its commits.
///
/// Shape    timestamps increase over chunks and tail; over sealed and open histograms too.
struct Singles {
  struct TailSample {
    std::int64_t timestamp_ms = 0;
    double value = 0;
    CommitNumber commit = 0;
  };
  struct HistogramEntry {
    HistogramSample sample;
    CommitNumber commit = 0;
  };
  std::vector<std::shared_ptr<const SingleChunk>> chunks;
  std::vector<TailSample> tail;
  std::vector<HistogramEntry> histograms;
  SealedHistograms sealed_histograms;  // before those

  // The last histogram in the log, to which the next one can be told as a difference.
  struct LastLogged {
    HistogramSample sample;  // no histogram: there is none
    std::uint64_t segment = 0;
    std::uint32_t differences = 0;  // since one that stands for itself
  };
  LastLogged last_logged;

  /// Seals what every reader may see once there is enough of it; neighbours of equal size are joined, so that chunks
  /// are few and each sample is encoded a handful of times.
  /// Returns  the newest sample that left the tail: the order rules still need it.
  std::optional<LastSample> Seal(CommitNumber visible_to_all);
  /// The same for histograms.
  std::optional<LastSample> SealHistograms(CommitNumber visible_to_all);
  void Remove(CommitNumber commit);
  /// Drops chunks, tail and histograms that end before `cutoff_ms`.
  void DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all);
  bool empty() const { return chunks.empty() && tail.empty() && histograms.empty() && sealed_histograms.empty(); }
  std::size_t SizeBytes() const;
  std::size_t HistogramBytes() const;
};

/// What a delete hides of a series: of samples that came in order those in `range` up to `in_order_max_ms`, which was
/// the newest one then; of late samples those in `range` that came in earlier epochs.
struct HeadTombstone {
  model::TimeRange range;
  std::int64_t in_order_max_ms = model::kMinTimestampMs;
  CommitNumber commit = 0;  ///< readers that do not see it see the samples
  std::uint32_t epoch = 0;  ///< the delete's own

  bool HidesInOrder(std::int64_t timestamp_ms) const {
    return range.Contains(timestamp_ms) && timestamp_ms <= in_order_max_ms;
  }
};

/// A series of the head: small, for there are millions. What only some series have stands apart.
struct Series {
  /// Where samples of the series are: a column of a group.
  struct Place {
    CountedPtr<Group> group;
    std::uint32_t column = 0;
  };

  Series(SeriesRef ref_in, model::Labels labels_in, LogSeriesId log_id_in);
  ~Series();
  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  /// Where it stands in the head's table.
  Slot slot() const { return static_cast<Slot>((static_cast<std::uint64_t>(ref) & 0xffffffff) - 1); }

  mutable std::atomic<std::uint32_t> references{0};  // CountedPtr's
  std::atomic<std::uint32_t> pins{0};  // appenders that will write to it; relaxed: ordered by the table's locks
  const SeriesRef ref;
  const model::Labels labels;
  LogSeriesId log_id;  // changes during replay only

  // Guarded by the series' stripe. `home` changes under the head's moves mutex too.
  CountedPtr<Group> home;  // the group whose rows it is in at present; null: it gets samples singly
  std::uint32_t home_column = 0;
  std::atomic<bool> is_logged{false};  // relaxed: read and written under the lock of the series' home

  // What follows asks for the stripe to be held.

  /// False: there is nothing of what follows.
  bool has_more() const { return more_ != nullptr; }

  /// Null: none ever came singly, or they have left.
  Singles* singles() const { return more_ == nullptr ? nullptr : more_->singles.get(); }
  Singles& MakeSingles();

  /// Null: none came late and singly, or they have left.
  LateSingles* late() const { return more_ == nullptr ? nullptr : more_->late.get(); }
  LateSingles& MakeLate();
  void DropEmptyLate();

  std::span<const HeadTombstone> tombstones() const {
    return more_ == nullptr ? std::span<const HeadTombstone>() : std::span<const HeadTombstone>(more_->tombstones);
  }
  void AddTombstone(const HeadTombstone& tombstone) { MakeMore().tombstones.push_back(tombstone); }

  /// Drops singles of before, and the memory of what has nothing to tell any more.
  /// `has_late`: it has late samples, singly or in rows.
  void DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all, bool has_late);

  /// The newest sample that is neither in the home nor in the singles' tail.
  LastSample floor() const { return more_ == nullptr ? LastSample() : more_->floor; }
  void RaiseFloor(const LastSample& last);

  /// Groups beside the home that may hold samples of it.
  std::span<const Place> places() const {
    return more_ == nullptr ? std::span<const Place>() : std::span<const Place>(more_->places);
  }
  /// The home is one place among others from now on.
  void LeaveHome();
  /// The column that it has in the group from an earlier stay; absent: none.
  std::optional<std::uint32_t> TakePlace(const Group& group);
  /// There are samples of it in that column, beside what is at home.
  void AddPlace(const CountedPtr<Group>& group, std::uint32_t column);
  void RemovePlace(const Group& group, std::uint32_t column);
  /// Forgets places that `is_empty(place)` says hold nothing.
  template <typename IsEmpty>
  void DropPlaces(const IsEmpty& is_empty) {
    if (more_ != nullptr) std::erase_if(more_->places, is_empty);
  }

  /// The newest sample that came singly or was there before.
  LastSample LastSingle() const;

  /// Seals singles that every reader may see.
  void SealSingles(CommitNumber visible_to_all);

  /// Since when its samples count. Null: nobody ever said, or it is not known any more.
  StartTimes* starts() const { return more_ == nullptr ? nullptr : more_->starts.get(); }
  StartTimes& MakeStarts();

  /// Of all that is not counted as singles.
  std::size_t SizeBytes() const;

 private:
  // Of series that have moved, or whose samples come singly.
  struct More {
    std::vector<Place> places;
    LastSample floor;
    std::unique_ptr<Singles> singles;
    std::unique_ptr<StartTimes> starts;
    std::unique_ptr<LateSingles> late;
    std::vector<HeadTombstone> tombstones;
    More();
    ~More();
  };
  More& MakeMore();

  std::unique_ptr<More> more_;
};

using SeriesPtr = CountedPtr<Series>;

/// What the order rules say of a sample behind `last`.
SampleStatus Judge(const LastSample& last, std::int64_t timestamp_ms, std::uint64_t bits);
SampleStatus Judge(const LastSample& last, std::int64_t timestamp_ms, const model::FloatHistogram& histogram);

}  // namespace baro::tsdb

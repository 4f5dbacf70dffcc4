// Late samples: those that are older than their series' newest one, but within the window for samples out of order.
//
// They stand beside the samples that came in order and never among them, so the fast path knows nothing of them. At
// one time that of a sample which came in order counts, then that of the late one which came first.
//
// Source   Rules: Prometheus 3.14, out-of-order head chunks: a late sample whose time is taken among the staged late
//          ones is dropped silently; whether it is taken elsewhere is not looked for.
// Threads  LateRows is guarded by its group's mutex, LateSingles by its series' stripe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tsdb/head/group_chunk.h"
#include "tsdb/head/series.h"

namespace baro::tsdb {

/// How many deletes the head has seen. A delete hides the late samples of earlier epochs.
using DeleteEpoch = std::uint32_t;

/// What a cut has written: late samples before `until_ms` of commits up to `commit`.
struct LateCut {
  std::int64_t until_ms = model::kMinTimestampMs;
  CommitNumber commit = 0;
};

/// Late rows of a group.
struct LateRows {
  struct Staged {
    RowPtr row;
    DeleteEpoch epoch = 0;
  };
  struct Chunk {
    GroupChunkPtr rows;
    CommitNumber newest_commit = 0;
    DeleteEpoch epoch = 0;
    std::size_t samples = 0;
  };
  std::vector<Chunk> chunks;   ///< in the order in which they were sealed; their times may overlap
  std::vector<Staged> staged;  ///< by time

  void Link(RowPtr row, DeleteEpoch epoch);
  void Unlink(CommitNumber commit);
  /// Whether a staged row is of that time.
  bool HasStaged(std::int64_t timestamp_ms) const;
  /// Whether a staged row of the epoch has a sample of the column at that time.
  bool IsTaken(std::uint32_t column, std::int64_t timestamp_ms, DeleteEpoch epoch) const;
  /// Whether the column has a sample here.
  bool Has(std::uint32_t column) const;
  /// Seals rows of one block range that every reader may see, if there are enough of them (`all`: however few).
  void Seal(CommitNumber visible_to_all, std::int64_t range_ms, bool all);
  /// Not more than the least time that is not before `from_ms`, and not before that.
  std::int64_t MinFrom(std::int64_t from_ms) const;
  /// Drops what a cut has written. Returns how many samples went. Shape  no chunk crosses `cut.until_ms`.
  std::size_t Drop(const LateCut& cut);
  bool empty() const { return chunks.empty() && staged.empty(); }
  std::size_t SizeBytes() const;
};

/// Late samples of a series that came singly.
struct LateSingles {
  struct Chunk {
    std::shared_ptr<const SingleChunk> samples;
    CommitNumber newest_commit = 0;
    DeleteEpoch epoch = 0;
  };
  struct Sample {
    std::int64_t timestamp_ms = 0;
    double value = 0;
    CommitNumber commit = 0;
    DeleteEpoch epoch = 0;
  };
  struct Histogram {
    HistogramSample sample;
    CommitNumber commit = 0;
    DeleteEpoch epoch = 0;
  };
  std::vector<Chunk> chunks;          ///< in the order in which they were sealed; their times may overlap
  std::vector<Sample> tail;           ///< by time
  std::vector<Histogram> histograms;  ///< by time

  /// Whether a sample or histogram of that time and epoch is in tail or histograms.
  bool IsTaken(std::int64_t timestamp_ms, DeleteEpoch epoch) const;
  void Insert(const Sample& sample);
  void Insert(Histogram histogram);
  /// Seals what every reader may see once there is enough of it.
  void Seal(CommitNumber visible_to_all);
  void Remove(CommitNumber commit);
  /// Not more than the least time that is not before `from_ms`, and not before that.
  std::int64_t MinFrom(std::int64_t from_ms) const;
  /// Drops what a cut has written. Returns how many samples went.
  std::size_t Drop(const LateCut& cut);
  bool empty() const { return chunks.empty() && tail.empty() && histograms.empty(); }
  std::size_t SizeBytes() const;
};

}  // namespace baro::tsdb

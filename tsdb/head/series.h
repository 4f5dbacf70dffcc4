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
#include "tsdb/index/slot_set.h"
#include "tsdb/reader.h"
#include "tsdb/wal/log_writer.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {

class Group;

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
/// Shape    timestamps increase over chunks and tail; `histograms` by time too.
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

  /// Seals what every reader may see once there is enough of it; neighbours of equal size are joined, so that chunks
  /// are few and each sample is encoded a handful of times.
  /// Returns  the newest sample that left the tail: the order rules still need it.
  std::optional<LastSample> Seal(CommitNumber visible_to_all);
  void Remove(CommitNumber commit);
  /// Drops chunks, tail and histograms that end before `cutoff_ms`.
  void DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all);
  bool empty() const { return chunks.empty() && tail.empty() && histograms.empty(); }
  std::size_t SizeBytes() const;
  std::size_t HistogramBytes() const;
};

struct Series {
  struct Place {
    std::shared_ptr<Group> group;
    std::uint32_t column = 0;
  };

  Series(SeriesRef ref_in, Slot slot_in, model::Labels labels_in, LogSeriesId log_id_in)
      : ref(ref_in), slot(slot_in), labels(std::move(labels_in)), log_id(log_id_in) {}

  const SeriesRef ref;
  const Slot slot;
  const model::Labels labels;
  LogSeriesId log_id;                  // changes during replay only
  std::atomic<bool> is_logged{false};  // relaxed: read and written under the lock of the series' home
  std::atomic<std::uint32_t> pins{0};  // appenders that will write to it; relaxed: ordered by the table's locks

  // Guarded by the series' stripe. `home` changes under the head's moves mutex too.
  std::shared_ptr<Group> home;  // the group whose rows it is in at present; null: it gets samples singly
  std::uint32_t home_column = 0;
  std::vector<Place> places;  // all groups that hold samples of it
  LastSample floor;           // newest sample that is not in the home and not in the singles' tail
  std::unique_ptr<Singles> singles;

  /// The newest sample that came singly or was there before. Shape: the stripe is held.
  LastSample LastSingle() const;

  /// Seals singles that every reader may see. Shape: the stripe is held.
  void SealSingles(CommitNumber visible_to_all);
};

using SeriesPtr = std::shared_ptr<Series>;

/// What the order rules say of a sample behind `last`.
SampleStatus Judge(const LastSample& last, std::int64_t timestamp_ms, std::uint64_t bits);
SampleStatus Judge(const LastSample& last, std::int64_t timestamp_ms, const model::FloatHistogram& histogram);

}  // namespace baro::tsdb

// Since when a series counts, over time: changes only.
//
// Threads  Confined: guarded by whoever has it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tsdb/reader.h"

namespace baro::tsdb {

/// From `from_ms` on samples count since `start_ms`; 0: that is not known.
struct StartRun {
  std::int64_t from_ms = 0;
  std::int64_t start_ms = 0;

  friend bool operator==(const StartRun&, const StartRun&) = default;
};

/// What holds at a time among runs that ascend; 0 before the first.
std::int64_t StartAt(std::span<const StartRun> runs, std::int64_t timestamp_ms);

/// The start of each timestamp. Shape    timestamps ascend; equal lengths.
void FillStarts(std::span<const StartRun> runs, std::span<const std::int64_t> timestamps_ms,
                std::span<std::int64_t> starts_ms);

/// Gives the samples that are published in `columns` the starts that hold at their times. Nothing if none has one.
void AddStarts(std::span<const StartRun> runs, SampleColumns& columns);

/// The starts of all samples in `columns`, as runs.
std::vector<StartRun> RunsOf(const SampleColumns& columns);

/// A function of time that is constant between changes.
///
/// Shape    runs ascend by `from_ms`. Neighbours may be equal: a change that changes nothing still ends the one before.
class StartTimes {
 public:
  std::span<const StartRun> runs() const { return runs_; }
  bool empty() const { return runs_.empty(); }

  /// From that time up to the next change.
  void Put(std::int64_t from_ms, std::int64_t start_ms);
  /// At that time alone.
  void PutOnce(std::int64_t timestamp_ms, std::int64_t start_ms);

  /// What a failed commit said is out again, but perhaps not all of what it changed is as it was: the next change is to
  /// be written down even if it seems to be none.
  bool is_in_doubt() const { return is_in_doubt_; }
  void set_in_doubt(bool is_in_doubt) { is_in_doubt_ = is_in_doubt; }

  /// Forgets what only earlier times ask for.
  void DropBefore(std::int64_t cutoff_ms);

  std::size_t SizeBytes() const { return runs_.capacity() * sizeof(StartRun) + sizeof(StartTimes); }

 private:
  std::vector<StartRun> runs_;
  bool is_in_doubt_ = false;
};

}  // namespace baro::tsdb

// Makes commits durable: one write and one sync for all who wait (group commit).
//
// Whoever waits first does the work for everybody that has queued up meanwhile; there is no thread to wake. Commits are
// numbered in the order in which they stand in the log; the number of the last written one is what readers may see.
//
// Format   docs/formats/log.md.
// Source   A failed sync may drop the dirty pages, and the next one then succeeds: a file whose sync failed is left
//          behind, and what was not synced is written again into a new one. Rebello et al., "Can Applications Recover
//          from fsync Failures?", USENIX ATC 2020.
// Threads  Safe to share. `mutex_` is a leaf and never held during file work; `is_busy_` says who has the file.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/wal/segment.h"

namespace baro::tsdb {

/// The place of a commit in the log. 0: from before this run.
using CommitNumber = std::uint64_t;

/// A segment that lies on disk.
struct SegmentInfo {
  std::uint64_t segment = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t time_max_ms = model::kMinTimestampMs;  ///< of its samples
  bool continues = false;                             ///< cannot be kept without the one before
};

class LogWriter {
 public:
  struct Options {
    std::string directory;
    std::uint64_t segment_bytes = std::uint64_t{128} << 20;
    std::uint64_t next_segment = 1;
    std::uint64_t previous = 0;      ///< the last segment of the run before, 0 if none
    std::uint64_t previous_end = 0;  ///< how much of it is good
    std::vector<SegmentInfo> segments;
  };

  /// No file is made before the first commit.
  LogWriter(base::FileSystem& files, const base::Clock& clock, base::Logger log, Options options);

  /// Commits queued now go to this segment: a group's first row in it must stand for itself.
  std::uint64_t queue_segment() const { return queue_segment_.load(std::memory_order_acquire); }

  /// Queues a commit and numbers it. Cheap: the caller holds the locks of what it commits, so that order in the log and
  /// in memory agree. Every number that was given must be waited for.
  /// `segment`: what queue_segment() said when the payload was built; absent result: it has moved on, build it again.
  /// Errors   kNoSpace, kIo: the log takes nothing at present. kUnavailable: it is closed.
  base::Result<std::optional<CommitNumber>> Enqueue(base::ByteBuffer payload, std::uint64_t segment,
                                                    std::int64_t time_max_ms);

  /// Returns when the commit is written; with `synced`, when it is on disk.
  struct Outcome {
    bool is_written = false;  ///< false: it is not in the log, take it back and call TakenBack()
    base::Result<> result;    ///< an error with `is_written`: visible, but perhaps not durable
  };
  Outcome Wait(CommitNumber number, bool synced);

  /// A commit that was not written is out of memory again. New ones are taken when all are.
  void TakenBack();

  /// The last commit that is written: readers may see all up to it.
  CommitNumber written() const { return written_.load(std::memory_order_acquire); }

  /// Returns when no commit is queued that was queued before: each is written, or will be taken back.
  void WriteQueue();

  /// Makes all that is written durable. Errors as Wait().
  base::Result<> Sync();

  /// If the log has failed, tries to write again, but not more often than once a second.
  void TryToRecover();

  /// Absent: all is well. Otherwise why nothing is taken.
  std::optional<base::Error> failure() const;

  std::vector<SegmentInfo> segments() const;
  /// Segments below this one have been removed.
  void ForgetSegmentsBefore(std::uint64_t segment);
  /// The next commit begins a new segment.
  void StartNewSegment();
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

  /// Syncs and refuses everything afterwards.
  base::Result<> Close();

 private:
  struct Entry {
    CommitNumber number = 0;
    std::uint64_t segment = 0;
    std::int64_t time_max_ms = 0;
    base::ByteBuffer payload;
  };
  struct FailedRange {
    CommitNumber first = 0;
    CommitNumber last = 0;
    base::Error error;
  };
  // The file being written and how far it is good. Touched by whoever is busy.
  struct OpenFile {
    std::unique_ptr<base::WritableFile> file;
    std::uint64_t segment = 0;
    std::uint64_t written_end = 0;
    std::uint64_t synced_end = 0;
    bool is_sync_lost = false;
  };

  void TakeFile() BARO_THREAD_ANNOTATION(release_capability(mutex_));
  void LetFileGo() BARO_THREAD_ANNOTATION(acquire_capability(mutex_));
  void WriteQueued() BARO_REQUIRES(mutex_);
  void SyncWritten() BARO_REQUIRES(mutex_);
  void Fail(base::Error error) BARO_REQUIRES(mutex_);
  const FailedRange* FindFailed(CommitNumber number) const BARO_REQUIRES(mutex_);
  void NoteWritten(const std::vector<Entry>& batch, std::uint64_t bytes) BARO_REQUIRES(mutex_);

  // File work, by whoever is busy.
  base::Result<> WriteBatch(const std::vector<Entry>& batch);
  base::Result<> OpenSegment(std::uint64_t segment);
  base::Result<> FillSegment(base::WritableFile& file, const SegmentHeader& header, std::uint64_t& end);
  base::Result<> SyncFile();
  std::string PathOf(std::uint64_t segment) const;

  base::FileSystem& files_;
  const base::Clock& clock_;
  const base::Logger log_;
  const std::string directory_;
  const std::uint64_t segment_bytes_;

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  bool is_busy_ BARO_GUARDED_BY(mutex_) = false;
  bool is_closed_ BARO_GUARDED_BY(mutex_) = false;
  std::deque<Entry> queue_ BARO_GUARDED_BY(mutex_);
  std::uint64_t queue_segment_bytes_ BARO_GUARDED_BY(mutex_) = 0;
  CommitNumber last_number_ BARO_GUARDED_BY(mutex_) = 0;
  CommitNumber synced_ BARO_GUARDED_BY(mutex_) = 0;
  std::optional<base::Error> failure_ BARO_GUARDED_BY(mutex_);
  std::vector<FailedRange> failed_ BARO_GUARDED_BY(mutex_);
  std::uint64_t not_taken_back_ BARO_GUARDED_BY(mutex_) = 0;
  base::MonotonicTime next_recovery_ BARO_GUARDED_BY(mutex_){};
  std::vector<SegmentInfo> segments_ BARO_GUARDED_BY(mutex_);

  // Written, not yet synced: written again elsewhere if the sync fails. Touched by whoever is busy.
  std::deque<Entry> unsynced_;
  std::uint64_t unsynced_bytes_ = 0;
  OpenFile open_;

  std::atomic<std::uint64_t> queue_segment_;  // written under mutex_; acquire pairs with it for the payload's builder
  std::atomic<CommitNumber> written_{0};      // release after staging and writing: who sees it sees the rows
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace baro::tsdb

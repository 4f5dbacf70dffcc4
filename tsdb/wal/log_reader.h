// Reading a log back: the checkpoint, then the segments behind it, whatever state they are in.
//
// Format   docs/formats/log.md, sections 5 and 6.
// Threads  Functions; one caller at a time per directory.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_system.h"
#include "base/log.h"
#include "base/result.h"
#include "tsdb/storage.h"
#include "tsdb/wal/log_writer.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {

/// Receives a log's records.
class ReplayVisitor : public RecordVisitor {
 public:
  /// The greatest sample time since the last call.
  virtual std::int64_t TakeTimeMax() = 0;
  /// What follows is of that segment.
  virtual void OnSegment(std::uint64_t /*segment*/) {}
  /// Something between what came before and what comes next is missing. `what` says so in words, with the file.
  virtual void OnDamage(const std::string& /*what*/) {}
};

/// What replay found.
struct ReplayedLog {
  std::uint64_t next_segment = 1;
  std::uint64_t previous = 0;      ///< the last segment, 0 if there is none
  std::uint64_t previous_end = 0;  ///< behind its last good frame
  std::vector<SegmentInfo> segments;
  std::uint64_t corruptions = 0;  ///< places that were damaged, each named in the log; a torn tail is none
  std::string unread;             ///< what could not be read, but may be at a later start, and why; empty: nothing
};

/// Visits all that the log in `directory` holds. Damage is passed over, named and counted.
/// Errors   kIo, kPermissionDenied: the directory cannot be listed.
base::Result<ReplayedLog> ReplayLog(base::FileSystem& files, const std::string& directory, const base::Logger& log,
                                    ReplayProgress* progress, ReplayVisitor& visitor);

}  // namespace baro::tsdb

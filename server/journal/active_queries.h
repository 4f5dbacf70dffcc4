// Which queries run, on disk: who starts after a crash can tell what was running then.
//
// Format   docs/formats/running-queries.md, version 1.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"

namespace baro::server {

/// A query as it is written down.
struct RunningQuery {
  std::int64_t began_ms = 0;  ///< Unix time
  std::int64_t start_ms = 0;  ///< of its range; of an instant query start = end and step = 0
  std::int64_t end_ms = 0;
  std::int64_t step_ms = 0;
  std::uint64_t text_bytes = 0;  ///< of the whole query, of which `text` may be the beginning only
  std::string client;            ///< who asked: an address without blanks, or "-"
  std::string text;

  friend bool operator==(const RunningQuery&, const RunningQuery&) = default;
};

/// What a file of running queries tells; what comes behind a damaged place is left out.
/// Errors   kCorruption: it is none, or of another version.
base::Result<std::vector<RunningQuery>> ReadRunningQueries(std::string_view bytes);

/// Writes down when queries begin and end, without waiting for the disk: what was written survives the process, though
/// not the machine.
///
/// Threads  Safe to share. The mutex is a leaf but for the file.
/// Owns     the file. Borrows files and clock, which outlive it.
class ActiveQueries {
 public:
  static constexpr std::size_t kTextBytesMax = 4096;  ///< of a query are written down

  /// Reads what the last process left at `path`, and begins the file anew. A file that cannot be read or written is
  /// logged, and then nothing is written down: queries do not depend on it.
  ActiveQueries(base::FileSystem& files, std::string path, const base::Clock& clock, base::Logger log);

  /// What was running when the last process ended without saying so.
  const std::vector<RunningQuery>& unfinished() const { return unfinished_; }

  /// `query`: began_ms is filled in, text is cut. Returns its number for End().
  std::uint64_t Begin(RunningQuery query);
  void End(std::uint64_t number);

  /// What runs now, the oldest first.
  std::vector<RunningQuery> Running() const;

 private:
  void ReadOld();
  /// Replaces the file by one that has what runs.
  void Rewrite() BARO_REQUIRES(mutex_);
  void Append(std::string_view record) BARO_REQUIRES(mutex_);
  void GiveUp(const base::Error& error) BARO_REQUIRES(mutex_);

  base::FileSystem& files_;
  const std::string path_;
  const base::Clock& clock_;
  const base::Logger log_;
  std::vector<RunningQuery> unfinished_;
  mutable base::Mutex mutex_;
  std::unique_ptr<base::WritableFile> file_ BARO_GUARDED_BY(mutex_);  // null: nothing is written down
  std::uint64_t rewrite_at_bytes_ BARO_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ BARO_GUARDED_BY(mutex_) = 1;
  std::map<std::uint64_t, RunningQuery> running_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::server

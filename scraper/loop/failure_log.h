// Files with a line of JSON for each scrape that failed.
//
// Format   `{"time":"2026-11-23T06:00:00.123Z","level":"ERROR","msg":"<error>","job_name":"<job>","target":"<URL>"}`,
//          as Prometheus' `scrape_failure_log_file` has it but for the place in its source.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"

namespace baro::scraper {

/// Threads  Safe to share. The mutex is a leaf but for the files, which are not waited for to be durable.
/// Owns     the files. Borrows the rest, which outlives it.
class FailureLog {
 public:
  using Files = std::map<std::string, std::unique_ptr<base::WritableFile>>;

  FailureLog(base::FileSystem& files, const base::Clock& clock, base::Logger log)
      : files_(files), clock_(clock), log_(std::move(log)) {}

  /// Opens files at their ends; those that are in use too: who rotates logs renames them and reloads.
  /// Errors   one cannot be opened; its path is in the message.
  base::Result<Files> Open(const std::set<std::string>& paths) const;
  /// Writes to these from here on.
  void Use(Files files);

  struct Failure {
    std::string_view job_name;
    std::string_view target;  ///< its URL
    std::string_view error;
  };
  /// Does nothing if the file at `path` is not in use. The first line that cannot be written is logged.
  void Write(const std::string& path, const Failure& failure);

 private:
  base::FileSystem& files_;
  const base::Clock& clock_;
  const base::Logger log_;
  base::Mutex mutex_;
  Files open_ BARO_GUARDED_BY(mutex_);
  bool is_failing_ BARO_GUARDED_BY(mutex_) = false;
};

}  // namespace baro::scraper

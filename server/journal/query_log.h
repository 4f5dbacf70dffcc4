// The query log: a line of JSON for each query that was evaluated.
//
// Format   https://prometheus.io/docs/guides/query-log/; as Prometheus 3.14 writes it, see docs/queries.md.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "query/engine.h"

namespace baro::server {

/// One line, with its end. `error`: null if there was an answer.
std::string QueryLogLine(base::WallTime now, const query::QueryRequest& request, const query::QueryOrigin& origin,
                         const query::QueryStats& stats, const base::Error* error);

/// Threads  Safe to share. The mutex is a leaf but for the file, which is not waited for to be durable.
/// Owns     the file. Borrows the rest, which outlives it.
class QueryLog {
 public:
  QueryLog(base::FileSystem& files, const base::Clock& clock, base::Registry& registry, base::Logger log);

  /// The file at `path`, for writing to its end; null for "". It is opened anew also if it is the one in use: who
  /// rotates logs renames it and reloads.
  /// Errors   it cannot be opened.
  base::Result<std::unique_ptr<base::WritableFile>> OpenFile(const std::string& path);
  /// Writes to `file`, which was opened at `path`, from here on; to none if it is null.
  void Use(std::unique_ptr<base::WritableFile> file, const std::string& path);

  /// Does nothing while there is no file. A line that cannot be written is counted, and the first one logged.
  void Write(const query::QueryRequest& request, const query::QueryOrigin& origin, const query::QueryStats& stats,
             const base::Error* error);

 private:
  base::FileSystem& files_;
  const base::Clock& clock_;
  const base::Logger log_;
  base::Gauge& enabled_;
  base::Counter& failures_total_;
  base::Mutex mutex_;
  std::unique_ptr<base::WritableFile> file_ BARO_GUARDED_BY(mutex_);  // null: off
  std::string path_ BARO_GUARDED_BY(mutex_);
  bool is_failing_ BARO_GUARDED_BY(mutex_) = false;
};

}  // namespace baro::server

// The data directory of a Barograph server, as one history, for tools: nothing in it is changed.
//
//     const auto directory = BARO_TRY(BarographDirectory::Open(files, "data", {}, cancel));
//     const auto reader = directory->OpenReader();     // as the server's queries see it
//
// The server may run: what its log had on the disk is read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/barograph_block.h"
#include "tsdb/prometheus_block.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

struct BarographDirectoryOptions {
  /// Read the log, too. It takes the time and the memory of a server's start. Without it the reader shows blocks only.
  bool with_head = true;
};

/// Threads  Immutable; safe to share.
class BarographDirectory : public ReaderSource {
 public:
  /// Blocks that cannot be opened are left out and told by warnings().
  /// Errors   kNotFound: no such directory; kCancelled; those of Storage::Open() but kUnavailable.
  static base::Result<std::shared_ptr<const BarographDirectory>> Open(base::FileSystem& files, const std::string& path,
                                                                      const BarographDirectoryOptions& options,
                                                                      const base::CancelToken& cancel);
  ~BarographDirectory() override;

  /// By their first time.
  const std::vector<std::shared_ptr<const BarographBlock>>& blocks() const { return blocks_; }

  /// Blocks of Prometheus that the directory has, too, by their first time.
  const std::vector<std::shared_ptr<const PrometheusBlock>>& prometheus_blocks() const { return prometheus_blocks_; }

  /// Of what the log has; empty: nothing, or it was not asked for.
  model::TimeRange head_extent() const { return head_extent_; }

  const std::vector<std::string>& warnings() const { return warnings_; }

  std::unique_ptr<Reader> OpenReader() const override;

 private:
  struct Opened;  // a store over a file system that keeps changes to itself
  BarographDirectory();

  base::Result<> LoadBlocks(base::FileSystem& files, const std::string& path, const base::CancelToken& cancel);
  base::Result<> LoadStore(base::FileSystem& files, const std::string& path);

  std::vector<std::shared_ptr<const BarographBlock>> blocks_;
  std::vector<std::shared_ptr<const PrometheusBlock>> prometheus_blocks_;
  std::vector<std::string> warnings_;
  model::TimeRange head_extent_{.min_ms = 0, .max_ms = -1};
  std::shared_ptr<Opened> opened_;  // null: blocks only
};

/// Whether `path` looks like the data directory of a Barograph server: it has our blocks or our log.
base::Result<bool> IsBarographDirectory(base::FileSystem& files, const std::string& path);

/// Whether `path` looks like one block of ours.
base::Result<bool> IsBarographBlock(base::FileSystem& files, const std::string& path);

}  // namespace baro::tsdb

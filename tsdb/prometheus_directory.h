// The data directory of a Prometheus server, as one history: its blocks and what its logs hold.
//
//     const auto directory = BARO_TRY(PrometheusDirectory::Open(files, "/var/lib/prometheus/data", {}, cancel));
//     const auto reader = directory->OpenReader();     // blocks and head, merged
//
// No file is changed. The server may run: blocks are immutable, and of the logs what had reached the disk is read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/prometheus_block.h"
#include "tsdb/prometheus_head.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

struct PrometheusDirectoryOptions {
  bool with_head = true;  ///< read the logs, too; a directory without any is fine
  std::size_t head_bytes_max = std::size_t{4} << 30;
  PrometheusBlockLimits block_limits;
};

/// Threads  Immutable; safe to share.
class PrometheusDirectory : public ReaderSource {
 public:
  /// A block that cannot be opened is left out and told by warnings(), unless another block was made of it.
  /// Errors   kNotFound: no such directory; those of PrometheusHead::Load().
  static base::Result<std::shared_ptr<const PrometheusDirectory>> Open(base::FileSystem& files, const std::string& path,
                                                                       const PrometheusDirectoryOptions& options,
                                                                       const base::CancelToken& cancel);

  /// By their first time. They may overlap.
  const std::vector<std::shared_ptr<const PrometheusBlock>>& blocks() const { return blocks_; }

  /// Null: there is no log, or it was not asked for.
  const std::shared_ptr<const PrometheusHead>& head() const { return head_; }

  /// What could not be read. Selections of readers have them, too.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Of samples at one time in several places, that of the head, then of the block that begins last, counts.
  std::unique_ptr<Reader> OpenReader() const override;

 private:
  PrometheusDirectory() = default;

  std::vector<std::shared_ptr<const PrometheusBlock>> blocks_;
  std::shared_ptr<const PrometheusHead> head_;
  std::vector<std::string> warnings_;
};

/// Whether `path` looks like the data directory of a Prometheus server: blocks of its kind, or its `chunks_head`.
base::Result<bool> IsPrometheusDirectory(base::FileSystem& files, const std::string& path);

}  // namespace baro::tsdb

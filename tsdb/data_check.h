// Looks through a data directory for damage, and saves what can be saved.
//
//     const DataCheck check = BARO_TRY(CheckDataDirectory(files, "data", {}, cancel));
//     for (const DataFinding& finding : check.findings) ...
//
// Everything that has a checksum is read: our log and its checkpoint, our blocks, Prometheus' blocks and its logs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block/ulid.h"

namespace baro::tsdb {

/// One damaged place, or several of one kind.
struct DataFinding {
  std::string where;         ///< the file or block, below the directory
  std::string what;          ///< in words, with the offset
  model::TimeRange range;    ///< samples of this time may be missing
  std::uint64_t series = 0;  ///< of about so many series; 0: not known
  std::string repair;        ///< what was done about it; empty: nothing
};

struct DataCheck {
  std::vector<DataFinding> findings;
  std::uint64_t blocks = 0;  ///< ours, opened
  std::uint64_t prometheus_blocks = 0;
  std::uint64_t log_segments = 0;
  std::uint64_t log_series = 0;
  std::uint64_t log_samples = 0;
  bool has_prometheus_log = false;
};

struct DataCheckOptions {
  /// Blocks of ours are written anew without what is damaged, and the old ones go to `quarantine/`; of Prometheus'
  /// blocks the rest becomes a block of ours, and their files stay; what a damaged log of ours holds becomes blocks,
  /// and the log goes to `quarantine/`, with the exemplars and descriptions that it has.
  bool is_repairing = false;
  std::function<Ulid()> new_ulid;  ///< names of what a repair writes; needed for it
};

/// Errors   kNotFound, kUnsupported: no data directory. kUnavailable: a repair, and a server has the directory.
///          kCancelled; file errors.
/// Cost     Reads all there is. Memory: that of a server's start.
base::Result<DataCheck> CheckDataDirectory(base::FileSystem& files, const std::string& path,
                                           const DataCheckOptions& options, const base::CancelToken& cancel);

}  // namespace baro::tsdb

// What `barotool tsdb` works on: blocks and one reader over all, whatever wrote them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/reader.h"
#include "tsdb/stored_block.h"

namespace baro::cli {

struct TsdbSource {
  std::vector<std::shared_ptr<const tsdb::StoredBlock>> blocks;  ///< by their first time
  std::unique_ptr<tsdb::Reader> reader;                          ///< over the blocks, and the head if it was asked for
  model::TimeRange extent{.min_ms = 0, .max_ms = -1};            ///< no sample lies outside; empty: there is none
  std::vector<std::string> warnings;                             ///< what could not be read
  std::shared_ptr<const void> owner;                             ///< what the reader borrows
};

/// Which parts are needed.
enum class TsdbParts { kBlocks, kBlocksAndHead };

/// Opens a data directory, or one block.
/// Errors   kNotFound, kUnsupported: no kind of directory that is known; those of the format's reader.
base::Result<TsdbSource> OpenTsdb(base::FileSystem& files, const std::string& path, TsdbParts parts,
                                  const base::CancelToken& cancel);

}  // namespace baro::cli

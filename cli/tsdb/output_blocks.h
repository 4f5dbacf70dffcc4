// Blocks that a command makes in a data directory of ours.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "cli/commands.h"
#include "model/labels.h"
#include "tsdb/block_import.h"
#include "tsdb/memory_reader.h"

namespace baro::cli {

/// The range of blocks that commands make, Prometheus' too.
inline constexpr std::int64_t kOutputBlockMs = 7'200'000;

/// `time_ms` down to a multiple of kOutputBlockMs.
std::int64_t OutputBlockBegin(std::int64_t time_ms);

/// A data directory that blocks are written to. A server may run in it: it finds them. If none runs, none can start as
/// long as this lives, because it would take blocks that are being written for leftovers.
///
/// Threads  Confined.
class OutputDirectory {
 public:
  /// Makes it if it is not there, and removes what an earlier command left unfinished, unless somebody has the
  /// directory.
  static base::Result<OutputDirectory> Open(base::FileSystem& files, const std::string& path);

  const std::string& path() const { return path_; }
  std::string blocks_path() const { return path_ + "/blocks"; }
  static tsdb::Ulid NewUlid();

  /// Blocks that are there.
  base::Result<std::vector<tsdb::BlockMeta>> Metas() const;

 private:
  OutputDirectory(base::FileSystem& files, std::string path) : files_(&files), path_(std::move(path)) {}

  base::FileSystem* files_;
  std::string path_;
  std::unique_ptr<base::FileLock> lock_;  // null: a server has it
};

/// Samples of any order, series by series, that become one block.
///
/// Threads  Confined.
class SampleHeap {
 public:
  void Add(const model::Labels& labels, model::Sample sample) {
    series_[labels].push_back(sample);
    ++samples_;
  }
  std::size_t samples() const { return samples_; }

  /// Sorts, drops what repeats, and empties itself.
  /// Errors   kInvalidArgument: two values of a series at one time.
  base::Result<std::vector<tsdb::LiteralSeries>> Take();

 private:
  std::map<model::Labels, std::vector<model::Sample>> series_;
  std::size_t samples_ = 0;
};

/// Writes the series as blocks of kOutputBlockMs, and prints a line for each, under a head if it is the first.
/// Errors   as tsdb::WriteBlocksOf().
struct PrintOptions {
  bool is_quiet = false;
  bool is_human_readable = false;
};
base::Result<> WriteAndPrint(base::FileSystem& files, const OutputDirectory& output,
                             std::vector<tsdb::LiteralSeries> series, model::TimeRange range, PrintOptions print,
                             bool& has_head, Terminal terminal);

}  // namespace baro::cli

// `barotool tsdb`: looks into data directories and blocks. Output has promtool's forms.
//
// Threads  Confined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "model/sample.h"

namespace baro::cli {

/// `tsdb list [-r] [PATH]`: a line for each block.
int ListBlocks(const std::string& path, bool is_human_readable, Terminal terminal);

/// What `tsdb dump` and `tsdb dump-openmetrics` are asked for.
struct DumpRequest {
  enum class Format { kPrometheus, kSeriesJson, kOpenMetrics };

  std::string path;
  std::int64_t min_time_ms = model::kMinTimestampMs;
  std::int64_t max_time_ms = model::kMaxTimestampMs;
  std::vector<std::string> matches;  ///< series selectors; none: all series
  Format format = Format::kPrometheus;
};
/// A line for each sample in label order, of blocks and head together; kOpenMetrics has the float samples, kSeriesJson
/// the label sets only.
int DumpSamples(const DumpRequest& request, Terminal terminal);

/// What `tsdb export` is asked for.
struct ExportRequest {
  std::string path;
  std::string output;  ///< the directory that the blocks go to; made when it is not there
  std::int64_t min_time_ms = model::kMinTimestampMs;
  std::int64_t max_time_ms = model::kMaxTimestampMs;
  std::vector<std::string> matches;    ///< series selectors; none: all series
  std::int64_t block_duration_ms = 0;  ///< more than 0; blocks are aligned to it
};
/// Writes the samples as blocks of Prometheus, and prints a line for each.
int ExportBlocks(const ExportRequest& request, Terminal terminal);

/// What `tsdb analyze` is asked for.
struct AnalyzeRequest {
  std::string path;
  std::string block;  ///< ULID; empty: the last block
  std::string match;  ///< a series selector; empty: all series
  std::size_t limit = 20;
  bool is_extended = false;
};
/// Which labels and metrics a block has most of, and which change most.
int AnalyzeBlock(const AnalyzeRequest& request, Terminal terminal);

}  // namespace baro::cli

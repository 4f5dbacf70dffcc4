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

/// What `tsdb import` is asked for.
struct ImportRequest {
  std::string source;  ///< a data directory of Prometheus
  std::string output;  ///< a data directory of ours; made when it is not there; may be the source
  bool with_log = true;
};
/// Copies what a Prometheus has to blocks of ours and prints a line for each. What is there already is passed over, so
/// that it can be broken off and begun again.
int ImportPrometheus(const ImportRequest& request, Terminal terminal);

/// What `tsdb create-blocks-from openmetrics` is asked for.
struct CreateFromOpenMetricsRequest {
  std::string input;
  std::string output;
  bool is_quiet = false;
  bool is_human_readable = false;
};
/// Writes the samples of an OpenMetrics file, which all have timestamps, as blocks, and prints them as a table. The
/// file's order does not matter; two values at one time do.
int CreateFromOpenMetrics(const CreateFromOpenMetricsRequest& request, Terminal terminal);

/// What `tsdb create-blocks-from rules` is asked for.
struct CreateFromRulesRequest {
  std::vector<std::string> rule_files;
  std::string url;
  std::string start;  ///< RFC 3339 or Unix seconds
  std::string end;    ///< the same; empty: three hours ago
  std::string output;
  std::int64_t eval_interval_ms = 60'000;
  bool is_quiet = false;
  bool is_human_readable = false;
};
/// Asks a server for the recording rules' values in the past and writes them as blocks, which it prints as a table.
int CreateFromRules(const CreateFromRulesRequest& request, Terminal terminal);

/// What `tsdb check` is asked for.
struct CheckDataRequest {
  std::string path;
  bool is_repairing = false;
};
/// Reads a data directory in search of damage, names each place, and repairs what can be. Exit status: 0 nothing is
/// damaged, 1 something is (or the check could not be done), 3 something was and all of it is repaired.
int CheckData(const CheckDataRequest& request, Terminal terminal);

/// What `tsdb bench` is asked for.
struct BenchRequest {
  std::string input;   ///< an exposition whose series are written; empty: made up ones
  std::string output;  ///< a directory that is not there or empty
  std::size_t series = 10'000;
  std::size_t scrapes = 1200;
};
/// Writes scrapes into a new store, cuts blocks, reads all of it, and prints what each took.
int BenchTsdb(const BenchRequest& request, Terminal terminal);

}  // namespace baro::cli

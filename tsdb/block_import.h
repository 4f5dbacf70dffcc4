// Samples from elsewhere become blocks of ours: a Prometheus data directory, literal samples, another store.
//
// What is written is durable and complete when a function returns, and a server finds it: at its start, or within a
// minute if it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/prometheus_block.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// The hint of blocks that hold what a Prometheus had in its logs.
inline constexpr std::string_view kFromPrometheusWal = "from-prometheus-wal";
/// The hint of blocks that were one of Prometheus' blocks, and have its name.
inline constexpr std::string_view kFromPrometheusBlock = "from-prometheus-block";

/// Lists of matchers that together choose all series of a reader, also those without a metric name.
/// Errors   as Reader::LabelNames().
base::Result<std::vector<std::vector<model::Matcher>>> MatchersOfAllSeries(const Reader& reader,
                                                                           const base::CancelToken& cancel);

struct ImportedBlockOptions {
  Ulid ulid;  ///< the new block's name
  BlockForm form = BlockForm::kHot;
  model::TimeRange range;  ///< what is copied
  bool is_exact = false;   ///< the block answers for all of `range`; else from its first to its last sample
  std::vector<std::string> hints;
};

/// Writes all that `reader` shows in the range as one block `<parent>/<ULID>`. Nothing: there is no sample in it.
/// Errors   those of the reader, kCorruption with the series' labels before it; kCancelled; file errors. Nothing is
///          left on the disk.
/// Cost     Memory: the labels of all series in the range, the samples of one, and a BlockWriter's.
base::Result<std::optional<BlockMeta>> WriteBlockOf(base::FileSystem& files, const std::string& parent,
                                                    const Reader& reader, const ImportedBlockOptions& options,
                                                    const base::CancelToken& cancel);

/// As WriteBlockOf(), a block for each range of `range_ms` in which there are samples; borders are multiples of it.
/// `written` is told each one.
/// Errors   also kLimitExceeded: more than a hundred thousand ranges.
base::Result<> WriteBlocksOf(base::FileSystem& files, const std::string& parent, const Reader& reader,
                             model::TimeRange range, std::int64_t range_ms, std::span<const std::string> hints,
                             const std::function<Ulid()>& new_ulid,
                             const std::function<void(const BlockMeta&)>& written, const base::CancelToken& cancel);

/// Names of Prometheus' blocks whose samples are in these blocks: those that they were made of.
std::set<Ulid> SourcesOf(std::span<const BlockMeta> metas);

/// Copies a block of Prometheus to `<parent>/<its ULID>`, reads the copy back and compares each sample, to the bit.
/// Nothing: all of it is deleted.
/// Errors   kCorruption: the block is damaged, or the copy is not equal. kCancelled; file errors. Nothing is left.
base::Result<std::optional<BlockMeta>> ImportPrometheusBlock(base::FileSystem& files, const std::string& parent,
                                                             const PrometheusBlock& block,
                                                             const base::CancelToken& cancel);

/// What came of a Prometheus' logs.
struct ImportedLog {
  bool is_there = false;            ///< the directory has a log of Prometheus
  bool was_known = false;           ///< it was imported before, and has not changed since
  std::vector<BlockMeta> blocks;    ///< that were written
  std::vector<std::string> damage;  ///< in words
};

/// Where an import comes from and goes to.
struct LogImport {
  std::string from;  ///< a data directory of Prometheus
  std::string to;    ///< a data directory of ours; may be the same
  std::int64_t block_range_ms = 7'200'000;
  std::function<Ulid()> new_ulid;
};

/// Writes what Prometheus' logs in `from` have, and its blocks have not, to `<to>/blocks`, and notes in
/// `<to>/prometheus-wal` that it was done: it is not done again until the log changes.
/// Format   docs/formats/prometheus-blocks.md, "prometheus-wal".
/// Errors   kLimitExceeded: more than 4 GiB of encoded samples; kCancelled; file errors. Doing it again is harmless.
/// Cost     Memory: two bytes per sample in the log.
base::Result<ImportedLog> ImportPrometheusLog(base::FileSystem& files, const LogImport& import,
                                              const base::CancelToken& cancel);

}  // namespace baro::tsdb

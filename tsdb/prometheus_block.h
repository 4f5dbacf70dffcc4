// A block that Prometheus wrote, read where it lies.
//
//     const auto block = BARO_TRY(PrometheusBlock::Open(files, "data/01HV..."));
//     const auto reader = block->OpenReader();              // for queries: shares the block
//     for (auto scan = block->Scan(); BARO_TRY(scan->Next(cancel));) ...   // for imports: all series in label order
//
// Format   docs/formats/prometheus-blocks.md: index version 2; chunks of floats and of both flavours of native
//          histograms. Version 1 of the index and the experimental encodings of Prometheus 3 are refused by name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "tsdb/stored_block.h"

namespace baro::tsdb {

/// Another block, as meta.json names those that this one was made of.
struct PrometheusBlockParent {
  std::string ulid;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;  ///< exclusive

  friend bool operator==(const PrometheusBlockParent&, const PrometheusBlockParent&) = default;
};

/// The content of meta.json.
struct PrometheusBlockMeta {
  std::string ulid;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;  ///< exclusive
  std::uint64_t samples = 0;     ///< of all kinds
  std::uint64_t float_samples = 0;
  std::uint64_t histogram_samples = 0;
  std::uint64_t series = 0;
  std::uint64_t chunks = 0;
  std::uint64_t tombstones = 0;
  int compaction_level = 1;
  std::vector<std::string> sources;
  std::vector<PrometheusBlockParent> parents;
  std::vector<std::string> hints;  ///< e.g. "from-out-of-order"
  bool is_deletable = false;
  bool has_failed = false;

  friend bool operator==(const PrometheusBlockMeta&, const PrometheusBlockMeta&) = default;
};

struct PrometheusBlockLimits {
  /// Labels and chunk references of one selection; beyond it Select() fails.
  std::size_t selection_bytes_max = std::size_t{4} << 30;
};

/// Threads  Immutable; safe to share.
/// Owns     the mappings. Readers, selections and scans share them, so they outlive the block and its files.
class PrometheusBlock : public StoredBlock {
 public:
  /// Checks meta.json, the headers of all files, and the checksums of the index's table of contents, symbols and table
  /// of postings, and the tombstones; lists of postings, series and chunks are checked when they are read.
  /// Errors   kNotFound: no such directory, or a file of it is missing; kCorruption: file and offset; kUnsupported: a
  ///          version that is not known here; file errors as they come.
  static base::Result<std::shared_ptr<const PrometheusBlock>> Open(base::FileSystem& files,
                                                                   const std::string& directory,
                                                                   PrometheusBlockLimits limits = {});

  ~PrometheusBlock() override;

  const PrometheusBlockMeta& meta() const;
  const std::string& directory() const;

  const StoredBlockInfo& info() const override;
  std::unique_ptr<StoredSeriesScan> Scan() const override;

  /// The reader leaves out what the block's tombstones delete. A series whose entry in the index is damaged is passed
  /// over with a warning; a damaged chunk fails Read() of its series.
  std::unique_ptr<Reader> OpenReader() const override;

  class Impl;

 private:
  explicit PrometheusBlock(std::shared_ptr<const Impl> impl);

  std::shared_ptr<const Impl> impl_;
};

/// Whether `name` looks like that of a block's directory: a ULID, 26 characters of Crockford's base 32.
bool IsPrometheusBlockName(std::string_view name);

}  // namespace baro::tsdb

// Writing a block that Prometheus reads: for export, and for tests of the reader.
//
//     auto writer = BARO_TRY(PrometheusBlockWriter::Create(files, "data", {.ulid = "01HV..."}));
//     for (...) {                                        // in label order
//       BARO_TRY(writer->BeginSeries(labels));
//       BARO_TRY(writer->Add(columns));                  // any number of times, time increasing
//     }
//     const PrometheusBlockMeta meta = BARO_TRY(writer->Finish());   // durable; without it nothing is left
//
// Format   docs/formats/prometheus-blocks.md: index version 2, XOR and histogram chunks of 120 samples.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/prometheus_block.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// A new name for a block: a ULID of that time.
/// Shape    `time_ms` is not negative and fits 48 bits.
std::string MakePrometheusBlockName(std::int64_t time_ms, base::Random& random);

struct PrometheusBlockWriterOptions {
  std::string ulid;  ///< the block's name; its directory must not exist

  /// What meta.json says, half open; absent: from the first sample to behind the last one. Samples outside are refused.
  std::optional<std::int64_t> min_time_ms;
  std::optional<std::int64_t> max_time_ms;

  int compaction_level = 1;
  std::vector<std::string> sources;  ///< empty: the block itself
  std::vector<PrometheusBlockParent> parents;
  std::vector<std::string> hints;

  std::uint64_t segment_bytes_max = std::uint64_t{512} << 20;  ///< of a file of chunks, as in Prometheus
};

/// Threads  Confined. Borrows the file system, which outlives it.
/// Errors   The first error of any call is final: all later calls return it, and nothing is left on the disk.
///          kInvalidArgument: order, shape or time range violated; kLimitExceeded: more than the format can number;
///          file errors as they come.
/// Cost     Memory: the labels of all series, 10 bytes per chunk, and while finishing 12 bytes for each of at most
///          eight million label pairs.
class PrometheusBlockWriter {
 public:
  /// Makes `<parent>/<ULID>.tmp-for-creation`, which Prometheus removes at its start if it finds it.
  static base::Result<std::unique_ptr<PrometheusBlockWriter>> Create(base::FileSystem& files, const std::string& parent,
                                                                     PrometheusBlockWriterOptions options);

  /// Removes what was not finished.
  ~PrometheusBlockWriter();
  PrometheusBlockWriter(const PrometheusBlockWriter&) = delete;
  PrometheusBlockWriter& operator=(const PrometheusBlockWriter&) = delete;

  /// Ends the series before and begins this one. A series without samples is left out of the block.
  /// Shape    behind the series before in label order; not empty.
  base::Result<> BeginSeries(const model::Labels& labels);

  /// Adds samples of both kinds to the series.
  /// Shape    later than what was added before; histograms are valid.
  base::Result<> Add(const SampleColumns& columns);
  base::Result<> Add(std::span<const std::int64_t> timestamps_ms, std::span<const double> values,
                     std::span<const HistogramSample> histograms = {});

  /// Ends the last series and makes the block durable: files synced, directories synced, renamed to `<parent>/<ULID>`.
  /// The writer can do nothing after it.
  /// Errors   kInvalidArgument: there is no sample at all.
  base::Result<PrometheusBlockMeta> Finish();

 private:
  class Impl;
  explicit PrometheusBlockWriter(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace baro::tsdb

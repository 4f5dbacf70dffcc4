// What a Prometheus server had not yet put into blocks: its write-ahead logs, read into memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/metadata.h"
#include "tsdb/stored_block.h"

namespace baro::tsdb {

struct PrometheusHeadOptions {
  /// In-order samples before this are left out: blocks have them.
  std::int64_t min_time_ms = model::kMinTimestampMs;
  /// Memory that the head may take. Samples are kept encoded, at about two bytes each.
  std::size_t bytes_max = std::size_t{4} << 30;
};

/// Threads  Immutable; safe to share.
class PrometheusHead : public StoredBlock {
 public:
  /// Reads `<directory>/wal` (checkpoint and segments) and `<directory>/wbl` (what came out of order). All that the
  /// head's memory-mapped chunks hold is in these logs too, so `chunks_head` is read only where a log is damaged.
  /// Damage costs what it covers and is told by warnings(); a log that ends in the middle of a record is sound.
  /// Errors   kNotFound: there is no `wal` directory; kLimitExceeded: options.bytes_max; kCancelled; file errors.
  static base::Result<std::shared_ptr<const PrometheusHead>> Load(base::FileSystem& files, const std::string& directory,
                                                                  const PrometheusHeadOptions& options,
                                                                  const base::CancelToken& cancel);
  ~PrometheusHead() override;

  /// `ulid` is empty; times are those of the first and behind the last sample, both 0 if there is none.
  const StoredBlockInfo& info() const override;
  std::unique_ptr<StoredSeriesScan> Scan() const override;
  std::unique_ptr<Reader> OpenReader() const override;

  const std::vector<std::string>& warnings() const;

  /// In the order of the log.
  void ForEachExemplar(const std::function<void(const model::Labels&, const model::Exemplar&)>& visit) const;
  /// In label order, the newest of each series.
  void ForEachMetadata(const std::function<void(const model::Labels&, const model::Metadata&)>& visit) const;

  class Image;

 private:
  explicit PrometheusHead(std::shared_ptr<const Image> image);

  std::shared_ptr<const Image> image_;
};

}  // namespace baro::tsdb

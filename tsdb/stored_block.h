// A block of whatever format, as tools see it: what it says about itself, a reader, and its series one by one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// What a block says about itself.
struct StoredBlockInfo {
  std::string ulid;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;  ///< exclusive
  std::uint64_t samples = 0;
  std::uint64_t series = 0;
  std::uint64_t chunks = 0;
  std::uint64_t size_bytes = 0;  ///< of all its files
};

/// A piece of a series as it is stored.
struct StoredChunk {
  std::int64_t min_time_ms = 0;  ///< of the first sample
  std::int64_t max_time_ms = 0;  ///< of the last sample
  bool is_histogram = false;
  std::uint32_t samples = 0;
  std::size_t size_bytes = 0;  ///< encoded, without headers and checksums
  std::size_t buckets = 0;     ///< of all its histograms together
};

/// Steps through all series of a block in label order, holding one at a time.
///
/// Owns     a share of the block.
/// Threads  Confined.
class StoredSeriesScan {
 public:
  virtual ~StoredSeriesScan() = default;

  /// Steps to the first or next series; false at the end.
  /// Errors   kCancelled. kCorruption: this series' entry is damaged; the next call goes on behind it.
  virtual base::Result<bool> Next(const base::CancelToken& cancel) = 0;

  /// Shape    for all below: the last Next() said true. Valid until the next call of Next().
  virtual const model::Labels& labels() const = 0;

  /// From the first to the last sample, deleted ones too. Does not touch the samples.
  virtual model::TimeRange extent() const = 0;

  /// As SeriesSelection::Read().
  virtual base::Result<> Read(model::TimeRange range, SampleColumns& columns) const = 0;

  /// The series' chunks in the order of time.
  /// Errors   kCorruption, kUnsupported: of the first chunk that cannot be looked into.
  virtual base::Result<std::vector<StoredChunk>> Chunks() const = 0;
};

/// Threads  Safe to share.
class StoredBlock : public ReaderSource {
 public:
  virtual const StoredBlockInfo& info() const = 0;
  virtual std::unique_ptr<StoredSeriesScan> Scan() const = 0;
};

}  // namespace baro::tsdb

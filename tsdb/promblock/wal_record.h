// What the records of a write-ahead log say.
//
// Format   docs/formats/prometheus-blocks.md, "Records".
// Source   Prometheus, tsdb/docs/format/wal.md, whose differences of references and times are signed in fact.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace baro::tsdb {

/// A series within one log.
using WalSeriesRef = std::uint64_t;

/// Told what a record has, item by item.
///
/// Errors   Every function's end the record and are returned by VisitWalRecord().
class WalVisitor {
 public:
  virtual ~WalVisitor() = default;

  virtual base::Result<> OnSeries(WalSeriesRef ref, const model::Labels& labels) = 0;
  virtual base::Result<> OnSample(WalSeriesRef ref, model::Sample sample) = 0;
  /// A valid one, or a stale marker.
  virtual base::Result<> OnHistogram(WalSeriesRef ref, std::int64_t timestamp_ms, model::FloatHistogram histogram) = 0;
  virtual base::Result<> OnTombstone(WalSeriesRef ref, model::TimeRange range) = 0;
  virtual base::Result<> OnExemplar(WalSeriesRef ref, const model::Exemplar& exemplar) = 0;
  virtual base::Result<> OnMetadata(WalSeriesRef ref, const model::Metadata& metadata) = 0;
  /// A record of a type that is not known here; Prometheus passes over such records, too.
  virtual base::Result<> OnUnknownRecord(std::uint8_t type) = 0;
};

/// Reads one record. Start timestamps, which records of types 11 to 13 have, and markers of chunks are passed over.
/// Errors   kCorruption: malformed; items in front of the damage were visited.
base::Result<> VisitWalRecord(base::ByteSpan record, WalVisitor& visitor);

}  // namespace baro::tsdb

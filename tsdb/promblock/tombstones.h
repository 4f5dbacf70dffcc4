// What was deleted from a block without writing it anew: intervals by series.
//
// Format   docs/formats/prometheus-blocks.md, "tombstones", version 1.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/sample.h"

namespace baro::tsdb {

/// Threads  A value: const functions from many threads.
class Tombstones {
 public:
  /// Errors   kCorruption: header, checksum or cut short; kUnsupported: another version.
  static base::Result<Tombstones> Parse(base::ByteSpan file);

  /// Both ends are deleted. Call Normalize() after the last one.
  void Add(std::uint64_t series, model::TimeRange range) { intervals_[series].push_back(range); }
  /// Puts the intervals of each series in order and joins those that overlap or touch.
  void Normalize();

  /// Sorted, not overlapping.
  std::span<const model::TimeRange> Of(std::uint64_t series) const;

  /// Shape    normalized.
  base::ByteBuffer Format() const;

 private:
  std::unordered_map<std::uint64_t, std::vector<model::TimeRange>> intervals_;
};

}  // namespace baro::tsdb

// A page of native histogram chunks.
//
// Format   docs/formats/block.md, section 10.
// Threads  HistogramPageBuilder is confined; HistogramPage is immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// A page is closed when it has so many bytes.
inline constexpr std::size_t kHistogramPageBytes = std::size_t{64} << 10;
inline constexpr std::size_t kHistogramPageChunksMax = 4096;

class HistogramPageBuilder {
 public:
  /// Shape    1 to kWindowRowsMax samples; not full().
  /// Errors   kInvalidArgument, kLimitExceeded: as EncodeHistograms().
  base::Result<> Add(std::span<const HistogramSample> samples);
  std::size_t chunk_count() const { return sizes_.size(); }
  bool full() const { return payload_.size() >= kHistogramPageBytes || chunk_count() == kHistogramPageChunksMax; }

  /// Appends the page and begins the next one.
  void Finish(std::uint32_t seed, base::ByteBuffer& out);

 private:
  std::vector<std::uint64_t> sizes_;
  base::ByteBuffer payload_;
};

class HistogramPage {
 public:
  /// Compares the page's checksum.
  /// Errors   kCorruption.
  static base::Result<> Check(base::ByteSpan bytes, std::uint32_t seed);

  /// Shape    bytes that were once checked. They are borrowed.
  /// Errors   kCorruption.
  static base::Result<HistogramPage> Open(base::ByteSpan bytes);

  std::size_t chunk_count() const { return ends_.size(); }

  /// Appends the chunk's histograms, one for each timestamp.
  /// Errors   kCorruption; what was appended is then unspecified.
  base::Result<> Decode(std::size_t chunk, std::span<const std::int64_t> timestamps_ms,
                        std::vector<HistogramSample>& samples) const;

 private:
  base::ByteBuffer buffer_;
  base::ByteSpan payload_;
  std::vector<std::uint64_t> ends_;
};

}  // namespace baro::tsdb

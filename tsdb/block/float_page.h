// A page of float chunks.
//
// Format   docs/formats/block.md, section 8.
// Threads  FloatPageBuilder is confined; FloatPage is immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/block/block_meta.h"

namespace baro::tsdb {

/// A page is closed when it has so many bytes, or chunks.
inline constexpr std::size_t kFloatPageBytes = std::size_t{48} << 10;
inline constexpr std::size_t kFloatPageChunksMax = 4096;

class FloatPageBuilder {
 public:
  /// Shape    1 to kWindowRowsMax values; not full().
  void Add(std::span<const double> values);
  std::size_t chunk_count() const { return sizes_.size(); }
  bool full() const { return payload_.size() >= kFloatPageBytes || chunk_count() == kFloatPageChunksMax; }

  /// Appends the page and begins the next one.
  void Finish(std::uint32_t seed, BlockForm form, base::ByteBuffer& out);

 private:
  std::vector<std::uint64_t> sizes_;
  base::ByteBuffer payload_;
};

class FloatPage {
 public:
  /// Compares the page's checksum.
  /// Errors   kCorruption.
  static base::Result<> Check(base::ByteSpan bytes, std::uint32_t seed);

  /// Shape    bytes that were once checked. They are borrowed.
  /// Errors   kCorruption.
  static base::Result<FloatPage> Open(base::ByteSpan bytes);

  std::size_t chunk_count() const { return ends_.size(); }

  /// Fills `values` with the chunk, which must have just as many.
  /// Errors   kCorruption.
  base::Result<> Decode(std::size_t chunk, std::span<double> values) const;

 private:
  base::ByteBuffer buffer_;
  base::ByteSpan payload_;
  std::vector<std::uint64_t> ends_;
};

}  // namespace baro::tsdb

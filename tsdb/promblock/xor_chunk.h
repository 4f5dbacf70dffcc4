// Chunks of floats: second differences of timestamps, values as changed bits.
//
// Format   docs/formats/prometheus-blocks.md, "XOR chunks".
// Source   Prometheus, tsdb/docs/format/chunks.md.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "model/sample.h"
#include "tsdb/promblock/bit_codes.h"
#include "tsdb/promblock/bit_stream.h"

namespace baro::tsdb {

/// The count stands in 16 bits in all encodings.
inline constexpr std::size_t kChunkSamplesMax = 65'535;

/// Steps through the samples of a chunk.
///
/// Owns     nothing; borrows the bytes.
/// Threads  Confined.
class XorChunkReader {
 public:
  explicit XorChunkReader(base::ByteSpan data);

  /// What the header says.
  std::uint32_t count() const { return count_; }

  /// Steps to the first or next sample; false at the end or where the bytes make no sense: see ok().
  bool Next();
  bool ok() const { return in_.ok(); }

  /// Shape    the last Next() said true. No order of timestamps is promised.
  std::int64_t timestamp_ms() const { return static_cast<std::int64_t>(timestamp_); }
  double value() const { return value_.value(); }

 private:
  BitReader in_;
  std::uint32_t count_ = 0;
  std::uint32_t read_ = 0;
  std::uint64_t timestamp_ = 0;  // arithmetic wraps, as in Prometheus
  std::uint64_t delta_ = 0;
  XorValue value_;
};

/// Writes one chunk.
///
/// Threads  Confined.
class XorChunkWriter {
 public:
  XorChunkWriter();

  /// Shape    at most kChunkSamplesMax; later than the sample before.
  void Append(model::Sample sample);
  std::uint32_t count() const { return count_; }

  /// The chunk; the writer is then as new.
  base::ByteBuffer Take();

 private:
  BitWriter out_;
  std::uint32_t count_ = 0;
  std::uint64_t timestamp_ = 0;
  std::uint64_t delta_ = 0;
  XorValue value_;
};

}  // namespace baro::tsdb

// Chunks of native histograms, of the integer and of the float flavour.
//
// All histograms of a chunk have one layout (schema, zero threshold, spans, custom bounds), which stands in front; then
// come counts and sums, as second differences in the integer flavour and as changed bits in the float flavour.
//
// Format   docs/formats/prometheus-blocks.md, "Histogram chunks".
// Source   Prometheus, tsdb/docs/format/chunks.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/histogram.h"
#include "tsdb/promblock/bit_codes.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

enum class HistogramFlavour : std::uint8_t { kInteger, kFloat };

/// Bytes that the decoded histograms of one chunk may have. A chunk of some KiB can claim far more, because a bucket
/// that does not change takes one bit; real ones stay below 1 MiB.
inline constexpr std::size_t kHistogramChunkMemoryMax = std::size_t{256} << 20;

/// Steps through the histograms of a chunk.
///
/// Owns     the current histogram; borrows the bytes.
/// Threads  Confined.
class HistogramChunkReader {
 public:
  HistogramChunkReader(base::ByteSpan data, HistogramFlavour flavour);

  /// What the header says.
  std::uint32_t count() const { return count_; }
  /// Buckets of each histogram, both sides; known after the first Next().
  std::size_t bucket_count() const { return integers_.size() + floats_.size(); }

  /// Steps to the first or next histogram; false at the end.
  /// Errors   kCorruption: cut short or makes no sense; kUnsupported: a schema that is not known here;
  ///          kLimitExceeded: kHistogramChunkMemoryMax.
  base::Result<bool> Next();

  /// Shape    the last Next() said true. No order of timestamps is promised.
  std::int64_t timestamp_ms() const { return static_cast<std::int64_t>(timestamp_); }

  /// The current histogram. A stale marker has the stale NaN as sum and nothing else. The reset hint is gauge, or
  /// unknown for the first of the chunk (what came before the chunk may be gone), or not-reset.
  /// Errors   kCorruption: no valid histogram (see FloatHistogram::Validate).
  base::Result<model::FloatHistogram> Current() const;

 private:
  struct IntegerState {
    std::uint64_t value = 0;
    std::uint64_t delta = 0;

    void Step(std::uint64_t second_difference) {
      delta += second_difference;
      value += delta;
    }
  };

  base::Result<> ReadLayout();
  void ReadFirst();
  void ReadNext();
  void FillIntegers(model::FloatHistogram& histogram) const;
  void FillFloats(model::FloatHistogram& histogram) const;

  BitReader in_;
  HistogramFlavour flavour_;
  std::uint32_t count_ = 0;
  std::uint32_t read_ = 0;
  bool is_gauge_ = false;
  std::size_t positive_count_ = 0;  // of the buckets, the others are negative
  model::FloatHistogram layout_;    // without counts
  std::uint64_t timestamp_ = 0;     // arithmetic wraps, as in Prometheus
  std::uint64_t delta_ = 0;
  XorValue sum_;
  // Integer flavour: buckets as differences to the bucket before.
  IntegerState observations_;
  IntegerState zeros_;
  std::vector<IntegerState> integers_;
  // Float flavour: buckets as counts.
  XorValue float_observations_;
  XorValue float_zeros_;
  std::vector<XorValue> floats_;
};

/// What the chunk's header says about the counter between the chunk before and this one.
enum class ChunkResetHeader : std::uint8_t { kUnknown = 0, kNotReset = 0x40, kReset = 0x80, kGauge = 0xc0 };

struct EncodedHistogramChunk {
  HistogramFlavour flavour = HistogramFlavour::kInteger;
  base::ByteBuffer bytes;
};

/// Encodes histograms as one chunk, with all buckets that any of them has. The integer flavour is taken if all counts
/// are integers.
/// Shape    1 to kChunkSamplesMax valid ones, times increasing; one schema, zero threshold and set of custom bounds;
///          stale markers only at the end, or nothing else.
EncodedHistogramChunk EncodeHistogramChunk(std::span<const HistogramSample> samples, ChunkResetHeader header);

}  // namespace baro::tsdb

// Integers in few bytes: predicted, offset, divided by what they have in common, and bit-packed.
//
// A stream has a header, which tells how it is to be read and how long its payload is, and the payload. They stand one
// behind the other (EncodeIntegers), or apart (StreamEncoder, ReadStreamHeader), as chunks in pages have them.
//
// Format   docs/formats/chunk.md, section 4.
// Source   Patched frame of reference: Zukowski et al., "Super-Scalar RAM-CPU Cache Compression", ICDE 2006. The common
//          divisor is ours: counters of bytes and of nanoseconds move in multiples.
// Threads  Pure functions; StreamEncoder is confined.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/codec/decode_kernels.h"

namespace baro::tsdb {

/// A stream may have so many integers.
inline constexpr std::size_t kStreamLengthMax = 65'536;

/// Residuals of a stream are cut into blocks of about 128, equal but for the last: two small ones cost more than one.
/// Shape    residuals > 0. The result is a multiple of 8, so that blocks begin at bytes.
inline std::size_t BlockLength(std::size_t residuals) {
  const std::size_t blocks = (residuals + 64) / 128;
  if (blocks <= 1) return (residuals + 7) / 8 * 8;
  return ((residuals + blocks - 1) / blocks + 7) / 8 * 8;
}
static_assert(kBlockLengthMax >= 128 + 64);

/// Finds the shortest way to write a stream, and writes it. Keeps its memory for the next one.
class StreamEncoder {
 public:
  /// Looks at the integers; returns how many bytes header and payload will have together.
  /// Shape    at most kStreamLengthMax.
  std::size_t Plan(std::span<const std::uint64_t> values);

  /// Whether the number of integers matters to who reads the header: it does not if one rule gives all of them.
  bool has_blocks() const { return !candidates_[chosen_].is_all_zero; }

  /// Appends what was planned.
  void Write(base::ByteBuffer& header, base::ByteBuffer& payload) const;

 private:
  // How a block is written.
  struct Block {
    std::uint32_t bytes = 0;  // of header and payload
    std::uint16_t exceptions = 0;
    std::uint8_t width = 0;
    std::uint8_t high_width = 0;
    bool is_bitmap = false;
  };

  // One way to write all of them.
  struct Candidate {
    unsigned predictor = 0;
    bool is_zigzag = false;
    bool is_all_zero = false;
    bool is_scaled = false;  // first, delta and base are multiples of the divisor, and divided by it
    std::uint64_t first = 0;
    std::uint64_t delta = 0;
    std::uint64_t base = 0;
    std::uint64_t divisor = 1;
    std::vector<std::uint64_t> residuals;
    std::vector<Block> blocks;
  };
  static constexpr std::size_t kCandidates = 4;

  static std::size_t PlanCandidate(std::span<const std::uint64_t> values, Candidate& candidate);
  static void TakeResiduals(std::span<const std::uint64_t> values, Candidate& candidate);
  static void ScaleHead(Candidate& candidate);
  static void PlanBlocks(Candidate& candidate);
  static Block PlanBlock(std::span<const std::uint64_t> residuals);
  static void WriteBlock(const Block& block, std::span<const std::uint64_t> residuals, base::ByteBuffer& header,
                         base::ByteBuffer& payload);

  std::array<Candidate, kCandidates> candidates_;
  std::size_t chosen_ = 0;
};

/// A stream's header that was read.
struct StreamHeader {
  std::uint32_t count = 0;  ///< integers; 0 as long as nobody said
  std::uint32_t payload_bytes = 0;
  std::uint8_t predictor = 0;
  bool is_zigzag = false;
  bool is_all_zero = false;
  std::uint64_t first = 0;
  std::uint64_t delta = 0;
  std::uint64_t base = 0;
  std::uint64_t divisor = 1;
  const std::byte* blocks = nullptr;  ///< the blocks' headers, which were checked
  std::uint32_t block_length = 0;     ///< of all but the last
};

/// Takes a header off the front of `reader`.
/// Errors   kCorruption.
base::Result<> ReadStreamHeader(base::ByteReader& reader, std::size_t count, StreamHeader& header);

/// Fills `values` with the first integers of the stream; blocks behind them are not looked at.
/// Shape    values.size() <= header.count, or any if header.is_all_zero; `payload` has at least header.payload_bytes.
///          What lies behind them in the span may be read, but does not matter.
/// Errors   kCorruption; `values` is then unspecified.
base::Result<> DecodeStream(const StreamHeader& header, base::ByteSpan payload, std::span<std::uint64_t> values);

/// As DecodeStream(), and converts the integers: `out` has 8 bytes for each.
base::Result<> DecodeStreamAs(const StreamHeader& header, base::ByteSpan payload, const ConversionRule& conversion,
                              std::span<std::byte> out);

/// Appends the integers to `out`. The length is not stored.
/// Shape    at most kStreamLengthMax.
void EncodeIntegers(std::span<const std::uint64_t> values, base::ByteBuffer& out);

/// Fills `values` from the front of `bytes`; returns the bytes behind the stream.
/// Errors   kCorruption: cut short or contradictory; `values` is then unspecified.
base::Result<base::ByteSpan> DecodeIntegers(base::ByteSpan bytes, std::span<std::uint64_t> values);

}  // namespace baro::tsdb

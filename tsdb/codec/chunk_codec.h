// One chunk: the values of a series over a window of rows, as a header and a payload.
//
// The header says how the payload is to be read and how long it is, given the number of rows; a page keeps headers
// and payloads apart, so that a chunk is found by reading headers only, and equal payloads are stored once.
//
// Format   docs/formats/chunk.md, section 3.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

/// A chunk has no more rows.
inline constexpr std::size_t kChunkRowsMax = 1024;

/// What encoding a chunk taught about its series. A small value, empty at first.
struct ChunkHint {
  std::uint8_t kind = 0;
  std::uint8_t exponent = 0;
  bool is_set = false;
};

/// Bits of a header's first byte that belong to the page; EncodeChunk() leaves them 0.
inline constexpr std::uint8_t kHeaderIsReference = 0x10;
inline constexpr std::uint8_t kHeaderHasRows = 0x20;

/// A header that was read.
struct ChunkHeader {
  std::uint8_t first_byte = 0;
  std::uint32_t rows = 0;
  std::uint32_t payload_bytes = 0;
  base::ByteSpan bytes;  ///< behind the first byte
};

/// Appends header and payload.
/// Shape    1 to kChunkRowsMax values, any bits.
void EncodeChunk(std::span<const double> values, ChunkHint* hint, base::ByteBuffer& header, base::ByteBuffer& payload);

/// Takes the rest of a header behind its first byte off the front of `reader`.
/// Errors   kCorruption.
base::Result<ChunkHeader> ReadChunkHeader(std::uint8_t first_byte, std::uint32_t rows, base::ByteReader& reader);

/// Fills `values`.
/// Shape    values.size() == header.rows; `payload` has at least header.payload_bytes, and what lies behind it may be
///          read, too, but does not matter.
/// Errors   kCorruption; `values` is then unspecified.
base::Result<> DecodeChunk(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values);

/// The value that all rows have, if the header says that they are one.
std::optional<double> ConstantOf(const ChunkHeader& header);

/// The first value, if it stands in the header.
std::optional<double> FirstOf(const ChunkHeader& header);

}  // namespace baro::tsdb

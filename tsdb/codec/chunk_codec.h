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
#include "tsdb/codec/decimal.h"
#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {

/// A chunk has no more rows.
inline constexpr std::size_t kChunkRowsMax = 1024;

/// How a column is encoded: bits 0 to 2 of a header's first byte.
enum class ColumnKind : std::uint8_t {
  kConstantInteger = 0,
  kConstantDecimal = 1,
  kConstantBits = 2,
  kDecimal = 3,
  kBits = 4,
  kDecimalUlps = 5,
  kDictionary = 6,
  kRaw = 7,
};
inline constexpr std::uint8_t kKindMask = 0x07;
inline constexpr std::uint8_t kHasPatches = 0x08;

/// Bits of a header's first byte that belong to the page; EncodeChunk() leaves them 0.
inline constexpr std::uint8_t kHeaderIsReference = 0x10;
inline constexpr std::uint8_t kHeaderHasRows = 0x20;

/// Two bits whose meaning depends on the kind.
inline constexpr std::uint8_t kFormBits = 0xc0;

/// Form bits of constant integers, so that the commonest two have a header of one byte.
inline constexpr std::uint8_t kConstantZero = 0x40;
inline constexpr std::uint8_t kConstantOne = 0x80;
static_assert(static_cast<std::uint8_t>(ColumnKind::kConstantInteger) == 0);  // so that these are whole first bytes

/// What encoding a chunk taught about its series. A small value, empty at first.
struct ChunkHint {
  std::optional<DecimalForm> form;
};

/// What there is to say about an encoded chunk.
struct EncodedChunk {
  bool needs_rows = false;  ///< the header cannot be read without the number of rows
};

/// Appends header and payload in the shortest encoding that is found.
/// Shape    1 to kChunkRowsMax values, any bits.
EncodedChunk EncodeChunk(std::span<const double> values, ChunkHint* hint, base::ByteBuffer& header,
                         base::ByteBuffer& payload);

/// As EncodeChunk(), but of that kind, for tests. False if that cannot hold these values; nothing is appended then.
bool EncodeChunkAs(ColumnKind kind, std::span<const double> values, base::ByteBuffer& header,
                   base::ByteBuffer& payload);

/// A header that was read.
struct ChunkHeader {
  ColumnKind kind = ColumnKind::kRaw;
  bool needs_rows = false;
  std::uint8_t form_bits = 0;
  DecimalForm form;
  std::uint16_t distinct_count = 0;  ///< of a dictionary
  std::uint32_t rows = 0;            ///< if needs_rows
  std::uint32_t patch_bytes = 0;     ///< at the end of the payload
  std::uint32_t payload_bytes = 0;   ///< patches included
  double constant = 0;
  StreamHeader stream;
  StreamHeader second;
};

/// Takes the rest of a header behind its first byte off the front of `reader`. `rows` matters if the header needs it.
/// Errors   kCorruption.
base::Result<> ReadChunkHeader(std::uint8_t first_byte, std::uint32_t rows, base::ByteReader& reader,
                               ChunkHeader& header);

/// Fills `values` with the first of the chunk's `rows` values, all of them or fewer: what lies behind them is not
/// decoded.
/// Shape    `payload` has at least header.payload_bytes; what lies behind them in the span may be read, but does not
///          matter. 0 < values.size() <= rows <= kChunkRowsMax.
/// Errors   kCorruption: also if `rows` is not the header's; `values` is then unspecified.
base::Result<> DecodeChunk(const ChunkHeader& header, base::ByteSpan payload, std::size_t rows,
                           std::span<double> values);

/// The value that all rows have, if the header says that they are one.
inline std::optional<double> ConstantOf(const ChunkHeader& header) {
  if (header.kind > ColumnKind::kConstantBits || header.patch_bytes != 0) return std::nullopt;
  return header.constant;
}

/// The first value, if it stands in the header.
std::optional<double> FirstOf(const ChunkHeader& header);

}  // namespace baro::tsdb

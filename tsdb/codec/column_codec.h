// One contract for all ways to encode a column of doubles: plan, write, read the header, decode.
//
// To add one: a record of these functions, its ColumnKind, a line in ColumnCodecs(), a section in
// docs/formats/chunk.md; chunk_codec_test.cpp then forces it over everything that it knows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/codec/chunk_codec.h"
#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/patches.h"

namespace baro::tsdb {

/// What is to be encoded. Borrows.
struct ColumnInput {
  std::span<const double> values;  ///< without the special ones, which repeat others; see TakeSpecials()
  const Patches* specials;
  std::optional<DecimalForm> form;  ///< what the decimals among the values have in common
};

/// What a codec knows after planning, and the memory it works in. Kept from chunk to chunk.
struct ColumnPlan {
  DecimalForm form;
  std::uint8_t form_bits = 0;
  Patches patches;  ///< the input's specials and what the codec cannot hold
  std::vector<std::uint64_t> integers;
  std::vector<std::uint64_t> more_integers;
  StreamEncoder stream;
  StreamEncoder second;
};

struct ColumnCodec {
  std::string_view name;
  ColumnKind kind;

  /// Looks at the values; returns the size of header and payload, without the first byte; nullopt if it cannot hold
  /// them. Fills plan.patches.
  std::optional<std::size_t> (*plan)(const ColumnInput& input, ColumnPlan& plan);

  /// Appends what was planned, without first byte and patches.
  void (*write)(const ColumnInput& input, const ColumnPlan& plan, base::ByteBuffer& header, base::ByteBuffer& payload);

  /// Whether the planned header can be read only by those who know the number of rows.
  bool (*needs_rows)(const ColumnPlan& plan);

  /// Reads what write() put into the header, and says how long the payload is. header.rows is set.
  base::Result<> (*read_header)(base::ByteReader& reader, ChunkHeader& header);

  /// Fills `values`, which are as many as the column has or the first of them. The payload is long enough; what lies
  /// behind it may be read.
  base::Result<> (*decode)(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values);
};

/// All of them; the index is the kind.
std::span<const ColumnCodec* const> ColumnCodecs();

extern const ColumnCodec kConstantIntegerCodec;
extern const ColumnCodec kConstantDecimalCodec;
extern const ColumnCodec kConstantBitsCodec;
extern const ColumnCodec kDecimalCodec;
extern const ColumnCodec kBitsCodec;
extern const ColumnCodec kDecimalUlpsCodec;
extern const ColumnCodec kDictionaryCodec;
extern const ColumnCodec kRawCodec;

// Shared by the codecs.

/// Form bit of kinds with a decimal form: exponent 0, and no byte says so.
inline constexpr std::uint8_t kIsIntegerForm = 0x40;

/// Reads the byte that says how integers become doubles, unless kIsIntegerForm stands for it.
base::Result<> ReadDecimalForm(base::ByteReader& reader, ChunkHeader& header);
void WriteDecimalForm(const ColumnPlan& plan, base::ByteBuffer& header);

inline base::Error DamagedChunk(std::string_view what) {
  return {base::Code::kCorruption, fmt::format("chunk: {}", what)};
}

}  // namespace baro::tsdb

#include "tsdb/codec/chunk_codec.h"

#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("chunk: {}", what)}; }

constexpr std::uint8_t kConstant = 0;
constexpr std::uint8_t kColumn = 7;

}  // namespace

void EncodeChunk(std::span<const double> values, ChunkHint* hint, base::ByteBuffer& header, base::ByteBuffer& payload) {
  BARO_ASSERT(!values.empty() && values.size() <= kChunkRowsMax);
  std::uint64_t differences = 0;
  const auto first = std::bit_cast<std::uint64_t>(values[0]);
  for (const double value : values) differences |= std::bit_cast<std::uint64_t>(value) ^ first;
  if (hint != nullptr) hint->is_set = true;
  if (differences == 0) {
    header.push_back(std::byte{kConstant});
    base::AppendLe(header, first);
    return;
  }
  const std::size_t start = payload.size();
  EncodeValues(values, payload);
  header.push_back(std::byte{kColumn});
  base::AppendVarint(header, payload.size() - start);
}

base::Result<ChunkHeader> ReadChunkHeader(std::uint8_t first_byte, std::uint32_t rows, base::ByteReader& reader) {
  ChunkHeader header{.first_byte = first_byte, .rows = rows};
  if (rows == 0 || rows > kChunkRowsMax) return Damaged("no rows, or too many");
  switch (first_byte & 7) {
    case kConstant:
      header.bytes = reader.Bytes(8);
      break;
    case kColumn: {
      const std::uint64_t size = reader.Varint();
      if (size > 0xffff) return Damaged("a payload too long");
      header.payload_bytes = static_cast<std::uint32_t>(size);
      break;
    }
    default:
      return Damaged("unknown kind");
  }
  if (!reader.ok()) return Damaged("header cut short");
  return header;
}

base::Result<> DecodeChunk(const ChunkHeader& header, base::ByteSpan payload, std::span<double> values) {
  BARO_ASSERT(values.size() == header.rows && payload.size() >= header.payload_bytes);
  if (const auto constant = ConstantOf(header)) {
    std::ranges::fill(values, *constant);
    return {};
  }
  const base::ByteSpan rest = BARO_TRY(DecodeValues(payload.first(header.payload_bytes), values));
  if (!rest.empty()) return Damaged("bytes behind its payload");
  return {};
}

std::optional<double> ConstantOf(const ChunkHeader& header) {
  if ((header.first_byte & 7) != kConstant) return std::nullopt;
  return base::LoadLe<double>(header.bytes.data());
}

std::optional<double> FirstOf(const ChunkHeader& header) { return ConstantOf(header); }

}  // namespace baro::tsdb

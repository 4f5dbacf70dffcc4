#include "tsdb/codec/value_codec.h"

#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("value column: {}", what)}; }

}  // namespace

void EncodeValues(std::span<const double> values, base::ByteBuffer& out) {
  BARO_ASSERT(!values.empty() && values.size() <= kStreamLengthMax);
  thread_local base::ByteBuffer payload;
  ChunkHint hint;
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), kChunkRowsMax);
    payload.clear();
    EncodeChunk(values.first(count), &hint, out, payload);
    base::AppendBytes(out, payload);
    values = values.subspan(count);
  }
}

base::Result<base::ByteSpan> DecodeValues(base::ByteSpan bytes, std::span<double> values) {
  ChunkHeader header;
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), kChunkRowsMax);
    base::ByteReader reader(bytes);
    const auto first_byte = reader.Le<std::uint8_t>();
    if (!reader.ok()) return Damaged("cut short");
    if ((first_byte & (kHeaderIsReference | kHeaderHasRows)) != 0) return Damaged("a chunk of a page");
    BARO_TRY(ReadChunkHeader(first_byte, static_cast<std::uint32_t>(count), reader, header));
    const base::ByteSpan payload = bytes.last(reader.remaining());
    if (header.payload_bytes > payload.size()) return Damaged("cut short");
    BARO_TRY(DecodeChunk(header, payload, count, values.first(count)));
    bytes = payload.subspan(header.payload_bytes);
    values = values.subspan(count);
  }
  return bytes;
}

}  // namespace baro::tsdb

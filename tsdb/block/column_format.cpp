#include "tsdb/block/column_format.h"

#include <algorithm>
#include <functional>

#include "tsdb/codec/timestamp_codec.h"

namespace baro::tsdb {

void EncodeColumnEntry(const ColumnEntry& entry, base::ByteBuffer& out) {
  BARO_ASSERT(entry.offset < std::uint64_t{1} << 48);
  base::AppendLe(out, entry.min_time_ms);
  base::AppendLe(out, entry.max_time_ms);
  base::AppendLe(out, entry.offset << 16 | entry.rows);
  base::AppendLe(out, entry.size_bytes);
  base::AppendLe(out, entry.crc);
}

ColumnEntry LoadColumnEntry(const std::byte* at) {
  const auto place = base::LoadLe<std::uint64_t>(at + 16);
  return {.min_time_ms = base::LoadLe<std::int64_t>(at),
          .max_time_ms = base::LoadLe<std::int64_t>(at + 8),
          .offset = place >> 16,
          .rows = static_cast<std::uint16_t>(place),
          .size_bytes = base::LoadLe<std::uint32_t>(at + 24),
          .crc = base::LoadLe<std::uint32_t>(at + 28)};
}

void EncodeColumn(std::span<const std::int64_t> timestamps_ms, base::ByteBuffer& out) {
  EncodeTimestamps(timestamps_ms, out);
}

base::Result<> DecodeColumn(base::ByteSpan bytes, std::span<std::int64_t> timestamps_ms) {
  const base::ByteSpan rest = BARO_TRY(DecodeTimestamps(bytes, timestamps_ms));
  if (!rest.empty() || std::ranges::adjacent_find(timestamps_ms, std::ranges::greater_equal()) != timestamps_ms.end()) {
    return base::Fail(base::Code::kCorruption, "not increasing, or bytes behind its end");
  }
  return {};
}

}  // namespace baro::tsdb

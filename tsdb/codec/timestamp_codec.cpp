#include "tsdb/codec/timestamp_codec.h"

#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {

static_assert(kTimestampColumnMax <= kStreamLengthMax);

// Signed and unsigned integers of one size may stand for each other, so the columns are not copied.

void EncodeTimestamps(std::span<const std::int64_t> timestamps_ms, base::ByteBuffer& out) {
  EncodeIntegers({reinterpret_cast<const std::uint64_t*>(timestamps_ms.data()), timestamps_ms.size()}, out);
}

base::Result<base::ByteSpan> DecodeTimestamps(base::ByteSpan bytes, std::span<std::int64_t> timestamps_ms) {
  return DecodeIntegers(bytes, {reinterpret_cast<std::uint64_t*>(timestamps_ms.data()), timestamps_ms.size()});
}

}  // namespace baro::tsdb

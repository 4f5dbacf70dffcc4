#include "tsdb/promblock/head_chunks.h"

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/chunk_segments.h"

namespace baro::tsdb {
namespace {

constexpr std::uint32_t kMagic = 0x0130BC91;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 8;
constexpr unsigned kOutOfOrderFlag = 0x80;  // in the encoding

/// Reads one chunk; false where there is none or it is damaged.
bool TakeChunk(base::ByteReader& reader, base::ByteSpan rest, WalSeriesRef& ref, FinishedChunk& chunk) {
  ref = TakeBe<std::uint64_t>(reader);
  chunk.min_time_ms = static_cast<std::int64_t>(TakeBe<std::uint64_t>(reader));
  chunk.max_time_ms = static_cast<std::int64_t>(TakeBe<std::uint64_t>(reader));
  const auto encoding = reader.Le<std::uint8_t>();
  chunk.encoding = static_cast<ChunkEncoding>(encoding & ~kOutOfOrderFlag);
  const base::ByteSpan data = reader.Bytes(reader.Varint());
  if (!reader.ok() || data.empty()) return false;
  const base::ByteSpan checked = rest.first(rest.size() - reader.remaining());
  const auto crc = TakeBe<std::uint32_t>(reader);
  if (!reader.ok() || crc != base::Crc32c(checked)) return false;
  chunk.data.assign(data.begin(), data.end());
  return true;
}

}  // namespace

base::Result<> ForEachHeadChunk(base::FileSystem& files, const std::string& directory,
                                const std::function<base::Result<>(WalSeriesRef, FinishedChunk)>& visit,
                                const base::CancelToken& cancel) {
  if (!BARO_TRY(files.Exists(directory))) return {};
  for (const std::string& name : BARO_TRY(files.ListDirectory(directory))) {
    if (!SegmentNumber(name)) continue;
    const auto file = BARO_TRY(files.Map(directory + "/" + name));
    base::ByteReader reader(file->bytes());
    if (TakeBe<std::uint32_t>(reader) != kMagic || reader.Le<std::uint8_t>() != kVersion) continue;
    reader.Bytes(kHeaderBytes - 5);
    while (reader.remaining() > 0) {
      if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "reading a Prometheus head: cancelled");
      const base::ByteSpan rest = file->bytes().last(reader.remaining());
      WalSeriesRef ref = 0;
      FinishedChunk chunk;
      if (!TakeChunk(reader, rest, ref, chunk)) break;
      const auto facts = InspectChunk({.encoding = static_cast<std::uint8_t>(chunk.encoding), .data = chunk.data});
      if (!facts) continue;
      chunk.samples = facts->samples;
      BARO_TRY(visit(ref, std::move(chunk)));
    }
  }
  return {};
}

}  // namespace baro::tsdb

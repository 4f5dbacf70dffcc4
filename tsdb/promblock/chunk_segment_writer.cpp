#include "tsdb/promblock/chunk_segment_writer.h"

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/chunk_segments.h"

namespace baro::tsdb {

base::Result<std::uint64_t> ChunkSegmentWriter::Append(const FinishedChunk& chunk) {
  base::ByteBuffer bytes;
  base::AppendVarint(bytes, chunk.data.size());
  const std::size_t checked = bytes.size();
  bytes.push_back(static_cast<std::byte>(chunk.encoding));
  base::AppendBytes(bytes, chunk.data);
  AppendBe(bytes, base::Crc32c(base::ByteSpan(bytes).subspan(checked)));
  const bool is_full =
      file_ && file_->size() > kChunkSegmentHeaderBytes && file_->size() + bytes.size() > segment_bytes_max_;
  if (!file_ || is_full) {
    BARO_TRY(Finish());
    BARO_TRY(Open());
  }
  const std::uint64_t ref = (count_ - 1) << 32 | file_->size();
  BARO_TRY(file_->Append(bytes));
  return ref;
}

base::Result<> ChunkSegmentWriter::Open() {
  file_ = BARO_TRY(OutputFile::Create(files_, fmt::format("{}/{:06}", directory_, count_ + 1)));
  ++count_;
  base::ByteBuffer header;
  AppendBe(header, kChunkSegmentMagic);
  AppendBe(header, kChunkSegmentVersion);
  header.resize(kChunkSegmentHeaderBytes);
  return file_->Append(header);
}

base::Result<> ChunkSegmentWriter::Finish() {
  if (!file_) return {};
  BARO_TRY(file_->Finish());
  file_.reset();
  return {};
}

}  // namespace baro::tsdb

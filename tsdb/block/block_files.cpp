#include "tsdb/block/block_files.h"

#include <fmt/format.h>
#include <zstd.h>

#include "base/planted_fault.h"

#include "base/crc32c.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kMagic = "BAROBLK1";
constexpr std::uint32_t kFileVersion = 1;
constexpr std::size_t kHeaderCrcOffset = 32;
constexpr std::size_t kFlushBytes = 256 << 10;

constexpr std::uint8_t kCompressedFlag = 1;
constexpr int kCompressionLevel = 3;  // 9 saves 2 % of an index, which is a hundredth of a block

// A frame may grow by so much when it is taken out; ours never come near it. Source: reliability rules, "compression
// ratio 200:1 past 1 MiB".
constexpr std::size_t kRatioMax = 200;
constexpr std::size_t kRatioFreeBytes = std::size_t{1} << 20;

base::Error Damaged(std::string what) { return {base::Code::kCorruption, std::move(what)}; }

}  // namespace

std::string_view BlockFileName(BlockFile file) {
  switch (file) {
    case BlockFile::kIndex:
      return "index";
    case BlockFile::kColumns:
      return "columns";
    case BlockFile::kChunks:
      return "chunks";
    case BlockFile::kMetadata:
      return "metadata";
    case BlockFile::kExemplars:
      return "exemplars";
    case BlockFile::kStarts:
      return "starts";
  }
  return "chunks";
}

std::uint32_t PlaceSeed(const Ulid& ulid, BlockFile file, std::uint64_t offset) {
  std::byte place[28];
  std::memcpy(place, ulid.bytes.data(), ulid.bytes.size());
  base::StoreLe(place + 16, static_cast<std::uint32_t>(file));
  base::StoreLe(place + 20, offset);
  return base::Crc32c(place);
}

base::Result<> CheckBlockFileHeader(base::ByteSpan bytes, const Ulid& ulid, BlockFile file) {
  const std::string_view name = BlockFileName(file);
  if (bytes.size() < kBlockFileHeaderBytes) {
    return Damaged(
        fmt::format("header cut short: want {} bytes, got {}: {}", kBlockFileHeaderBytes, bytes.size(), name));
  }
  if (base::AsText(bytes.first(kMagic.size())) != kMagic) return Damaged(fmt::format("no block file: {}", name));
  const std::uint32_t crc = base::Crc32c(bytes.first(kHeaderCrcOffset));
  if (base::LoadLe<std::uint32_t>(bytes.data() + kHeaderCrcOffset) != crc) {
    return Damaged(fmt::format("header does not match its checksum: {}", name));
  }
  const auto version = base::LoadLe<std::uint32_t>(bytes.data() + 8);
  if (version != kFileVersion) {
    return base::Fail(base::Code::kUnsupported, fmt::format("version {} of {} is not known", version, name));
  }
  if (base::LoadLe<std::uint32_t>(bytes.data() + 12) != static_cast<std::uint32_t>(file) ||
      std::memcmp(bytes.data() + 16, ulid.bytes.data(), ulid.bytes.size()) != 0) {
    return Damaged(fmt::format("file of another block or kind: {}", name));
  }
  return {};
}

base::Result<FrameView> LookAtFrame(base::ByteSpan file, std::uint64_t offset, FrameKind kind) {
  const auto damaged = [offset](std::string_view what) {
    return Damaged(fmt::format("frame at {}: {}", offset, what));
  };
  if (offset > file.size() || file.size() - offset < kFrameHeaderBytes) return damaged("behind the end of the file");
  const std::byte* const at = file.data() + offset;
  const auto stored = base::LoadLe<std::uint32_t>(at + 4);
  const auto raw = base::LoadLe<std::uint32_t>(at + 8);
  const auto flags = base::LoadLe<std::uint8_t>(at + 12);
  if (stored > file.size() - offset - kFrameHeaderBytes) return damaged("longer than the file");
  if (base::LoadLe<std::uint8_t>(at + 13) != static_cast<std::uint8_t>(kind)) return damaged("of another kind");
  if (flags > kCompressedFlag || base::LoadLe<std::uint16_t>(at + 14) != 0) return damaged("unknown flags");
  if (flags == 0 && raw != stored) return damaged("two lengths");
  return FrameView{.kind = kind,
                   .is_compressed = flags == kCompressedFlag,
                   .raw_bytes = raw,
                   .stored = file.subspan(offset + kFrameHeaderBytes, stored)};
}

base::Result<FrameView> CheckFrame(base::ByteSpan file, std::uint64_t offset, FrameKind kind, std::uint32_t seed) {
  const FrameView frame = BARO_TRY(LookAtFrame(file, offset, kind));
  const base::ByteSpan covered = file.subspan(offset + 4, frame.size_bytes() - 4);
  if (base::Crc32c(covered, seed) != base::LoadLe<std::uint32_t>(file.data() + offset)) {
    return Damaged(fmt::format("frame at {}: it does not match its checksum", offset));
  }
  return frame;
}

base::Result<base::ByteSpan> FrameContent(const FrameView& frame, base::ByteBuffer& buffer) {
  if (!frame.is_compressed) return frame.stored;
  if (frame.raw_bytes > kFrameBytesMax || frame.raw_bytes > kRatioFreeBytes + kRatioMax * frame.stored.size()) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("frame of {} bytes says it holds {}: more than {} times and {} bytes are refused",
                                  frame.stored.size(), frame.raw_bytes, kRatioMax, kFrameBytesMax));
  }
  buffer.resize(frame.raw_bytes);
  const std::size_t got = ZSTD_decompress(buffer.data(), buffer.size(), frame.stored.data(), frame.stored.size());
  if (ZSTD_isError(got) != 0 || got != frame.raw_bytes) return Damaged("frame: its compressed content is damaged");
  return base::ByteSpan(buffer);
}

void AppendFrame(FrameKind kind, base::ByteSpan content, FrameForm form, std::uint32_t seed, base::ByteBuffer& out) {
  BARO_ASSERT(content.size() <= kFrameBytesMax);
  const std::size_t start = out.size();
  out.resize(start + kFrameHeaderBytes);
  bool is_compressed = false;
  if (form == FrameForm::kSmallest && !content.empty()) {
    out.resize(start + kFrameHeaderBytes + ZSTD_compressBound(content.size()));
    const std::size_t got =
        ZSTD_compress(out.data() + start + kFrameHeaderBytes, out.size() - start - kFrameHeaderBytes, content.data(),
                      content.size(), kCompressionLevel);
    is_compressed = ZSTD_isError(got) == 0 && got < content.size() &&
                    content.size() <= kRatioFreeBytes + kRatioMax * got;  // what a reader would refuse stays plain
    out.resize(start + kFrameHeaderBytes + (is_compressed ? got : 0));
  }
  if (!is_compressed) base::AppendBytes(out, content);
  std::byte* const header = out.data() + start;
  const std::size_t stored = out.size() - start - kFrameHeaderBytes;
  base::StoreLe(header + 4, static_cast<std::uint32_t>(stored));
  base::StoreLe(header + 8, static_cast<std::uint32_t>(content.size()));
  base::StoreLe(header + 12, static_cast<std::uint8_t>(is_compressed ? kCompressedFlag : 0));
  base::StoreLe(header + 13, static_cast<std::uint8_t>(kind));
  base::StoreLe(header + 14, std::uint16_t{0});
  base::StoreLe(header, base::Crc32c(base::ByteSpan(out).subspan(start + 4), seed));
}

base::Result<std::unique_ptr<BlockFileWriter>> BlockFileWriter::Create(base::FileSystem& files,
                                                                       const std::string& directory, const Ulid& ulid,
                                                                       BlockFile kind) {
  auto file = BARO_TRY(
      files.OpenWritable(fmt::format("{}/{}", directory, BlockFileName(kind)), base::FileSystem::OpenMode::kCreate));
  std::unique_ptr<BlockFileWriter> writer(new BlockFileWriter(std::move(file), ulid, kind));
  base::ByteBuffer& header = writer->buffer_;
  base::AppendBytes(header, base::AsBytes(kMagic));
  base::AppendLe(header, kFileVersion);
  base::AppendLe(header, static_cast<std::uint32_t>(kind));
  base::AppendBytes(header, std::as_bytes(std::span(ulid.bytes)));
  base::AppendLe(header, base::Crc32c(header));
  base::AppendLe(header, std::uint32_t{0});
  static_assert(kMagic.size() + 4 + 4 + sizeof(ulid.bytes) == kHeaderCrcOffset);
  BARO_ASSERT(header.size() == kBlockFileHeaderBytes);
  return writer;
}

base::Result<> BlockFileWriter::Append(base::ByteSpan bytes) {
  base::AppendBytes(buffer_, bytes);
  return buffer_.size() < kFlushBytes ? base::Result<>() : Flush();
}

base::Result<std::uint64_t> BlockFileWriter::AppendFrame(FrameKind kind, base::ByteSpan content, FrameForm form) {
  const std::uint64_t at = offset();
  frame_.clear();
  tsdb::AppendFrame(kind, content, form, seed(), frame_);
  BARO_TRY(Append(frame_));
  return at;
}

base::Result<> BlockFileWriter::Flush() {
  BARO_TRY(file_->Append(buffer_));
  flushed_bytes_ += buffer_.size();
  buffer_.clear();
  return {};
}

base::Result<> BlockFileWriter::Finish() {
  BARO_TRY(Flush());
  if (BARO_PLANTED(kRenamedBeforeSync)) return file_->Close();
  BARO_TRY(file_->Sync());
  return file_->Close();
}

}  // namespace baro::tsdb

#include "tsdb/promblock/chunk_segments.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"

namespace baro::tsdb {
namespace {

using base::Code;
using base::Fail;

base::Result<> CheckHeader(base::ByteSpan bytes) {
  if (bytes.size() < kChunkSegmentHeaderBytes) {
    return Fail(Code::kCorruption,
                fmt::format("header cut short: want {} bytes, got {}", kChunkSegmentHeaderBytes, bytes.size()));
  }
  if (const auto magic = LoadBe<std::uint32_t>(bytes.data()); magic != kChunkSegmentMagic) {
    return Fail(Code::kCorruption, fmt::format("magic number {:#010x}: want {:#010x}", magic, kChunkSegmentMagic));
  }
  if (const auto version = LoadBe<std::uint8_t>(bytes.data() + 4); version != kChunkSegmentVersion) {
    return Fail(Code::kUnsupported, fmt::format("version {}: want {}", version, kChunkSegmentVersion));
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> SegmentNumber(std::string_view name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

base::Result<ChunkSegments> ChunkSegments::Open(base::FileSystem& files, const std::string& directory) {
  ChunkSegments segments;
  // References count the files in their order, whatever their numbers.
  for (const std::string& name : BARO_TRY(files.ListDirectory(directory))) {
    if (!SegmentNumber(name)) continue;
    const std::string path = directory + "/" + name;
    auto file = BARO_TRY(files.Map(path));
    if (auto good = CheckHeader(file->bytes()); !good) return good.error().WithContext(path);
    segments.segments_.push_back({.path = path, .file = std::move(file)});
  }
  return segments;
}

base::Result<ChunkView> ChunkSegments::Read(std::uint64_t ref) const {
  const std::uint64_t number = ref >> 32;
  const std::uint64_t offset = ref & 0xffffffff;
  if (number >= segments_.size()) {
    return Fail(Code::kCorruption, fmt::format("chunk in segment {}: there are {}", number + 1, segments_.size()));
  }
  const Segment& segment = segments_[number];
  const base::ByteSpan bytes = segment.file->bytes();
  const auto corruption = [&](std::string_view what) {
    return base::Error(Code::kCorruption, fmt::format("{}: at offset {}: chunk: {}", segment.path, offset, what));
  };
  if (offset < kChunkSegmentHeaderBytes || offset >= bytes.size()) return corruption("outside of the file");
  base::ByteReader reader(bytes.subspan(offset));
  const std::uint64_t size = reader.Varint();
  if (!reader.ok() || size >= reader.remaining()) return corruption("reaches beyond the file");
  const base::ByteSpan checked = reader.Bytes(size + 1);
  const auto crc = TakeBe<std::uint32_t>(reader);
  if (!reader.ok()) return corruption("reaches beyond the file");
  if (crc != base::Crc32c(checked)) return corruption("the checksum does not match");
  return ChunkView{.encoding = static_cast<std::uint8_t>(checked[0]), .data = checked.subspan(1)};
}

std::uint64_t ChunkSegments::size_bytes() const {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.file->bytes().size();
  return sum;
}

}  // namespace baro::tsdb

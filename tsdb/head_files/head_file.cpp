#include "tsdb/head_files/head_file.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/codec/integer_stream.h"
#include "tsdb/wal/row_format.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kMagic = "BAROHCH1";
constexpr std::size_t kChunkHeadBytes = 64;
constexpr std::size_t kAlignment = 8;

constexpr std::size_t Aligned(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// Number and offset are mixed in, so that a chunk in the wrong place is damage too. `bytes` begin behind the checksum.
std::uint32_t ChunkChecksum(std::uint64_t number, std::uint64_t offset, base::ByteSpan bytes) {
  std::byte place[16];
  base::StoreLe(place, number);
  base::StoreLe(place + 8, offset);
  return base::Crc32c(bytes, base::Crc32c(place));
}

// Series of one target were made one after the other: their numbers are few runs.
void AppendLayout(std::span<const LogSeriesId> layout, base::ByteBuffer& out) {
  std::uint64_t expected = 0;
  for (std::size_t begin = 0; begin < layout.size();) {
    const auto first = static_cast<std::uint64_t>(layout[begin]);
    const std::uint64_t step = first == 0 ? 0 : 1;
    std::size_t end = begin + 1;
    while (end < layout.size() && static_cast<std::uint64_t>(layout[end]) == first + step * (end - begin)) ++end;
    base::AppendVarint(out, (end - begin) << 1 | step);
    if (step != 0) {
      base::AppendSignedVarint(out, static_cast<std::int64_t>(first - expected));
      expected = first + (end - begin);
    }
    begin = end;
  }
}

bool ReadLayout(base::ByteSpan bytes, std::size_t columns, std::vector<LogSeriesId>& layout) {
  base::ByteReader reader(bytes);
  std::uint64_t expected = 0;
  layout.clear();
  while (reader.ok() && layout.size() < columns) {
    const std::uint64_t head = reader.Varint();
    const std::uint64_t length = head >> 1;
    if (length == 0 || length > columns - layout.size()) return false;
    if ((head & 1) == 0) {
      layout.resize(layout.size() + length, LogSeriesId::kNone);
      continue;
    }
    const std::uint64_t first = expected + static_cast<std::uint64_t>(reader.SignedVarint());
    for (std::uint64_t i = 0; i < length; ++i) layout.push_back(static_cast<LogSeriesId>(first + i));
    expected = first + length;
  }
  return reader.ok() && reader.AtEnd();
}

// Reads the chunk at the front of `bytes`, whose checksum was right. Nothing if it contradicts itself.
std::optional<HeadFileChunk> ReadChunk(base::ByteSpan bytes, const std::shared_ptr<const base::MappedFile>& file) {
  base::ByteReader head(bytes.subspan(8, kChunkHeadBytes - 8));
  HeadFileChunk out;
  GroupChunk::Parts parts;
  out.group = head.Le<std::uint64_t>();
  parts.first_row = head.Le<std::uint64_t>();
  parts.min_ms = head.Le<std::int64_t>();
  parts.max_ms = head.Le<std::int64_t>();
  parts.rows = head.Le<std::uint32_t>();
  const std::uint64_t columns = head.Le<std::uint32_t>();
  const std::uint64_t layout_bytes = head.Le<std::uint32_t>();
  const std::uint64_t timestamp_bytes = head.Le<std::uint32_t>();
  const std::uint64_t value_bytes = head.Le<std::uint32_t>();
  const bool is_possible = parts.rows > 0 && parts.rows <= kStreamLengthMax && columns > 0 &&
                           columns <= kRowColumnsMax && out.group != 0 && parts.first_row <= kRowNumberMax &&
                           parts.min_ms <= parts.max_ms;
  if (!is_possible) return std::nullopt;
  const std::uint64_t offsets_bytes = (columns + 1) * sizeof(std::uint32_t);
  base::ByteReader body(bytes.subspan(kChunkHeadBytes));
  const base::ByteSpan offsets = body.Bytes(offsets_bytes);
  out.packed_layout = body.Bytes(layout_bytes);
  parts.timestamps = body.Bytes(timestamp_bytes);
  parts.values = body.Bytes(value_bytes);
  if (!body.ok() || body.remaining() >= kAlignment) return std::nullopt;
  // Chunks begin at multiples of 8 and the file at a page, so that offsets are read where they are.
  parts.offsets = {reinterpret_cast<const std::uint32_t*>(offsets.data()), static_cast<std::size_t>(columns) + 1};
  if (parts.offsets.back() > value_bytes || !std::ranges::is_sorted(parts.offsets)) return std::nullopt;
  thread_local std::vector<LogSeriesId> layout;
  if (!ReadLayout(out.packed_layout, columns, layout)) return std::nullopt;
  out.chunk = std::make_shared<const GroupChunk>(parts, file);
  return out;
}

}  // namespace

std::vector<LogSeriesId> HeadFileChunk::Layout() const {
  std::vector<LogSeriesId> layout;
  ReadLayout(packed_layout, chunk->columns(), layout);
  return layout;
}

std::string HeadFileName(std::uint64_t number) { return fmt::format("{:08}", number); }

std::uint64_t ParseHeadFileName(std::string_view name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || HeadFileName(number) != name) return 0;
  return number;
}

HeadFileBuilder::HeadFileBuilder(std::uint64_t number) : number_(number), bytes_(kHeadFileHeaderBytes) {}

void HeadFileBuilder::Add(std::uint64_t group, std::span<const LogSeriesId> layout, const GroupChunk& chunk) {
  const GroupChunk::Parts& parts = chunk.parts();
  BARO_ASSERT(layout.size() == chunk.columns());
  base::ByteBuffer packed_layout;
  AppendLayout(layout, packed_layout);
  const std::size_t begin = bytes_.size();
  base::AppendLe(bytes_, std::uint32_t{0});  // length
  base::AppendLe(bytes_, std::uint32_t{0});  // checksum
  base::AppendLe(bytes_, group);
  base::AppendLe(bytes_, parts.first_row);
  base::AppendLe(bytes_, parts.min_ms);
  base::AppendLe(bytes_, parts.max_ms);
  base::AppendLe(bytes_, static_cast<std::uint32_t>(parts.rows));
  base::AppendLe(bytes_, static_cast<std::uint32_t>(chunk.columns()));
  base::AppendLe(bytes_, static_cast<std::uint32_t>(packed_layout.size()));
  base::AppendLe(bytes_, static_cast<std::uint32_t>(parts.timestamps.size()));
  base::AppendLe(bytes_, static_cast<std::uint32_t>(parts.values.size()));
  base::AppendLe(bytes_, std::uint32_t{0});  // reserved
  base::AppendBytes(bytes_, std::as_bytes(parts.offsets));
  base::AppendBytes(bytes_, packed_layout);
  base::AppendBytes(bytes_, parts.timestamps);
  base::AppendBytes(bytes_, parts.values);
  bytes_.resize(Aligned(bytes_.size()));
  const base::ByteSpan all = base::ByteSpan(bytes_).subspan(begin);
  base::StoreLe(bytes_.data() + begin, static_cast<std::uint32_t>(all.size()));
  base::StoreLe(bytes_.data() + begin + 4, base::Crc32c(all.subspan(8), ChunkChecksum(number_, begin, all.first(4))));
  ++chunks_;
  max_ms_ = std::max(max_ms_, parts.max_ms);
}

base::ByteBuffer HeadFileBuilder::Take() {
  std::memcpy(bytes_.data(), kMagic.data(), kMagic.size());
  base::StoreLe(bytes_.data() + 8, number_);
  base::StoreLe(bytes_.data() + 16, std::uint64_t{bytes_.size()});
  base::StoreLe(bytes_.data() + 24, chunks_);
  base::StoreLe(bytes_.data() + 28, base::Crc32c(base::ByteSpan(bytes_).first(28)));
  return std::move(bytes_);
}

ParsedHeadFile ParseHeadFile(const std::shared_ptr<const base::MappedFile>& file, std::uint64_t number) {
  ParsedHeadFile out{.map = file};
  const base::ByteSpan bytes = file->bytes();
  const auto damaged = [&out](std::string_view what, std::uint64_t offset) {
    if (out.damage.empty()) out.damage = fmt::format("{} at byte {}", what, offset);
  };
  if (bytes.size() < kHeadFileHeaderBytes) {
    damaged("cut short", bytes.size());
    return out;
  }
  if (base::AsText(bytes.first(kMagic.size())) != kMagic) {
    damaged("no file of head chunks of version 1", 0);
    return out;
  }
  const bool is_header_good = base::LoadLe<std::uint32_t>(bytes.data() + 28) == base::Crc32c(bytes.first(28)) &&
                              base::LoadLe<std::uint64_t>(bytes.data() + 8) == number;
  if (!is_header_good) {
    damaged("header is damaged or another file's", 0);
    return out;
  }
  const auto size = base::LoadLe<std::uint64_t>(bytes.data() + 16);
  const auto chunks = base::LoadLe<std::uint32_t>(bytes.data() + 24);
  std::uint64_t offset = kHeadFileHeaderBytes;
  while (offset < std::min<std::uint64_t>(size, bytes.size())) {
    const base::ByteSpan rest = bytes.subspan(offset);
    const std::uint64_t length = rest.size() < kChunkHeadBytes ? 0 : base::LoadLe<std::uint32_t>(rest.data());
    if (length < kChunkHeadBytes || length > rest.size() || length % kAlignment != 0) {
      damaged("chunk cut short or of impossible length", offset);
      return out;
    }
    const base::ByteSpan chunk = rest.first(length);
    const std::uint32_t checksum = base::Crc32c(chunk.subspan(8), ChunkChecksum(number, offset, chunk.first(4)));
    if (base::LoadLe<std::uint32_t>(chunk.data() + 4) != checksum) {
      damaged("chunk's checksum is wrong", offset);
    } else if (auto read = ReadChunk(chunk, file)) {
      out.chunks.push_back(*std::move(read));
    } else {
      damaged("chunk contradicts itself", offset);
    }
    offset += length;
  }
  if (out.chunks.size() != chunks) damaged("chunks are missing", bytes.size());
  return out;
}

}  // namespace baro::tsdb

#include "tsdb/promblock/index_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"

namespace baro::tsdb {
namespace {

using base::ByteReader;
using base::ByteSpan;
using base::Code;
using base::Fail;

constexpr std::uint32_t kMagic = 0xBAAAD700;
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kContentsBytes = 6 * 8 + 4;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kCrcBytes = 4;
constexpr std::uint64_t kSeriesAlignment = 16;
constexpr std::uint64_t kTableKeys = 2;  // name and value

}  // namespace

IndexReader::IndexReader(std::unique_ptr<base::MappedFile> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)), bytes_(file_->bytes()) {}

base::Result<std::unique_ptr<const IndexReader>> IndexReader::Open(base::FileSystem& files, const std::string& path) {
  auto map = BARO_TRY(files.Map(path));  // apart: within `new` an early return would keep the memory
  // NOLINTNEXTLINE(modernize-make-unique): the constructor is private.
  std::unique_ptr<IndexReader> index(new IndexReader(std::move(map), path));
  const TableOfContents contents = BARO_TRY(index->ReadContents());
  index->series_begin_ = contents.series;
  BARO_TRY(index->LoadSymbols(contents.symbols));
  BARO_TRY(index->LoadTable(contents.postings_table));
  return std::unique_ptr<const IndexReader>(std::move(index));
}

base::Error IndexReader::Corruption(std::uint64_t offset, std::string_view what) const {
  return {Code::kCorruption, fmt::format("{}: at offset {}: {}", path_, offset, what)};
}

base::Result<IndexReader::TableOfContents> IndexReader::ReadContents() const {
  if (bytes_.size() < kHeaderBytes + kContentsBytes) {
    return Corruption(
        0, fmt::format("cut short: want at least {} bytes, got {}", kHeaderBytes + kContentsBytes, bytes_.size()));
  }
  ByteReader header(bytes_);
  if (const auto magic = TakeBe<std::uint32_t>(header); magic != kMagic) {
    return Corruption(0, fmt::format("magic number {:#010x}: want {:#010x}", magic, kMagic));
  }
  if (const auto version = header.Le<std::uint8_t>(); version != kVersion) {
    return Fail(Code::kUnsupported, fmt::format("{}: version {} of the index is not read here: want {} (Prometheus 2.2 "
                                                "and newer write it; let one compact the block)",
                                                path_, version, kVersion));
  }
  const std::uint64_t begin = bytes_.size() - kContentsBytes;
  const ByteSpan contents = bytes_.subspan(begin, kContentsBytes - kCrcBytes);
  ByteReader reader(bytes_.subspan(begin));
  TableOfContents found;
  found.symbols = TakeBe<std::uint64_t>(reader);
  found.series = TakeBe<std::uint64_t>(reader);
  reader.Bytes(3 * 8);  // label indices and their table, which nobody needs, and the begin of the postings
  found.postings_table = TakeBe<std::uint64_t>(reader);
  if (TakeBe<std::uint32_t>(reader) != base::Crc32c(contents)) {
    return Corruption(begin, "table of contents: the checksum does not match");
  }
  return found;
}

// The content between the length and the checksum.
base::Result<ByteSpan> IndexReader::Section(std::uint64_t offset, std::string_view what) const {
  if (offset < kHeaderBytes || offset > bytes_.size() || bytes_.size() - offset < kLengthBytes + kCrcBytes) {
    return Corruption(offset, fmt::format("{}: lies outside of the file of {} bytes", what, bytes_.size()));
  }
  const std::uint64_t size = LoadBe<std::uint32_t>(bytes_.data() + offset);
  if (size > bytes_.size() - offset - kLengthBytes - kCrcBytes) {
    return Corruption(offset, fmt::format("{}: {} bytes reach beyond the file of {}", what, size, bytes_.size()));
  }
  const ByteSpan content = bytes_.subspan(offset + kLengthBytes, size);
  if (base::Crc32c(content) != LoadBe<std::uint32_t>(content.data() + size)) {
    return Corruption(offset, fmt::format("{}: the checksum does not match", what));
  }
  return content;
}

base::Result<> IndexReader::LoadSymbols(std::uint64_t offset) {
  symbols_ = BARO_TRY(Section(offset, "symbols"));
  ByteReader reader(symbols_);
  const auto count = TakeBe<std::uint32_t>(reader);
  if (count > reader.remaining()) return Corruption(offset, fmt::format("symbols: {} cannot be", count));
  symbol_offsets_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    symbol_offsets_.push_back(static_cast<std::uint32_t>(symbols_.size() - reader.remaining()));
    reader.Text();
  }
  if (!reader.ok()) return Corruption(offset, fmt::format("symbols: cut short, want {}", count));
  return {};
}

IndexReader::TableEntry IndexReader::TakeEntry(ByteReader& reader) {
  const std::uint64_t keys = reader.Varint();
  TableEntry entry;
  entry.name = reader.Text();
  entry.value = reader.Text();
  entry.postings_offset = reader.Varint();
  if (keys != kTableKeys) reader.Bytes(reader.remaining() + 1);  // no such entry: makes the reader fail
  return entry;
}

base::Result<> IndexReader::LoadTable(std::uint64_t offset) {
  table_ = BARO_TRY(Section(offset, "table of postings"));
  ByteReader reader(table_);
  const auto count = TakeBe<std::uint32_t>(reader);
  // An entry has four bytes at least.
  if (count > reader.remaining() / 4) return Corruption(offset, fmt::format("table of postings: {} cannot be", count));
  entry_offsets_.reserve(count);
  TableEntry last;
  for (std::uint32_t i = 0; i < count; ++i) {
    entry_offsets_.push_back(static_cast<std::uint32_t>(table_.size() - reader.remaining()));
    const TableEntry entry = TakeEntry(reader);
    if (!reader.ok())
      return Corruption(offset, fmt::format("table of postings: entry {} of {} is malformed", i, count));
    if (i > 0 && std::tie(entry.name, entry.value) <= std::tie(last.name, last.value)) {
      return Corruption(offset,
                        fmt::format("table of postings: entry {} of {} is not behind the one before", i, count));
    }
    if (i == 0 || entry.name != last.name) names_.push_back({.name = entry.name, .first = i});
    ++names_.back().count;
    last = entry;
  }
  return {};
}

std::vector<std::string_view> IndexReader::LabelNames() const {
  std::vector<std::string_view> names;
  for (const NameEntry& entry : names_) {
    if (!entry.name.empty()) names.push_back(entry.name);
  }
  return names;
}

std::vector<std::string_view> IndexReader::LabelValues(std::string_view name) const {
  std::vector<std::string_view> values;
  const NameEntry* const found = name.empty() ? nullptr : FindName(name);
  if (found == nullptr) return values;
  values.reserve(found->count);
  for (std::uint32_t i = 0; i < found->count; ++i) values.push_back(EntryAt(found->first + i).value);
  return values;
}

base::Result<std::string_view> IndexReader::Symbol(std::uint64_t number, std::uint64_t offset) const {
  if (number >= symbol_offsets_.size()) {
    return Corruption(offset, fmt::format("series: symbol {} of {}", number, symbol_offsets_.size()));
  }
  ByteReader reader(symbols_.subspan(symbol_offsets_[number]));
  return reader.Text();
}

base::Result<> IndexReader::ReadSeries(BlockSeriesRef ref, model::LabelsBuilder& builder, BlockSeries& series) const {
  const std::uint64_t offset = ref * kSeriesAlignment;
  if (offset < series_begin_ || offset >= bytes_.size()) return Corruption(offset, "series: outside of the file");
  ByteReader outer(bytes_.subspan(offset));
  const ByteSpan content = outer.Bytes(outer.Varint());
  const auto crc = TakeBe<std::uint32_t>(outer);
  if (!outer.ok()) return Corruption(offset, "series: reaches beyond the file");
  if (crc != base::Crc32c(content)) return Corruption(offset, "series: the checksum does not match");

  ByteReader reader(content);
  const std::uint64_t label_count = reader.Varint();
  builder.Reset();
  std::size_t label_bytes = 0;
  for (std::uint64_t i = 0; i < label_count && reader.ok(); ++i) {
    const std::string_view name = BARO_TRY(Symbol(reader.Varint(), offset));
    const std::string_view value = BARO_TRY(Symbol(reader.Varint(), offset));
    label_bytes += name.size() + value.size();
    if (i >= kSeriesLabelsMax || label_bytes > kSeriesLabelBytesMax) {
      return Fail(Code::kLimitExceeded, fmt::format("{}: at offset {}: series: more than {} labels or {} bytes of them",
                                                    path_, offset, kSeriesLabelsMax, kSeriesLabelBytesMax));
    }
    builder.Set(name, value);
  }
  const std::uint64_t chunk_count = reader.Varint();
  series.chunks.clear();
  ChunkMeta chunk;
  for (std::uint64_t i = 0; i < chunk_count && reader.ok(); ++i) {
    // Arithmetic wraps: overlapping chunks, which Prometheus once wrote, have "negative" differences.
    const std::uint64_t begin = i == 0 ? static_cast<std::uint64_t>(reader.SignedVarint()) : reader.Varint();
    chunk.min_time_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(chunk.max_time_ms) + begin);
    chunk.max_time_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(chunk.min_time_ms) + reader.Varint());
    chunk.ref += i == 0 ? reader.Varint() : static_cast<std::uint64_t>(reader.SignedVarint());
    series.chunks.push_back(chunk);
  }
  if (!reader.ok()) return Corruption(offset, "series: malformed");
  series.labels = builder.Build();
  return {};
}

}  // namespace baro::tsdb

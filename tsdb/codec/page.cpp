#include "tsdb/codec/page.h"

#include <zstd.h>

#include "base/crc32c.h"

namespace baro::tsdb {
namespace {

// Chunks between two entries of the directory.
constexpr std::uint32_t kStride = 16;
// Shorter payloads cost no more than a reference to them.
constexpr std::size_t kSharedBytesMin = 4;
constexpr int kZstdLevel = 3;

constexpr std::uint8_t kColdFlag = 1;
constexpr std::uint8_t kWideFlag = 2;

// The greatest that a chunk can add to a page: raw values, and a header with some slack.
constexpr std::size_t kChunkBytesMax = kChunkRowsMax * 12;

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("page of chunks: {}", what)}; }

std::uint64_t HashOf(base::ByteSpan bytes) { return std::hash<std::string_view>()(base::AsText(bytes)); }

// Appends the bytes as a zstd frame, or as they are if that is no longer.
std::size_t AppendSmallest(base::ByteSpan bytes, base::ByteBuffer& out) {
  const std::size_t start = out.size();
  out.resize(start + ZSTD_compressBound(bytes.size()));
  std::size_t size = ZSTD_compress(out.data() + start, out.size() - start, bytes.data(), bytes.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0 || size >= bytes.size()) {
    size = bytes.size();
    if (size != 0) std::memcpy(out.data() + start, bytes.data(), size);
  }
  out.resize(start + size);
  return size;
}

base::Result<> Expand(base::ByteSpan stored, std::span<std::byte> out) {
  if (stored.size() == out.size()) {
    if (!stored.empty()) std::memcpy(out.data(), stored.data(), stored.size());
    return {};
  }
  const std::size_t size = ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) != 0 || size != out.size()) return Damaged("cannot be decompressed");
  return {};
}

// What stands in front of the directory, behind the checksum.
struct Preamble {
  std::uint8_t flags = 0;
  std::uint64_t chunks = 0;
  std::uint64_t rows = 0;
  std::uint64_t headers_bytes = 0;
  std::uint64_t payloads_bytes = 0;
  std::uint64_t headers_stored = 0;
  std::uint64_t payloads_stored = 0;

  std::size_t OffsetBytes() const { return (flags & kWideFlag) != 0 ? 4 : 2; }
  std::size_t DirectoryBytes() const { return (chunks - 1) / kStride * 2 * OffsetBytes(); }
};

base::Result<Preamble> ReadPreamble(base::ByteReader& reader) {
  Preamble preamble;
  preamble.flags = reader.Le<std::uint8_t>();
  preamble.chunks = reader.Varint();
  preamble.rows = reader.Varint();
  preamble.headers_bytes = preamble.headers_stored = reader.Varint();
  preamble.payloads_bytes = preamble.payloads_stored = reader.Varint();
  const bool is_cold = (preamble.flags & kColdFlag) != 0;
  if (is_cold) {
    preamble.headers_stored = reader.Varint();
    preamble.payloads_stored = reader.Varint();
  }
  if (!reader.ok()) return Damaged("cut short");
  if (preamble.flags > (kColdFlag | kWideFlag)) return Damaged("unknown form");
  if (preamble.chunks == 0 || preamble.chunks > kPageChunksMax) return Damaged("no chunks, or too many");
  if (preamble.rows == 0 || preamble.rows > kChunkRowsMax) return Damaged("chunks without rows, or with too many");
  if (preamble.headers_bytes > kPageBytesMax || preamble.payloads_bytes > kPageBytesMax ||
      preamble.headers_stored > preamble.headers_bytes || preamble.payloads_stored > preamble.payloads_bytes) {
    return Damaged(fmt::format("more than {} bytes", kPageBytesMax).c_str());
  }
  if (preamble.DirectoryBytes() + preamble.headers_stored + preamble.payloads_stored != reader.remaining()) {
    return Damaged("its parts do not add up to its length");
  }
  return preamble;
}

}  // namespace

PageBuilder::PageBuilder() { Clear(); }

void PageBuilder::Clear() {
  chunks_ = 0;
  rows_ = 0;
  usual_rows_ = 0;
  headers_.clear();
  payloads_.clear();
  directory_.clear();
  places_.clear();
}

bool PageBuilder::full() const {
  return chunks_ == kPageChunksMax || std::max(headers_.size(), payloads_.size()) + kChunkBytesMax > kPageBytesMax;
}

std::size_t PageBuilder::OffsetBytes() const { return std::max(headers_.size(), payloads_.size()) > 0xffff ? 4 : 2; }

std::size_t PageBuilder::SizeBytes() const {
  constexpr std::size_t kPreamble = 16;  // about
  return kPreamble + directory_.size() * OffsetBytes() + headers_.size() + payloads_.size();
}

// Where the same payload stands in front of `offset`; else remembers this one.
std::optional<std::uint32_t> PageBuilder::FindPayload(base::ByteSpan payload, std::uint32_t offset) {
  const std::uint64_t hash = HashOf(payload);
  const auto [begin, end] = places_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const auto place = static_cast<std::uint32_t>(it->second >> 32);
    const auto size = static_cast<std::uint32_t>(it->second);
    if (size == payload.size() && std::memcmp(payloads_.data() + place, payload.data(), size) == 0) return place;
  }
  places_.emplace(hash, std::uint64_t{offset} << 32 | payload.size());
  return std::nullopt;
}

std::uint32_t PageBuilder::Add(std::span<const double> values, ChunkHint* hint) {
  BARO_ASSERT(!full());
  const auto start = static_cast<std::uint32_t>(payloads_.size());
  const auto rows = static_cast<std::uint32_t>(values.size());
  if (chunks_ == 0) usual_rows_ = rows;
  if (chunks_ % kStride == 0) {
    rows_ = usual_rows_;
    if (chunks_ != 0) {
      directory_.push_back(static_cast<std::uint32_t>(headers_.size()));
      directory_.push_back(start);
    }
  }
  header_.clear();
  const EncodedChunk encoded = EncodeChunk(values, hint, header_, payloads_);
  const bool tells_rows = encoded.needs_rows && rows != rows_;

  const base::ByteSpan payload = base::ByteSpan(payloads_).subspan(start);
  std::optional<std::uint32_t> same;
  if (payload.size() >= kSharedBytesMin) same = FindPayload(payload, start);
  if (tells_rows) header_[0] |= std::byte{kHeaderHasRows};
  if (same) header_[0] |= std::byte{kHeaderIsReference};
  headers_.push_back(header_[0]);
  if (tells_rows) base::AppendVarint(headers_, rows);
  if (same) {
    base::AppendVarint(headers_, start - *same);
    payloads_.resize(start);
  }
  base::AppendBytes(headers_, base::ByteSpan(header_).subspan(1));
  if (encoded.needs_rows) rows_ = rows;
  return chunks_++;
}

void PageBuilder::Finish(std::uint32_t crc_seed, PageForm form, base::ByteBuffer& out) {
  BARO_ASSERT(chunks_ > 0);
  const bool is_cold = form == PageForm::kCold;
  const std::size_t offset_bytes = OffsetBytes();
  const std::size_t start = out.size();
  out.resize(start + sizeof(std::uint32_t));
  out.push_back(static_cast<std::byte>((is_cold ? kColdFlag : 0) | (offset_bytes == 4 ? kWideFlag : 0)));
  base::AppendVarint(out, chunks_);
  base::AppendVarint(out, usual_rows_);
  base::AppendVarint(out, headers_.size());
  base::AppendVarint(out, payloads_.size());
  base::ByteBuffer headers;
  base::ByteBuffer payloads;
  if (is_cold) {
    base::AppendVarint(out, AppendSmallest(headers_, headers));
    base::AppendVarint(out, AppendSmallest(payloads_, payloads));
  }
  for (const std::uint32_t offset : directory_) {
    const std::size_t at = out.size();
    out.resize(at + offset_bytes);
    std::memcpy(out.data() + at, &offset, offset_bytes);
  }
  base::AppendBytes(out, is_cold ? headers : headers_);
  base::AppendBytes(out, is_cold ? payloads : payloads_);
  const base::ByteSpan checked = base::ByteSpan(out).subspan(start + sizeof(std::uint32_t));
  base::StoreLe(out.data() + start, base::Crc32c(checked, crc_seed));
  Clear();
}

base::Result<> PageView::Check(base::ByteSpan bytes, std::uint32_t crc_seed) {
  if (bytes.size() < sizeof(std::uint32_t)) return Damaged("cut short");
  const std::uint32_t crc = base::Crc32c(bytes.subspan(sizeof(std::uint32_t)), crc_seed);
  if (base::LoadLe<std::uint32_t>(bytes.data()) != crc) return Damaged("checksum mismatch");
  return {};
}

base::Result<PageView> PageView::Open(base::ByteSpan bytes, std::uint32_t crc_seed) {
  BARO_TRY(Check(bytes, crc_seed));
  return OpenChecked(bytes);
}

base::Result<PageView> PageView::OpenChecked(base::ByteSpan bytes) {
  base::ByteReader reader(bytes);
  reader.Le<std::uint32_t>();
  const Preamble preamble = BARO_TRY(ReadPreamble(reader));
  PageView page;
  page.chunks_ = static_cast<std::uint32_t>(preamble.chunks);
  page.usual_rows_ = static_cast<std::uint32_t>(preamble.rows);
  page.offset_bytes_ = static_cast<std::uint32_t>(preamble.OffsetBytes());
  page.directory_ = reader.Bytes(preamble.DirectoryBytes());
  page.headers_ = reader.Bytes(preamble.headers_stored);
  page.payloads_ = reader.Bytes(preamble.payloads_stored);
  if ((preamble.flags & kColdFlag) == 0) return page;

  auto buffer = std::make_shared<base::ByteBuffer>(preamble.headers_bytes + preamble.payloads_bytes);
  const std::span<std::byte> all(*buffer);
  BARO_TRY(Expand(page.headers_, all.first(preamble.headers_bytes)));
  BARO_TRY(Expand(page.payloads_, all.subspan(preamble.headers_bytes)));
  page.headers_ = all.first(preamble.headers_bytes);
  page.payloads_ = all.subspan(preamble.headers_bytes);
  page.buffer_ = std::move(buffer);
  return page;
}

// The last place in front of `chunk` that the directory knows.
PageView::Place PageView::PlaceBefore(std::uint32_t chunk) const {
  const std::uint32_t group = chunk / kStride;
  Place place{.chunk = group * kStride};
  if (group == 0) return place;
  const std::byte* entry = directory_.data() + std::size_t{group - 1} * 2 * offset_bytes_;
  if (offset_bytes_ == 2) {
    place.header = base::LoadLe<std::uint16_t>(entry);
    place.payload = base::LoadLe<std::uint16_t>(entry + 2);
  } else {
    place.header = base::LoadLe<std::uint32_t>(entry);
    place.payload = base::LoadLe<std::uint32_t>(entry + 4);
  }
  return place;
}

// Passes over the chunk at `place` if it is a constant whose header is one byte, as those of most chunks are.
bool PageView::StepOverShort(Place& place, double& constant) const {
  if (place.chunk >= chunks_ || place.header >= headers_.size()) return false;
  const auto byte = static_cast<std::uint8_t>(headers_[place.header]);
  if (byte != kConstantZero && byte != kConstantOne) return false;
  constant = byte == kConstantOne ? 1 : 0;
  if (place.chunk % kStride == 0) place.rows = usual_rows_;
  ++place.chunk;
  ++place.header;
  return true;
}

// Reads the chunk at `place`, which moves to the next one.
base::Result<> PageView::Step(Place& place, Found& found) const {
  if (place.header > headers_.size() || place.payload > payloads_.size())
    return Damaged("the directory points outside");
  std::uint64_t rows = place.chunk % kStride == 0 ? usual_rows_ : place.rows;
  base::ByteReader reader(headers_.subspan(place.header));
  const auto first_byte = reader.Le<std::uint8_t>();
  if ((first_byte & kHeaderHasRows) != 0) rows = reader.Varint();
  const bool is_reference = (first_byte & kHeaderIsReference) != 0;
  const std::uint64_t back = is_reference ? reader.Varint() : 0;
  if (!reader.ok()) return Damaged("headers cut short");
  if (rows == 0 || rows > kChunkRowsMax) return Damaged("a chunk without rows, or with too many");
  if (back > place.payload) return Damaged("a reference points outside");
  BARO_TRY(ReadChunkHeader(first_byte, static_cast<std::uint32_t>(rows), reader, found.header));
  found.payload = payloads_.subspan(place.payload - back);
  if (found.header.payload_bytes > found.payload.size()) return Damaged("payloads cut short");
  ++place.chunk;
  place.header = static_cast<std::uint32_t>(headers_.size() - reader.remaining());
  place.rows = static_cast<std::uint32_t>(rows);
  if (!is_reference) place.payload += found.header.payload_bytes;
  return {};
}

base::Result<> PageView::Find(std::uint32_t chunk, Place& place, Found& found) const {
  if (chunk >= chunks_) return Damaged("there is no such chunk");
  // A cursor's place serves if nothing in the directory is nearer.
  if (place.chunk > chunk || place.chunk < chunk / kStride * kStride) place = PlaceBefore(chunk);
  while (place.chunk < chunk) BARO_TRY(Step(place, found));
  return Step(place, found);
}

ChunkFacts PageView::FactsOf(const Found& found) {
  const auto constant = ConstantOf(found.header);
  return {.is_constant = constant.has_value(), .first = constant ? constant : FirstOf(found.header)};
}

base::Result<> PageView::Decode(std::uint32_t chunk, std::size_t rows, std::span<double> values) const {
  Place place;
  Found found;
  BARO_TRY(Find(chunk, place, found));
  return DecodeChunk(found.header, found.payload, rows, values);
}

base::Result<ChunkFacts> PageView::Facts(std::uint32_t chunk) const {
  Place place;
  Found found;
  BARO_TRY(Find(chunk, place, found));
  return FactsOf(found);
}

base::Result<> PageCursor::Decode(std::uint32_t chunk, std::size_t rows, std::span<double> values) {
  if (double constant = 0; place_.chunk == chunk && page_->StepOverShort(place_, constant)) {
    CurrentDecodeKernels().fill(values, constant);
    return {};
  }
  BARO_TRY(page_->Find(chunk, place_, found_));
  if (const auto constant = ConstantOf(found_.header)) {
    CurrentDecodeKernels().fill(values, *constant);
    return {};
  }
  return DecodeChunk(found_.header, found_.payload, rows, values);
}

base::Result<ChunkFacts> PageCursor::Facts(std::uint32_t chunk) {
  BARO_TRY(page_->Find(chunk, place_, found_));
  return PageView::FactsOf(found_);
}

}  // namespace baro::tsdb

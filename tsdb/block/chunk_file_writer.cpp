#include <algorithm>

#include "tsdb/block/chunk_file.h"
#include "tsdb/block/histogram_page.h"
#include "tsdb/codec/page.h"

namespace baro::tsdb {
namespace {

// A page is closed when it has so many bytes, or chunks: what is read to get at one chunk of a cold page, and a
// checksum of 6 microseconds.
constexpr std::size_t kFloatPageBytes = std::size_t{48} << 10;
constexpr std::uint32_t kFloatPageChunks = 4096;

base::Error Damaged(const char* what) {
  return {base::Code::kCorruption, fmt::format("directory of chunks: {}", what)};
}

}  // namespace

// Per page: the gap behind the page before (and its summaries), its size and whether summaries follow, its chunks.
void EncodeChunkDirectory(const ChunkDirectory& directory, base::ByteBuffer& out) {
  base::AppendVarint(out, directory.pages.size());
  std::uint64_t end = 0;
  for (const ChunkPageEntry& page : directory.pages) {
    base::AppendVarint(out, page.offset - end);
    base::AppendVarint(out, std::uint64_t{page.size_bytes} << 1 | (page.has_summaries ? 1 : 0));
    base::AppendVarint(out, page.chunk_count);
    end = page.offset + page.size_bytes;
  }
}

base::Result<ChunkDirectory> DecodeChunkDirectory(base::ByteReader& reader, std::uint64_t file_bytes) {
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count > reader.remaining()) return Damaged("cut short");
  ChunkDirectory directory;
  directory.pages.reserve(count);
  std::uint64_t end = 0;
  std::uint64_t chunks = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t gap = reader.Varint();
    const std::uint64_t head = reader.Varint();
    const std::uint64_t page_chunks = reader.Varint();
    if (!reader.ok()) return Damaged("cut short");
    const std::uint64_t size = head >> 1;
    if (gap > file_bytes - end || size > file_bytes - end - gap || size > kFrameBytesMax) {
      return Damaged("a page outside of the file");
    }
    if (page_chunks == 0 || page_chunks > size * 64) return Damaged("pages without chunks, or with too many");
    directory.pages.push_back({.offset = end + gap,
                               .first_chunk = chunks,
                               .size_bytes = static_cast<std::uint32_t>(size),
                               .chunk_count = static_cast<std::uint32_t>(page_chunks),
                               .has_summaries = (head & 1) != 0});
    chunks += page_chunks;
    end += gap + size;
  }
  return directory;
}

struct ChunkFileWriter::Pages {
  PageBuilder floats;
  HistogramPageBuilder histograms;
  base::ByteBuffer buffer;
};

ChunkFileWriter::ChunkFileWriter(BlockForm form, BlockFileWriter& file)
    : form_(form), file_(file), open_(std::make_unique<Pages>()) {}
ChunkFileWriter::~ChunkFileWriter() = default;

base::Result<> ChunkFileWriter::AddFloats(std::span<const double> values, ChunkHint& hint) {
  PageBuilder& page = open_->floats;
  page.Add(values, &hint);
  summaries_.push_back(WantsSummary(values) ? Summarize(values) : std::nullopt);
  const bool is_full = page.SizeBytes() >= kFloatPageBytes || page.chunks() == kFloatPageChunks || page.full();
  return is_full ? FlushFloats() : base::Result<>();
}

base::Result<> ChunkFileWriter::AddHistograms(std::span<const HistogramSample> samples) {
  BARO_TRY(open_->histograms.Add(samples));
  return open_->histograms.full() ? FlushHistograms() : base::Result<>();
}

base::Result<> ChunkFileWriter::FlushFloats() {
  base::ByteBuffer& buffer = open_->buffer;
  buffer.clear();
  ChunkPageEntry entry{
      .offset = file_.offset(), .first_chunk = floats_.chunk_count(), .chunk_count = open_->floats.chunks()};
  open_->floats.Finish(file_.seed(), form_ == BlockForm::kCold ? PageForm::kCold : PageForm::kHot, buffer);
  BARO_TRY(file_.Append(buffer));
  entry.size_bytes = static_cast<std::uint32_t>(buffer.size());
  if (std::ranges::any_of(summaries_, [](const auto& summary) { return summary.has_value(); })) {
    buffer.clear();
    EncodeSummaries(summaries_, buffer);
    BARO_TRY(file_.AppendFrame(FrameKind::kSummaries, buffer, FrameForm::kSmallest));
    entry.has_summaries = true;
  }
  summaries_.clear();
  floats_.pages.push_back(entry);
  return {};
}

base::Result<> ChunkFileWriter::FlushHistograms() {
  base::ByteBuffer& buffer = open_->buffer;
  buffer.clear();
  ChunkPageEntry entry{.offset = file_.offset(),
                       .first_chunk = histograms_.chunk_count(),
                       .chunk_count = static_cast<std::uint32_t>(open_->histograms.chunk_count())};
  open_->histograms.Finish(file_.seed(), buffer);
  BARO_TRY(file_.Append(buffer));
  entry.size_bytes = static_cast<std::uint32_t>(buffer.size());
  histograms_.pages.push_back(entry);
  return {};
}

base::Result<> ChunkFileWriter::Finish() {
  if (open_->floats.chunks() > 0) BARO_TRY(FlushFloats());
  if (open_->histograms.chunk_count() > 0) BARO_TRY(FlushHistograms());
  return {};
}

}  // namespace baro::tsdb

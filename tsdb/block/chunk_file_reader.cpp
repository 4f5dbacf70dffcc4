#include <algorithm>

#include "tsdb/block/chunk_file.h"
#include "tsdb/block/histogram_page.h"
#include "tsdb/codec/page.h"

namespace baro::tsdb {
namespace {

std::uint64_t NextId() {
  static std::atomic<std::uint64_t> next{1};  // relaxed: only has to be unique
  return next.fetch_add(1, std::memory_order_relaxed);
}

// The page that this thread used last. Neighbours in a selection are neighbours on the page, so it is opened (and a
// cold page decompressed) once for all of them. What a closed reader leaves is never looked at: its number does not
// come back.
template <typename Page>
struct LastPage {
  std::uint64_t reader = 0;  // 0: none
  std::size_t index = 0;
  std::optional<Page> page;

  bool IsFor(std::uint64_t id, const ChunkDirectory& directory, std::uint64_t chunk) const {
    if (reader != id) return false;
    const ChunkPageEntry& entry = directory.pages[index];
    return chunk >= entry.first_chunk && chunk - entry.first_chunk < entry.chunk_count;
  }
};

// A page of floats with the place where reading stopped.
struct FloatPage {
  explicit FloatPage(PageView opened) : view(std::move(opened)), cursor(view) {}
  FloatPage(const FloatPage&) = delete;
  FloatPage& operator=(const FloatPage&) = delete;

  PageView view;
  PageCursor cursor;
};

base::Error OtherCount() { return {base::Code::kCorruption, "another number of chunks than the directory says"}; }

}  // namespace

ChunkFileReader::ChunkFileReader(const Ulid& ulid, base::ByteSpan file, ChunkDirectory floats,
                                 ChunkDirectory histograms)
    : ulid_(ulid),
      file_(file),
      floats_(std::move(floats)),
      histograms_(std::move(histograms)),
      id_(NextId()),
      float_states_(new std::atomic<State>[floats_.pages.size()]()),
      histogram_states_(new std::atomic<State>[histograms_.pages.size()]()) {}
ChunkFileReader::~ChunkFileReader() = default;

base::ByteSpan ChunkFileReader::PageBytes(const ChunkPageEntry& page) const {
  if (page.offset >= file_.size()) return {};
  return file_.subspan(page.offset, std::min<std::uint64_t>(page.size_bytes, file_.size() - page.offset));
}

std::size_t ChunkFileReader::FindPage(const ChunkDirectory& directory, std::uint64_t chunk) {
  const auto behind = std::ranges::upper_bound(directory.pages, chunk, {}, &ChunkPageEntry::first_chunk);
  return static_cast<std::size_t>(behind - directory.pages.begin()) - 1;
}

base::Error ChunkFileReader::PageError(const base::Error& error, const ChunkPageEntry& page) {
  return {base::Code::kCorruption, fmt::format("{}: page at {} of chunks", error.message(), page.offset)};
}

base::Result<> ChunkFileReader::ReadFloats(std::uint64_t chunk, std::size_t rows, std::span<double> values) const {
  BARO_ASSERT(chunk < floats_.chunk_count());
  thread_local LastPage<FloatPage> last;
  if (!last.IsFor(id_, floats_, chunk)) {
    last.reader = 0;
    last.index = FindPage(floats_, chunk);
    const ChunkPageEntry& entry = floats_.pages[last.index];
    BARO_TRY(CheckOnce(float_states_[last.index], entry, [&] { return VerifyFloatPage(last.index); }));
    auto page = PageView::OpenChecked(PageBytes(entry));
    if (!page) return PageError(page.error(), entry);
    if (page->chunks() != entry.chunk_count) return PageError(OtherCount(), entry);
    last.page.emplace(*std::move(page));
    last.reader = id_;
  }
  const ChunkPageEntry& entry = floats_.pages[last.index];
  auto decoded = last.page->cursor.Decode(static_cast<std::uint32_t>(chunk - entry.first_chunk), rows, values);
  return decoded ? decoded : base::Result<>(PageError(decoded.error(), entry));
}

base::Result<> ChunkFileReader::ReadHistograms(std::uint64_t chunk, std::span<const std::int64_t> timestamps_ms,
                                               std::vector<HistogramSample>& samples) const {
  BARO_ASSERT(chunk < histograms_.chunk_count());
  thread_local LastPage<HistogramPage> last;
  if (!last.IsFor(id_, histograms_, chunk)) {
    last.reader = 0;
    last.index = FindPage(histograms_, chunk);
    const ChunkPageEntry& entry = histograms_.pages[last.index];
    BARO_TRY(CheckOnce(histogram_states_[last.index], entry, [&] { return VerifyHistogramPage(last.index); }));
    auto page = HistogramPage::Open(PageBytes(entry));
    if (!page) return PageError(page.error(), entry);
    if (page->chunk_count() != entry.chunk_count) return PageError(OtherCount(), entry);
    last.page = *std::move(page);
    last.reader = id_;
  }
  const ChunkPageEntry& entry = histograms_.pages[last.index];
  auto decoded = last.page->Decode(chunk - entry.first_chunk, timestamps_ms, samples);
  return decoded ? decoded : base::Result<>(PageError(decoded.error(), entry));
}

base::Result<std::optional<ValueSummary>> ChunkFileReader::ReadSummary(std::uint64_t chunk) const {
  BARO_ASSERT(chunk < floats_.chunk_count());
  using Summaries = std::vector<std::optional<ValueSummary>>;
  thread_local LastPage<Summaries> last;
  const std::size_t index = FindPage(floats_, chunk);
  const ChunkPageEntry& entry = floats_.pages[index];
  if (!entry.has_summaries) return std::optional<ValueSummary>();
  if (last.reader != id_ || last.index != index) {
    last.reader = 0;
    const FrameView frame = BARO_TRY(CheckSummaries(entry));
    base::ByteBuffer buffer;
    const base::ByteSpan content = BARO_TRY(FrameContent(frame, buffer));
    last.page = BARO_TRY(DecodeSummaries(content, entry.chunk_count));
    last.index = index;
    last.reader = id_;
  }
  return (*last.page)[chunk - entry.first_chunk];
}

base::Result<FrameView> ChunkFileReader::CheckSummaries(const ChunkPageEntry& page) const {
  const std::uint64_t offset = page.offset + page.size_bytes;
  return CheckFrame(file_, offset, FrameKind::kSummaries, SeedOf(offset));
}

template <typename Verify>
base::Result<> ChunkFileReader::CheckOnce(std::atomic<State>& state, const ChunkPageEntry& page, const Verify& verify) {
  const State known = state.load(std::memory_order_relaxed);
  if (known == State::kGood) return {};
  if (known == State::kDamaged) return PageError({base::Code::kCorruption, "it does not match its checksum"}, page);
  auto checked = verify();
  state.store(checked ? State::kGood : State::kDamaged, std::memory_order_relaxed);
  return checked;
}

base::Result<> ChunkFileReader::VerifyFloatPage(std::size_t page) const {
  const ChunkPageEntry& entry = floats_.pages[page];
  auto checked = PageView::Check(PageBytes(entry), SeedOf(entry.offset));
  return checked ? checked : base::Result<>(PageError(checked.error(), entry));
}

base::Result<> ChunkFileReader::VerifySummaries(std::size_t page) const {
  const ChunkPageEntry& entry = floats_.pages[page];
  if (!entry.has_summaries) return {};
  auto checked = CheckSummaries(entry);
  return checked ? base::Result<>() : base::Result<>(PageError(checked.error(), entry));
}

base::Result<> ChunkFileReader::VerifyHistogramPage(std::size_t page) const {
  const ChunkPageEntry& entry = histograms_.pages[page];
  auto checked = HistogramPage::Check(PageBytes(entry), SeedOf(entry.offset));
  return checked ? checked : base::Result<>(PageError(checked.error(), entry));
}

}  // namespace baro::tsdb

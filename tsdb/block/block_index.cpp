#include "tsdb/block/block_index.h"

#include <algorithm>

#include <fmt/format.h>

namespace baro::tsdb {
namespace {

base::Error Damaged(std::string what) { return {base::Code::kCorruption, "index: " + what}; }

}  // namespace

base::Result<std::unique_ptr<BlockIndex>> BlockIndex::Open(base::ByteSpan file, const Ulid& ulid,
                                                           std::vector<std::string>& damage) {
  std::unique_ptr<BlockIndex> index(new BlockIndex(file, ulid));
  index->root_ = BARO_TRY(index->FindRoot(damage));
  for (const NameEntry& name : index->root_.names) index->value_counts_.push_back(name.value_count);
  index->ForEachFrame([&](std::uint64_t offset, FrameKind kind) {
    auto checked = index->Check(offset, kind);
    if (checked) return;
    damage.push_back("index: " + checked.error().message());
    index->bad_frames_.push_back(offset);
    if (kind != FrameKind::kColumnDirectory) index->is_damaged_ = true;
  });
  std::ranges::sort(index->bad_frames_);
  return index;
}

template <typename Visit>
void BlockIndex::ForEachFrame(const Visit& visit) const {
  for (std::uint64_t column = 0; column < root_.column_count; column += kColumnEntriesPerFrame) {
    visit(ColumnFrameOffset(static_cast<ColumnId>(column)), FrameKind::kColumnDirectory);
  }
  for (const NameEntry& name : root_.names) {
    for (const ValuePageEntry& page : name.pages) {
      visit(page.values_offset, FrameKind::kValues);
      visit(page.postings_offset, FrameKind::kPostings);
    }
  }
  for (const std::uint64_t page : root_.series_pages) visit(page, FrameKind::kSeries);
}

base::Result<FrameView> BlockIndex::Check(std::uint64_t offset, FrameKind kind) const {
  return CheckFrame(file_, offset, kind, PlaceSeed(ulid_, BlockFile::kIndex, offset));
}

// Two copies of the end tell where the two copies of the root are; one good way is enough.
base::Result<IndexRoot> BlockIndex::FindRoot(std::vector<std::string>& damage) const {
  std::optional<base::Error> last;
  for (std::size_t copy = 1; copy <= 2; ++copy) {
    if (file_.size() < kBlockFileHeaderBytes + copy * kFooterBytes) break;
    const std::uint64_t at = file_.size() - copy * kFooterBytes;
    const auto places = DecodeFooter(file_.subspan(at, kFooterBytes), PlaceSeed(ulid_, BlockFile::kIndex, at));
    if (!places) {
      last = places.error();
      damage.push_back("index: " + last->message());
      continue;
    }
    for (const std::uint64_t offset : {places->first, places->second}) {
      base::ByteBuffer buffer;
      const auto frame = Check(offset, FrameKind::kRoot);
      const auto content = frame ? FrameContent(*frame, buffer) : base::Result<base::ByteSpan>(frame.error());
      auto root = content ? DecodeIndexRoot(*content, file_.size()) : base::Result<IndexRoot>(content.error());
      if (root) return root;
      last = root.error();
      damage.push_back("index: " + last->message());
    }
  }
  return last ? *last : Damaged(fmt::format("cut short: {} bytes", file_.size()));
}

void BlockIndex::Verify(std::vector<std::string>& damage) const {
  ForEachFrame([&](std::uint64_t offset, FrameKind kind) {
    if (auto checked = Check(offset, kind); !checked) damage.push_back("index: " + checked.error().message());
  });
}

// A frame that was good when the block was opened.
base::Result<FrameView> BlockIndex::Look(std::uint64_t offset, FrameKind kind) const {
  if (!bad_frames_.empty() && std::ranges::binary_search(bad_frames_, offset)) {
    return Damaged(fmt::format("frame at {}: it does not match its checksum", offset));
  }
  return LookAtFrame(file_, offset, kind);
}

std::optional<std::uint32_t> BlockIndex::FindName(std::string_view text) const {
  const auto found = std::ranges::lower_bound(root_.names, text, {}, &NameEntry::text);
  if (found == root_.names.end() || found->text != text) return std::nullopt;
  return static_cast<std::uint32_t>(found - root_.names.begin());
}

base::Result<ValuePage> BlockIndex::ReadValues(const ValuePageEntry& page) const {
  base::ByteBuffer buffer;
  const FrameView frame = BARO_TRY(Look(page.values_offset, FrameKind::kValues));
  const base::ByteSpan content = BARO_TRY(FrameContent(frame, buffer));
  auto values = BARO_TRY(ValuePage::Decode(content));
  if (values[0] != page.first_value) return Damaged("a page of values is not the one that the root means");
  return values;
}

base::Result<PostingsPage> BlockIndex::ReadPostings(const ValuePageEntry& page) const {
  const FrameView frame = BARO_TRY(Look(page.postings_offset, FrameKind::kPostings));
  if (frame.is_compressed) return Damaged("postings are compressed");
  return PostingsPage::Open(frame.stored);
}

base::Result<> BlockIndex::ReadSeries(std::size_t page, SeriesPage& series) const {
  base::ByteBuffer buffer;
  const FrameView frame = BARO_TRY(Look(root_.series_pages[page], FrameKind::kSeries));
  const base::ByteSpan content = BARO_TRY(FrameContent(frame, buffer));
  BARO_TRY(DecodeSeriesPage(content,
                            {.shapes = root_.shapes,
                             .value_counts = value_counts_,
                             .columns = root_.column_count,
                             .float_chunks = root_.floats.chunk_count(),
                             .histogram_chunks = root_.histograms.chunk_count()},
                            series));
  const std::uint64_t expected = std::min<std::uint64_t>(kSeriesPerPage, root_.series_count - page * kSeriesPerPage);
  if (series.series.size() != expected) return Damaged("a page of series has too few");
  return {};
}

base::Result<std::shared_ptr<const ValuePage>> BlockIndex::KeptValues(const ValuePageEntry& page) const {
  if (auto known = kept_.FindValues(page.values_offset)) return known;
  auto read = std::make_shared<const ValuePage>(BARO_TRY(ReadValues(page)));
  kept_.Keep(page.values_offset, read);
  return read;
}

base::Result<std::shared_ptr<KeptSeriesPage>> BlockIndex::KeptSeries(std::size_t page) const {
  if (auto known = kept_.FindSeries(root_.series_pages[page])) return known;
  SeriesPage series;
  BARO_TRY(ReadSeries(page, series));
  auto read = std::make_shared<KeptSeriesPage>(std::move(series));
  kept_.Keep(root_.series_pages[page], read);
  return read;
}

base::Result<ColumnEntry> BlockIndex::ReadColumnEntry(ColumnId column) const {
  const FrameView frame = BARO_TRY(Look(ColumnFrameOffset(column), FrameKind::kColumnDirectory));
  const std::size_t at = ColumnEntryOffset(column);
  if (frame.is_compressed || at + kColumnEntryBytes > frame.stored.size()) return Damaged("column directory cut short");
  const ColumnEntry entry = LoadColumnEntry(frame.stored.data() + at);
  const bool is_inside =
      entry.offset <= root_.columns_file_bytes && entry.size_bytes <= root_.columns_file_bytes - entry.offset;
  if (!is_inside || entry.rows == 0 || entry.rows > kWindowRowsMax || entry.max_time_ms < entry.min_time_ms) {
    return Damaged(fmt::format("column {} is impossible", column));
  }
  return entry;
}

base::Result<std::string_view> ValueTexts::Text(std::uint32_t name, std::uint32_t value) {
  const NameEntry& entry = index_.root().names[name];
  auto& pages = names_[name];
  if (pages.empty()) pages.resize(entry.pages.size());
  const auto behind = std::ranges::upper_bound(entry.pages, value, {}, &ValuePageEntry::first_id);
  const auto at = static_cast<std::size_t>(behind - entry.pages.begin()) - 1;
  if (pages[at] == nullptr) {
    // Of names with very many values those that are kept would hardly be asked for again.
    constexpr std::size_t kPagesKeptMax = 64;
    if (entry.pages.size() <= kPagesKeptMax) {
      pages[at] = BARO_TRY(index_.KeptValues(entry.pages[at]));
    } else {
      pages[at] = std::make_shared<const ValuePage>(BARO_TRY(index_.ReadValues(entry.pages[at])));
    }
  }
  const std::uint32_t within = value - entry.pages[at].first_id;
  if (within >= pages[at]->size()) return Damaged("a page of values has too few");
  return (*pages[at])[within];
}

base::Result<std::span<const model::LabelView>> ValueTexts::ViewsOf(const SeriesPage& page,
                                                                    const SeriesPage::Series& series) {
  // More than any server takes, and far less than what the memory of a set is asserted to be.
  constexpr std::size_t kLabelBytesMax = std::size_t{64} << 20;
  views_.clear();
  std::size_t bytes = 0;
  std::uint32_t place = series.first_value;
  for (const std::uint32_t name : index_.root().shapes[series.shape]) {
    const std::string_view value = BARO_TRY(Text(name, page.values[place++]));
    bytes += value.size();
    if (value.empty() || bytes > kLabelBytesMax) return Damaged("label values are empty or too long");
    views_.push_back({.name = index_.root().names[name].text, .value = value});
  }
  return std::span<const model::LabelView>(views_);
}

}  // namespace baro::tsdb

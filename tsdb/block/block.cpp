#include "tsdb/block/block.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/block_impl.h"
#include "tsdb/block/block_matcher.h"
#include "tsdb/block/block_selection.h"
#include "tsdb/block/side_records.h"
#include "tsdb/index/matchers.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kMetaBytesMax = std::size_t{16} << 20;
constexpr std::size_t kTombstonesBytesMax = std::size_t{64} << 20;

// Damage beyond this is not told one by one.
constexpr std::size_t kDamageListMax = 100;

// Series that a scan has in memory at a time.
constexpr std::size_t kScanSeries = 8 * kSeriesPerPage;

class BlockReader : public Reader {
 public:
  explicit BlockReader(std::shared_ptr<const BlockImpl> block)
      : block_(std::move(block)), tombstones_(block_->tombstones()) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    return BARO_TRY(SelectHere(request, cancel));
  }

  base::Result<std::unique_ptr<BlockSelection>> SelectHere(const SelectRequest& request,
                                                           const base::CancelToken& cancel) const {
    BARO_TRY(CheckSelective(request.matchers));
    std::vector<std::uint32_t> numbers;
    if (Overlaps(request.range)) {
      numbers = BARO_TRY(BlockMatcher(block_->index(), cancel).Select(request.matchers));
    }
    return BARO_TRY(
        BlockSelectionImpl::Make(block_, tombstones_, numbers, request, BlockSelectionImpl::Order::kLabels, cancel));
  }

  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    if (!Overlaps(range)) return std::vector<std::string>();
    return BlockMatcher(block_->index(), cancel).Names(matchers, limit);
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    if (!Overlaps(range)) return std::vector<std::string>();
    return BlockMatcher(block_->index(), cancel).Values(name, matchers, limit);
  }

  base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& request,
                                                     const base::CancelToken& /*cancel*/) const override {
    if (!Overlaps(request.range)) return std::vector<FamilyMetadata>();
    auto all = BARO_TRY(block_->Metadata());
    if (!request.family.empty()) {
      std::erase_if(all, [&](const FamilyMetadata& each) { return each.family != request.family; });
    }
    return all;
  }

 private:
  bool Overlaps(model::TimeRange range) const { return !range.empty() && range.Overlaps(block_->meta().range()); }

  std::shared_ptr<const BlockImpl> block_;
  std::shared_ptr<const BlockTombstones> tombstones_;
};

class BlockScanImpl : public BlockScan {
 public:
  BlockScanImpl(std::shared_ptr<const BlockImpl> block, std::uint64_t first)
      : block_(std::move(block)), tombstones_(block_->tombstones()), next_(first) {}

  base::Result<bool> Next(const base::CancelToken& cancel) override {
    ++at_;
    while (selection_ == nullptr || at_ >= selection_->size()) {
      const std::uint64_t count = block_->index().root().series_count;
      if (next_ >= count) return false;
      std::vector<std::uint32_t> numbers;
      for (; next_ < count && numbers.size() < kScanSeries; ++next_) {
        numbers.push_back(static_cast<std::uint32_t>(next_));
      }
      selection_ = BARO_TRY(
          BlockSelectionImpl::Make(block_, tombstones_, numbers, {}, BlockSelectionImpl::Order::kBlock, cancel));
      at_ = 0;
    }
    return true;
  }

  const model::Labels& labels() const override { return selection_->labels(at_); }
  base::Result<> Read(model::TimeRange range, SampleColumns& columns) override {
    return selection_->Read(at_, range, columns);
  }
  base::Result<> ReadExemplars(model::TimeRange range, std::vector<model::Exemplar>& exemplars) override {
    return selection_->ReadExemplars(at_, range, exemplars);
  }

 private:
  std::shared_ptr<const BlockImpl> block_;
  std::shared_ptr<const BlockTombstones> tombstones_;
  std::unique_ptr<BlockSelectionImpl> selection_;
  std::size_t at_ = 0;
  std::uint64_t next_;  // the first series of the next batch
};

}  // namespace

base::Result<std::shared_ptr<Block>> Block::Open(base::FileSystem& files, std::string directory) {
  auto block = std::make_shared<BlockImpl>(files, std::move(directory));
  if (auto loaded = block->Load(); !loaded) {
    return loaded.error().WithContext(fmt::format("cannot open block {}", block->directory()));
  }
  return block;
}

base::Result<std::unique_ptr<base::MappedFile>> BlockImpl::MapFile(BlockFile file) {
  auto mapped = files_.Map(fmt::format("{}/{}", directory_, BlockFileName(file)));
  // A file that is not there is damage like any other; an error that may pass is none.
  if (mapped || mapped.error().code() != base::Code::kNotFound) return mapped;
  return std::unique_ptr<base::MappedFile>();
}

base::Result<> BlockImpl::Load() {
  if (!BARO_TRY(files_.Exists(directory_))) return base::Fail(base::Code::kNotFound, "no such directory");
  std::optional<BlockMeta> meta;
  const auto text = base::ReadFile(files_, fmt::format("{}/{}", directory_, kMetaFileName), kMetaBytesMax);
  if (text) {
    meta_bytes_ = text->size();
    auto parsed = ParseBlockMeta(*text);
    if (!parsed && parsed.error().code() != base::Code::kCorruption) return parsed.error();
    if (parsed) {
      meta = *std::move(parsed);
    } else {
      NoteDamage(parsed.error().message());
    }
  } else if (text.error().code() == base::Code::kNotFound || text.error().code() == base::Code::kLimitExceeded) {
    NoteDamage(text.error().message());
  } else {
    return text.error();
  }
  index_file_ = BARO_TRY(MapFile(BlockFile::kIndex));
  columns_file_ = BARO_TRY(MapFile(BlockFile::kColumns));
  chunks_file_ = BARO_TRY(MapFile(BlockFile::kChunks));
  if (index_file_ == nullptr) return base::Fail(base::Code::kCorruption, "the file index is missing");

  // Without meta.json the header of the index says whose it is; all checksums then prove it.
  Ulid ulid;
  if (meta) {
    ulid = meta->ulid;
  } else {
    const base::ByteSpan header = index_file_->bytes();
    if (header.size() < kBlockFileHeaderBytes) return base::Fail(base::Code::kCorruption, "the index is cut short");
    std::memcpy(ulid.bytes.data(), header.data() + 16, ulid.bytes.size());
  }
  std::vector<std::string> damage;
  index_ = BARO_TRY(BlockIndex::Open(index_file_->bytes(), ulid, damage));
  for (std::string& what : damage) NoteDamage(std::move(what));
  BARO_TRY(LoadMeta(ulid, std::move(meta)));

  const auto bytes_of = [](const auto& file) { return file == nullptr ? base::ByteSpan() : file->bytes(); };
  for (const BlockFile file : {BlockFile::kIndex, BlockFile::kColumns, BlockFile::kChunks}) {
    const auto& mapped = file == BlockFile::kIndex     ? index_file_
                         : file == BlockFile::kColumns ? columns_file_
                                                       : chunks_file_;
    if (auto checked = CheckBlockFileHeader(bytes_of(mapped), ulid, file); !checked) {
      if (checked.error().code() != base::Code::kCorruption) return checked;
      NoteDamage(checked.error().message());
    }
  }
  CheckSize(BlockFile::kColumns, bytes_of(columns_file_).size(), index_->root().columns_file_bytes);
  CheckSize(BlockFile::kChunks, bytes_of(chunks_file_).size(), index_->root().chunks_file_bytes);
  chunks_ =
      std::make_unique<ChunkFileReader>(ulid, bytes_of(chunks_file_), index_->root().floats, index_->root().histograms);
  LoadTombstones();
  return LoadSideFiles(ulid);
}

// meta.json, or the copy in the index if it is damaged.
base::Result<> BlockImpl::LoadMeta(const Ulid& ulid, std::optional<BlockMeta> meta) {
  meta_ = meta ? *std::move(meta) : BARO_TRY(ParseBlockMeta(index_->root().meta));
  const bool is_same = meta_.ulid == ulid && meta_.counts.series == index_->root().series_count &&
                       index_->root().series_count <= std::numeric_limits<std::uint32_t>::max();
  if (!is_same) return base::Fail(base::Code::kCorruption, "meta and index contradict each other");
  return {};
}

void BlockImpl::CheckSize(BlockFile file, std::size_t size, std::uint64_t expected) {
  if (size != expected) NoteDamage(fmt::format("file {} has {} bytes, want {}", BlockFileName(file), size, expected));
}

// What stands in them is gone if they are damaged, and only that.
base::Result<> BlockImpl::LoadSideFiles(const Ulid& ulid) {
  for (const BlockFile kind : kSideFiles) {
    const std::uint64_t expected = kind == BlockFile::kMetadata    ? meta_.counts.families
                                   : kind == BlockFile::kExemplars ? meta_.counts.series_with_exemplars
                                                                   : meta_.counts.series_with_starts;
    if (expected == 0) continue;
    auto mapped = BARO_TRY(MapFile(kind));
    if (mapped == nullptr) {
      NoteDamage(fmt::format("the file {} is missing", BlockFileName(kind)));
      continue;
    }
    auto file = SideFile::Open(mapped->bytes(), ulid, kind);
    if (!file && file.error().code() != base::Code::kCorruption) return file.error();
    if (!file) {
      NoteDamage(file.error().message());
      continue;
    }
    side_files_.push_back({.kind = kind, .mapped = std::move(mapped), .file = *std::move(file)});
  }
  return {};
}

const SideFile* BlockImpl::side_file(BlockFile file) const {
  const auto found = std::ranges::find(side_files_, file, &MappedSideFile::kind);
  return found == side_files_.end() ? nullptr : &found->file;
}

base::Result<std::vector<FamilyMetadata>> BlockImpl::Metadata() const {
  std::vector<FamilyMetadata> all;
  const SideFile* file = side_file(BlockFile::kMetadata);
  if (file == nullptr) return all;
  SideFileCursor cursor(*file);
  for (std::uint64_t number = 0;; ++number) {
    const auto record = BARO_TRY(cursor.FindFrom(number));
    if (!record) return all;
    number = record->number;
    all.push_back(BARO_TRY(DecodeFamily(record->bytes)));
  }
}

base::Result<std::vector<SeriesExemplars>> BlockImpl::SelectExemplars(
    std::span<const std::vector<model::Matcher>> matcher_lists, model::TimeRange range,
    const base::CancelToken& cancel) const {
  std::vector<SeriesExemplars> all;
  const SideFile* file = side_file(BlockFile::kExemplars);
  if (file == nullptr || !range.Overlaps(meta_.range())) return all;
  std::vector<std::uint32_t> numbers;
  for (const auto& matchers : matcher_lists) {
    const auto found = BARO_TRY(BlockMatcher(*index_, cancel).Select(matchers));
    numbers.insert(numbers.end(), found.begin(), found.end());
  }
  std::ranges::sort(numbers);
  const auto repeated = std::ranges::unique(numbers);
  numbers.erase(repeated.begin(), repeated.end());
  SideFileCursor cursor(*file);
  std::vector<std::uint32_t> with_exemplars;
  for (const std::uint32_t number : numbers) {
    if (BARO_TRY(cursor.Find(number))) with_exemplars.push_back(number);
  }
  const auto selection = BARO_TRY(
      BlockSelectionImpl::Make(Share(), tombstones(), with_exemplars, {}, BlockSelectionImpl::Order::kLabels, cancel));
  for (std::size_t i = 0; i < selection->size(); ++i) {
    SeriesExemplars series{.labels = selection->labels(i), .exemplars = {}};
    BARO_TRY(selection->ReadExemplars(i, range, series.exemplars));
    if (!series.exemplars.empty()) all.push_back(std::move(series));
  }
  return all;
}

// Deletes that cannot be read are told, loudly: what they hid is seen again.
void BlockImpl::LoadTombstones() {
  auto tombstones = std::make_shared<BlockTombstones>();
  std::uint64_t size = 0;
  const auto text =
      base::ReadSmallFile(files_, fmt::format("{}/{}", directory_, kTombstonesFileName), kTombstonesBytesMax);
  if (text) {
    size = text->size();
    auto decoded = BlockTombstones::Decode(base::AsBytes(*text), meta_.ulid, index_->root().series_count);
    if (decoded) {
      *tombstones = *std::move(decoded);
    } else {
      NoteDamage(decoded.error().message() + "; what was deleted is seen again");
    }
  } else {
    NoteDamage(text.error().message() + "; what was deleted is seen again");
  }
  const base::MutexLock lock(tombstones_mutex_);
  tombstones_ = std::move(tombstones);
  tombstones_bytes_ = size;
}

std::shared_ptr<const BlockTombstones> BlockImpl::tombstones() const {
  const base::MutexLock lock(tombstones_mutex_);
  return tombstones_;
}

std::uint64_t BlockImpl::SizeBytes() const {
  std::uint64_t size = meta_bytes_;
  for (const base::MappedFile* file : {index_file_.get(), columns_file_.get(), chunks_file_.get()}) {
    if (file != nullptr) size += file->bytes().size();
  }
  for (const MappedSideFile& file : side_files_) size += file.mapped->bytes().size();
  const base::MutexLock lock(tombstones_mutex_);
  return size + tombstones_bytes_;
}

std::unique_ptr<Reader> BlockImpl::OpenReader() const { return std::make_unique<BlockReader>(Share()); }

base::Result<std::unique_ptr<BlockSelection>> BlockImpl::Select(const SelectRequest& request,
                                                                const base::CancelToken& cancel) const {
  return BlockReader(Share()).SelectHere(request, cancel);
}

std::unique_ptr<BlockScan> BlockImpl::ScanFrom(std::uint64_t first) const {
  return std::make_unique<BlockScanImpl>(Share(), first);
}

base::Result<> BlockImpl::ReadColumn(const ColumnEntry& entry, std::span<std::int64_t> timestamps_ms) const {
  const base::ByteSpan file = columns_file_ == nullptr ? base::ByteSpan() : columns_file_->bytes();
  const auto damaged = [&entry](std::string_view what) {
    return base::Fail(base::Code::kCorruption,
                      fmt::format("column of timestamps at {} of columns: {}", entry.offset, what));
  };
  if (entry.offset > file.size() || entry.size_bytes > file.size() - entry.offset) return damaged("cut short");
  const base::ByteSpan bytes = file.subspan(entry.offset, entry.size_bytes);
  if (base::Crc32c(bytes, PlaceSeed(meta_.ulid, BlockFile::kColumns, entry.offset)) != entry.crc) {
    return damaged("it does not match its checksum");
  }
  if (auto decoded = DecodeColumn(bytes, timestamps_ms); !decoded) return damaged(decoded.error().message());
  if (timestamps_ms.front() != entry.min_time_ms || timestamps_ms.back() != entry.max_time_ms) {
    return damaged("its ends are not those of its entry");
  }
  return {};
}

base::Result<std::size_t> BlockImpl::Delete(std::span<const model::Matcher> matchers, model::TimeRange range,
                                            const base::CancelToken& cancel) {
  BARO_TRY(CheckSelective(matchers));
  range.min_ms = std::max(range.min_ms, meta_.range().min_ms);
  range.max_ms = std::min(range.max_ms, meta_.range().max_ms);
  if (range.empty()) return std::size_t{0};
  const auto numbers = BARO_TRY(BlockMatcher(*index_, cancel).Select(matchers));
  if (numbers.empty()) return std::size_t{0};
  const base::MutexLock one_at_a_time(delete_mutex_);
  auto changed = std::make_shared<BlockTombstones>(*tombstones());
  for (const std::uint32_t number : numbers) changed->Add(number, range);
  if (changed->interval_count() > kDeletedIntervalsMax) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("deleting in block {}: {} deleted intervals, the limit is {}; clean tombstones first",
                                  meta_.ulid.ToString(), changed->interval_count(), kDeletedIntervalsMax));
  }
  const base::ByteBuffer content = changed->Encode(meta_.ulid);
  BARO_TRY(base::WriteSmallFile(files_, fmt::format("{}/{}", directory_, kTombstonesFileName), content));
  const base::MutexLock lock(tombstones_mutex_);
  tombstones_ = std::move(changed);
  tombstones_bytes_ = content.size();
  return numbers.size();
}

base::Result<std::vector<std::string>> BlockImpl::Verify(const std::function<void(std::uint64_t)>& pause,
                                                         const base::CancelToken& cancel) const {
  std::vector<std::string> found;
  const auto look = [&](const base::Result<>& checked, std::uint64_t bytes) -> base::Result<> {
    if (!checked) found.push_back(checked.error().message());
    pause(bytes);
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "verifying a block: cancelled");
    return {};
  };
  index_->Verify(found);
  pause(index_file_->bytes().size());
  std::vector<std::int64_t> timestamps;
  for (std::uint64_t column = 0; column < index_->root().column_count; ++column) {
    const auto entry = index_->ReadColumnEntry(static_cast<ColumnId>(column));
    if (!entry) continue;  // its frame was named
    timestamps.resize(entry->rows);
    BARO_TRY(look(ReadColumn(*entry, timestamps), entry->size_bytes));
  }
  for (std::size_t page = 0; page < chunks_->floats().pages.size(); ++page) {
    BARO_TRY(look(chunks_->VerifyFloatPage(page), chunks_->floats().pages[page].size_bytes));
    BARO_TRY(look(chunks_->VerifySummaries(page), 0));
  }
  for (std::size_t page = 0; page < chunks_->histograms().pages.size(); ++page) {
    BARO_TRY(look(chunks_->VerifyHistogramPage(page), chunks_->histograms().pages[page].size_bytes));
  }
  for (const MappedSideFile& side : side_files_) {
    BARO_TRY(look(side.file.Verify(), side.mapped->bytes().size()));
  }
  for (const std::string& what : found) NoteDamage(what);
  return found;
}

void BlockImpl::NoteDamage(std::string what) const {
  const base::MutexLock lock(damage_mutex_);
  if (damage_.size() >= kDamageListMax || std::ranges::find(damage_, what) != damage_.end()) return;
  damage_.push_back(std::move(what));
}

std::vector<std::string> BlockImpl::Damage() const {
  const base::MutexLock lock(damage_mutex_);
  return damage_;
}

}  // namespace baro::tsdb

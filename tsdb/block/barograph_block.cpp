#include "tsdb/barograph_block.h"

#include <algorithm>
#include <map>

#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/downsample/downsampled_reader.h"

namespace baro::tsdb {
namespace {

class ScanOfBlock : public StoredSeriesScan {
 public:
  explicit ScanOfBlock(const Block& block) : scan_(block.Scan()) {}

  base::Result<bool> Next(const base::CancelToken& cancel) override { return scan_->Next(cancel); }
  const model::Labels& labels() const override { return scan_->labels(); }

  model::TimeRange extent() const override {
    SampleColumns columns;
    (void)scan_->Read({}, columns).has_value();  // damage: the extent of what is left
    model::TimeRange extent{.min_ms = model::kMaxTimestampMs, .max_ms = model::kMinTimestampMs};
    if (!columns.timestamps_ms().empty()) {
      extent = {.min_ms = columns.timestamps_ms().front(), .max_ms = columns.timestamps_ms().back()};
    }
    if (!columns.histograms().empty()) {
      extent.min_ms = std::min(extent.min_ms, columns.histograms().front().timestamp_ms);
      extent.max_ms = std::max(extent.max_ms, columns.histograms().back().timestamp_ms);
    }
    return extent.empty() ? model::TimeRange{.min_ms = 0, .max_ms = 0} : extent;
  }

  base::Result<> Read(model::TimeRange range, SampleColumns& columns) const override {
    return scan_->Read(range, columns);
  }

  base::Result<std::vector<StoredChunk>> Chunks() const override {
    return base::Fail(base::Code::kUnsupported,
                      "chunks of Barograph's blocks share pages with others: there are no figures for each");
  }

 private:
  std::unique_ptr<BlockScan> scan_;
};

}  // namespace

BarographBlock::BarographBlock(std::shared_ptr<const Block> block) : block_(std::move(block)) {
  const BlockMeta& meta = block_->meta();
  info_ = {.ulid = meta.ulid.ToString(),
           .min_time_ms = meta.min_time_ms,
           .max_time_ms = meta.max_time_ms,
           .samples = meta.counts.samples(),
           .series = meta.counts.series,
           .chunks = meta.counts.float_chunks + meta.counts.histogram_chunks,
           .size_bytes = block_->SizeBytes()};
}

base::Result<std::shared_ptr<const BarographBlock>> BarographBlock::Open(base::FileSystem& files,
                                                                         const std::string& directory) {
  std::shared_ptr<const Block> block = BARO_TRY(Block::Open(files, directory));
  // NOLINTNEXTLINE(modernize-make-shared): the constructor is private.
  return std::shared_ptr<const BarographBlock>(new BarographBlock(std::move(block)));
}

const BlockMeta& BarographBlock::meta() const { return block_->meta(); }
const std::string& BarographBlock::directory() const { return block_->directory(); }
std::unique_ptr<StoredSeriesScan> BarographBlock::Scan() const { return std::make_unique<ScanOfBlock>(*block_); }
std::unique_ptr<Reader> BarographBlock::OpenReader() const { return OpenBlockReader(*block_); }

base::Result<std::vector<std::string>> BarographBlock::Verify(const base::CancelToken& cancel) const {
  return block_->Verify([](std::uint64_t) {}, cancel);
}

base::Result<std::optional<BlockMeta>> BarographBlock::Rescue(base::FileSystem& files, const std::string& parent,
                                                              const Ulid& ulid, const base::CancelToken& cancel) const {
  const BlockMeta& old = meta();
  // A side file that cannot be read to its end is left out: samples matter more.
  auto families = block_->Metadata();
  const std::vector<std::vector<model::Matcher>> all_series(1);
  std::map<model::Labels, std::vector<model::Exemplar>> exemplars;
  if (auto found = block_->SelectExemplars(all_series, {}, cancel)) {
    for (SeriesExemplars& each : *found) exemplars.emplace(std::move(each.labels), std::move(each.exemplars));
  }
  auto writer = BARO_TRY(BlockWriter::Create(
      files, parent,
      {.ulid = ulid,
       .form = old.form,
       .min_time_ms = old.min_time_ms,
       .max_time_ms = old.max_time_ms,
       .compaction_level = old.compaction_level,
       .sources = old.sources,
       .parents = {{.ulid = old.ulid, .min_time_ms = old.min_time_ms, .max_time_ms = old.max_time_ms}},
       .hints = old.hints,
       .metadata = families ? *std::move(families) : std::vector<FamilyMetadata>()}));
  const auto scan = block_->Scan();
  SampleColumns columns;
  bool has_samples = false;
  while (BARO_TRY(scan->Next(cancel))) {
    const auto read = scan->Read({}, columns);
    if (!read && read.error().code() != base::Code::kCorruption) return read.error();
    if (columns.empty()) continue;
    has_samples = true;
    BARO_TRY(writer->BeginSeries(scan->labels()));
    BARO_TRY(writer->Add(columns));
    if (const auto found = exemplars.find(scan->labels()); found != exemplars.end()) {
      BARO_TRY(writer->AddExemplars(found->second));
    }
  }
  if (!has_samples) return std::nullopt;
  return std::optional(BARO_TRY(writer->Finish()));
}

}  // namespace baro::tsdb

#include "tsdb/prometheus_block.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "tsdb/promblock/block_impl.h"
#include "tsdb/promblock/meta_json.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kMetaBytesMax = std::size_t{16} << 20;
// Some millions of deleted intervals; a block with as many is long overdue for compaction.
constexpr std::size_t kTombstoneBytesMax = std::size_t{64} << 20;

base::Result<Tombstones> LoadTombstones(base::FileSystem& files, const std::string& path) {
  // Prometheus takes a missing file for an empty one.
  if (!BARO_TRY(files.Exists(path))) return Tombstones();
  const std::string content = BARO_TRY(base::ReadFile(files, path, kTombstoneBytesMax));
  auto tombstones = Tombstones::Parse(base::AsBytes(content));
  if (!tombstones) return tombstones.error().WithContext(path);
  return tombstones;
}

class BlockScan : public StoredSeriesScan {
 public:
  BlockScan(std::shared_ptr<const PrometheusBlock::Impl> block, base::Result<PostingsList> all)
      : block_(std::move(block)), all_(std::move(all)) {}

  base::Result<bool> Next(const base::CancelToken& cancel) override {
    if (!all_) {  // the list of all series is damaged: that is told once, and is the end
      if (std::exchange(is_told_, true)) return false;
      return std::unexpected(all_.error());
    }
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "reading a block's series: cancelled");
    for (; next_ < all_->size();) {
      ref_ = (*all_)[next_++];
      BARO_TRY(block_->index().ReadSeries(ref_, builder_, series_));
      if (!series_.chunks.empty()) return true;
    }
    return false;
  }

  const model::Labels& labels() const override { return series_.labels; }
  model::TimeRange extent() const override {
    return {.min_ms = series_.chunks.front().min_time_ms, .max_ms = series_.chunks.back().max_time_ms};
  }
  base::Result<> Read(model::TimeRange range, SampleColumns& columns) const override {
    return block_->ReadChunks(ref_, series_.chunks, range, columns);
  }

  base::Result<std::vector<StoredChunk>> Chunks() const override {
    std::vector<StoredChunk> chunks;
    chunks.reserve(series_.chunks.size());
    for (const ChunkMeta& meta : series_.chunks) {
      const ChunkView view = BARO_TRY(block_->segments().Read(meta.ref));
      const ChunkFacts facts = BARO_TRY(InspectChunk(view));
      chunks.push_back({.min_time_ms = meta.min_time_ms,
                        .max_time_ms = meta.max_time_ms,
                        .is_histogram = static_cast<ChunkEncoding>(view.encoding) != ChunkEncoding::kXor,
                        .samples = facts.samples,
                        .size_bytes = view.data.size(),
                        .buckets = facts.buckets});
    }
    return chunks;
  }

 private:
  std::shared_ptr<const PrometheusBlock::Impl> block_;
  base::Result<PostingsList> all_;
  bool is_told_ = false;
  std::size_t next_ = 0;
  BlockSeriesRef ref_ = 0;
  BlockSeries series_;
  model::LabelsBuilder builder_;
};

}  // namespace

base::Result<std::shared_ptr<const PrometheusBlock::Impl>> PrometheusBlock::Impl::Open(base::FileSystem& files,
                                                                                       const std::string& directory,
                                                                                       PrometheusBlockLimits limits) {
  auto block = std::make_shared<Impl>();
  block->directory_ = directory;
  block->limits_ = limits;
  const std::string meta_path = directory + "/meta.json";
  const std::string meta_text = BARO_TRY(base::ReadFile(files, meta_path, kMetaBytesMax));
  auto meta = ParsePrometheusMeta(meta_text);
  if (!meta) return meta.error().WithContext(meta_path);
  block->meta_ = *std::move(meta);
  block->index_ = BARO_TRY(IndexReader::Open(files, directory + "/index"));
  block->segments_ = BARO_TRY(ChunkSegments::Open(files, directory + "/chunks"));
  const std::string tombstones_path = directory + "/tombstones";
  block->tombstones_ = BARO_TRY(LoadTombstones(files, tombstones_path));
  const std::uint64_t tombstones_size =
      BARO_TRY(files.Exists(tombstones_path)) ? BARO_TRY(files.FileSize(tombstones_path)) : std::uint64_t{0};
  const PrometheusBlockMeta& known = block->meta_;
  block->info_ = {
      .ulid = known.ulid,
      .min_time_ms = known.min_time_ms,
      .max_time_ms = known.max_time_ms,
      .samples = known.samples,
      .series = known.series,
      .chunks = known.chunks,
      .size_bytes = block->index_->size_bytes() + block->segments_.size_bytes() + meta_text.size() + tombstones_size};
  return std::shared_ptr<const Impl>(std::move(block));
}

base::Result<> PrometheusBlock::Impl::ReadChunks(BlockSeriesRef ref, std::span<const ChunkMeta> chunks,
                                                 model::TimeRange range, SampleColumns& columns) const {
  columns.Clear();
  const auto deleted = DeletedOf(ref);
  for (const ChunkMeta& meta : chunks) {
    if (!range.Overlaps(meta.range())) continue;
    const ChunkView view = BARO_TRY(segments_.Read(meta.ref));
    if (auto decoded = DecodeChunk(view, {.range = range, .deleted = deleted}, columns); !decoded) {
      columns.Clear();
      return decoded.error().WithContext(
          fmt::format("{}: chunks/{:06}: at offset {}", directory_, (meta.ref >> 32) + 1, meta.ref & 0xffffffff));
    }
  }
  if (!IsInOrder(columns)) MergeBuffers(columns);
  columns.UseBuffers();
  return {};
}

PrometheusBlock::PrometheusBlock(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
PrometheusBlock::~PrometheusBlock() = default;

base::Result<std::shared_ptr<const PrometheusBlock>> PrometheusBlock::Open(base::FileSystem& files,
                                                                           const std::string& directory,
                                                                           PrometheusBlockLimits limits) {
  auto impl = Impl::Open(files, directory, limits);
  if (!impl) return impl.error().WithContext("opening a Prometheus block");
  // NOLINTNEXTLINE(modernize-make-shared): the constructor is private.
  return std::shared_ptr<const PrometheusBlock>(new PrometheusBlock(*std::move(impl)));
}

const PrometheusBlockMeta& PrometheusBlock::meta() const { return impl_->meta(); }
const std::string& PrometheusBlock::directory() const { return impl_->directory(); }
const StoredBlockInfo& PrometheusBlock::info() const { return impl_->info(); }

std::unique_ptr<StoredSeriesScan> PrometheusBlock::Scan() const {
  return std::make_unique<BlockScan>(impl_, impl_->index().AllSeries());
}

std::unique_ptr<Reader> PrometheusBlock::OpenReader() const { return MakeBlockReader(impl_); }

}  // namespace baro::tsdb

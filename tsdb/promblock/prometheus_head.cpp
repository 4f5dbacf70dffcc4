#include "tsdb/prometheus_head.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "tsdb/promblock/chunk_segments.h"
#include "tsdb/promblock/head_chunks.h"
#include "tsdb/promblock/head_image.h"
#include "tsdb/promblock/head_replay.h"
#include "tsdb/promblock/wal_reader.h"

namespace baro::tsdb {
namespace {

constexpr std::string_view kCheckpointPrefix = "checkpoint.";
// Places of damage that are described one by one.
constexpr std::size_t kDamageShown = 10;

class ImageScan : public StoredSeriesScan {
 public:
  explicit ImageScan(std::shared_ptr<const PrometheusHead::Image> image) : image_(std::move(image)) {}

  base::Result<bool> Next(const base::CancelToken& cancel) override {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "reading a head's series: cancelled");
    if (next_ == image_->series.size()) return false;
    ++next_;
    return true;
  }
  const model::Labels& labels() const override { return series().labels; }
  model::TimeRange extent() const override { return series().Extent(); }
  base::Result<> Read(model::TimeRange range, SampleColumns& columns) const override {
    return image_->ReadSeries(next_ - 1, range, columns);
  }
  base::Result<std::vector<StoredChunk>> Chunks() const override {
    std::vector<StoredChunk> chunks;
    for (const FinishedChunk& chunk : series().chunks) {
      const ChunkFacts facts =
          BARO_TRY(InspectChunk({.encoding = static_cast<std::uint8_t>(chunk.encoding), .data = chunk.data}));
      chunks.push_back({.min_time_ms = chunk.min_time_ms,
                        .max_time_ms = chunk.max_time_ms,
                        .is_histogram = chunk.encoding != ChunkEncoding::kXor,
                        .samples = chunk.samples,
                        .size_bytes = chunk.data.size(),
                        .buckets = facts.buckets});
    }
    return chunks;
  }

 private:
  const HeadSeries& series() const { return image_->series[next_ - 1]; }

  std::shared_ptr<const PrometheusHead::Image> image_;
  std::size_t next_ = 0;
};

/// The newest checkpoint of a log and the number of the segment that it stands for.
struct Checkpoint {
  std::string path;
  std::uint64_t number = 0;
};

base::Result<std::optional<Checkpoint>> FindCheckpoint(base::FileSystem& files, const std::string& wal) {
  std::optional<Checkpoint> newest;
  for (const std::string& name : BARO_TRY(files.ListDirectory(wal))) {
    if (!name.starts_with(kCheckpointPrefix)) continue;
    const auto number = SegmentNumber(std::string_view(name).substr(kCheckpointPrefix.size()));
    if (!number || (newest && *number < newest->number)) continue;
    newest = Checkpoint{.path = wal + "/" + name, .number = *number};
  }
  return newest;
}

class Loader {
 public:
  Loader(base::FileSystem& files, const PrometheusHeadOptions& options, const base::CancelToken& cancel)
      : files_(files), replay_(options), cancel_(cancel) {}

  base::Result<std::shared_ptr<const PrometheusHead::Image>> Load(const std::string& directory) {
    const std::string wal = directory + "/wal";
    std::uint64_t from = 0;
    replay_.BeginLog(LogKind::kInOrder);
    if (const auto checkpoint = BARO_TRY(FindCheckpoint(files_, wal))) {
      BARO_TRY(ReadLog(checkpoint->path, 0));
      from = checkpoint->number + 1;
    }
    BARO_TRY(ReadLog(wal, from));
    if (const std::string wbl = directory + "/wbl"; BARO_TRY(files_.Exists(wbl))) {
      replay_.BeginLog(LogKind::kOutOfOrder);
      BARO_TRY(ReadLog(wbl, 0));
    }
    if (reader_.damage_count() > 0) {
      BARO_TRY(ForEachHeadChunk(
          files_, directory + "/chunks_head",
          [this](WalSeriesRef ref, FinishedChunk chunk) { return replay_.OnChunk(ref, std::move(chunk)); }, cancel_));
    }
    const auto image = replay_.Finish();
    Describe(image->warnings);
    return std::shared_ptr<const PrometheusHead::Image>(image);
  }

 private:
  base::Result<> ReadLog(const std::string& directory, std::uint64_t from) {
    const auto segments = BARO_TRY(ListWalSegments(files_, directory, from));
    for (const std::string& segment : segments) {
      BARO_TRY(reader_.Read(
          files_, segment, segment == segments.back(),
          [this](base::ByteSpan record) { return VisitWalRecord(record, replay_); }, cancel_));
    }
    return {};
  }

  void Describe(std::vector<std::string>& warnings) const {
    const std::size_t shown = std::min(reader_.damage().size(), kDamageShown);
    for (const WalDamage& damage : std::span(reader_.damage()).first(shown)) {
      warnings.push_back(fmt::format("{}: at offset {}: {}; what it covers was left out, unless chunks_head has it",
                                     damage.path, damage.offset, damage.what));
    }
    if (reader_.damage_count() > shown) {
      warnings.push_back(fmt::format("the log is damaged in {} more places", reader_.damage_count() - shown));
    }
  }

  base::FileSystem& files_;
  HeadReplay replay_;
  WalReader reader_;
  const base::CancelToken& cancel_;
};

}  // namespace

PrometheusHead::PrometheusHead(std::shared_ptr<const Image> image) : image_(std::move(image)) {}
PrometheusHead::~PrometheusHead() = default;

base::Result<std::shared_ptr<const PrometheusHead>> PrometheusHead::Load(base::FileSystem& files,
                                                                         const std::string& directory,
                                                                         const PrometheusHeadOptions& options,
                                                                         const base::CancelToken& cancel) {
  auto image = Loader(files, options, cancel).Load(directory);
  if (!image) return image.error().WithContext(fmt::format("reading the logs of Prometheus in {}", directory));
  // NOLINTNEXTLINE(modernize-make-shared): the constructor is private.
  return std::shared_ptr<const PrometheusHead>(new PrometheusHead(*std::move(image)));
}

const StoredBlockInfo& PrometheusHead::info() const { return image_->info; }
std::unique_ptr<StoredSeriesScan> PrometheusHead::Scan() const { return std::make_unique<ImageScan>(image_); }
std::unique_ptr<Reader> PrometheusHead::OpenReader() const { return MakeHeadReader(image_); }
const std::vector<std::string>& PrometheusHead::warnings() const { return image_->warnings; }

void PrometheusHead::ForEachExemplar(
    const std::function<void(const model::Labels&, const model::Exemplar&)>& visit) const {
  for (const auto& [series, exemplar] : image_->exemplars) visit(image_->series[series].labels, exemplar);
}

void PrometheusHead::ForEachMetadata(
    const std::function<void(const model::Labels&, const model::Metadata&)>& visit) const {
  for (const HeadSeries& series : image_->series) {
    if (series.metadata) visit(series.labels, *series.metadata);
  }
}

}  // namespace baro::tsdb

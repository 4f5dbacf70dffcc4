#include "tsdb/block/block_writer.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "tsdb/block/block_files.h"
#include "tsdb/block/block_tombstones.h"
#include "tsdb/block/chunk_file.h"
#include "tsdb/block/column_store.h"
#include "tsdb/block/index_writer.h"
#include "tsdb/block/side_file.h"
#include "tsdb/block/side_records.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/index/families_in_use.h"

namespace baro::tsdb {
namespace {

// Samples of a series that are looked at together: 64 windows, 1 MiB.
constexpr std::size_t kBatchSamples = 65'536;

base::Error Refuse(std::string_view what) {
  return {base::Code::kInvalidArgument, fmt::format("writing a block: {}", what)};
}

// The part of a series that is not yet in chunks.
template <typename Value>
struct Pending {
  std::vector<std::int64_t> timestamps_ms;
  std::vector<Value> values;
  std::optional<std::int64_t> last_ms;  // of the series
  TrackBuilder track;
  std::uint64_t samples = 0;                     // of the series, in chunks
  std::int64_t end_ms = model::kMinTimestampMs;  // of its last window

  void Clear() {
    timestamps_ms.clear();
    values.clear();
    last_ms.reset();
    track.Clear();
    samples = 0;
    end_ms = model::kMinTimestampMs;
  }
};

}  // namespace

bool InBlockOrder(const model::Labels& a, const model::Labels& b) {
  // Aggregates stand behind all else, one kind after the other, each in the order of the series that it is of.
  const std::string_view kind_a = a.Get(kAggregateLabel);
  const std::string_view kind_b = b.Get(kAggregateLabel);
  if (kind_a != kind_b) return kind_a < kind_b;
  const int by_name = a.metric_name().compare(b.metric_name());
  if (by_name != 0) return by_name < 0;
  return kind_a.empty() ? a < b : WithoutAggregateLabel(a) < WithoutAggregateLabel(b);
}

class BlockWriter::Impl {
 public:
  Impl(base::FileSystem& files, std::string parent, BlockWriterOptions options)
      : files_(files),
        parent_(std::move(parent)),
        options_(std::move(options)),
        directory_(fmt::format("{}/{}", parent_, options_.ulid.ToString())),
        building_(fmt::format("{}/tmp-{}", parent_, options_.ulid.ToString())),
        metadata_file_(files, building_, options_.ulid, BlockFile::kMetadata),
        exemplars_file_(files, building_, options_.ulid, BlockFile::kExemplars),
        starts_file_(files, building_, options_.ulid, BlockFile::kStarts) {}

  ~Impl() {
    if (is_finished_) return;
    index_file_.reset();
    columns_file_.reset();
    chunks_file_.reset();
    (void)files_.RemoveAll(building_).has_value();  // what stays is removed at the next start
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<> Open() {
    if (BARO_TRY(files_.Exists(directory_))) {
      return base::Fail(base::Code::kAlreadyExists, fmt::format("cannot write block {}: it exists", directory_));
    }
    BARO_TRY(files_.RemoveAll(building_));
    BARO_TRY(files_.CreateDirectories(building_));
    index_file_ = BARO_TRY(BlockFileWriter::Create(files_, building_, options_.ulid, BlockFile::kIndex));
    columns_file_ = BARO_TRY(BlockFileWriter::Create(files_, building_, options_.ulid, BlockFile::kColumns));
    chunks_file_ = BARO_TRY(BlockFileWriter::Create(files_, building_, options_.ulid, BlockFile::kChunks));
    columns_ = std::make_unique<ColumnStore>(options_.column_memory_bytes, *columns_file_, *index_file_);
    chunks_ = std::make_unique<ChunkFileWriter>(options_.form, *chunks_file_);
    return {};
  }

  // Runs one step unless an earlier one failed, and remembers if it fails.
  template <typename Step>
  base::Result<> Guard(const Step& step) {
    if (error_) return *error_;
    base::Result<> done = step();
    if (!done) error_ = done.error();
    return done;
  }

  base::Result<> AddColumn(GroupKey group, std::span<const std::int64_t> timestamps_ms) {
    BARO_TRY(CheckTimes(timestamps_ms, std::nullopt));
    return columns_->Add(group, timestamps_ms);
  }

  base::Result<> BeginSeries(const model::Labels& labels, std::optional<GroupKey> group) {
    BARO_TRY(EndSeries());
    if (labels.empty()) return Refuse("a series without labels");
    if (!labels_.empty() && !InBlockOrder(labels_, labels)) {
      return Refuse(fmt::format("series {} does not belong behind {}", labels.ToString(), labels_.ToString()));
    }
    labels_ = labels;
    static const std::vector<std::string> kTargetLabels = {"instance", "job"};
    group_ = group ? *group : labels.HashWithLabels(kTargetLabels);
    is_open_ = true;
    return {};
  }

  base::Result<> AddFloats(std::span<const std::int64_t> timestamps_ms, std::span<const double> values) {
    if (!is_open_ || timestamps_ms.size() != values.size()) return Refuse("floats without a series or timestamps");
    BARO_TRY(CheckTimes(timestamps_ms, floats_.last_ms));
    if (!values.empty()) floats_.last_ms = timestamps_ms.back();
    while (!values.empty()) {
      const std::size_t count = std::min(values.size(), kBatchSamples);
      floats_.timestamps_ms.insert(floats_.timestamps_ms.end(), timestamps_ms.begin(),
                                   timestamps_ms.begin() + static_cast<std::ptrdiff_t>(count));
      floats_.values.insert(floats_.values.end(), values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
      timestamps_ms = timestamps_ms.subspan(count);
      values = values.subspan(count);
      if (floats_.values.size() >= kBatchSamples) BARO_TRY(FlushFloats(/*is_last=*/false));
    }
    return {};
  }

  base::Result<> AddHistograms(std::span<const HistogramSample> samples) {
    if (!is_open_) return Refuse("histograms without a series");
    std::vector<std::int64_t> timestamps_ms;
    for (const HistogramSample& sample : samples) timestamps_ms.push_back(sample.timestamp_ms);
    BARO_TRY(CheckTimes(timestamps_ms, histograms_.last_ms));
    if (!samples.empty()) histograms_.last_ms = timestamps_ms.back();
    histograms_.timestamps_ms.insert(histograms_.timestamps_ms.end(), timestamps_ms.begin(), timestamps_ms.end());
    histograms_.values.insert(histograms_.values.end(), samples.begin(), samples.end());
    // Histograms are large: a few windows are enough to look at together.
    constexpr std::size_t kHistogramBatch = 4 * kWindowRowsMax;
    return histograms_.values.size() >= kHistogramBatch ? FlushHistograms(/*is_last=*/false) : base::Result<>();
  }

  base::Result<> AddStarts(std::span<const StartRun> runs) {
    if (!is_open_) return Refuse("starts without a series");
    starts_.assign(runs.begin(), runs.end());
    return {};
  }

  base::Result<> AddExemplars(std::span<const model::Exemplar> exemplars) {
    if (!is_open_) return Refuse("exemplars without a series");
    const std::int64_t least = options_.min_time_ms.value_or(model::kMinTimestampMs);
    const std::int64_t end = options_.max_time_ms.value_or(model::kMaxTimestampMs);
    for (const model::Exemplar& exemplar : exemplars) {
      if (exemplar.timestamp_ms && *exemplar.timestamp_ms >= least && *exemplar.timestamp_ms < end) {
        series_exemplars_.push_back(exemplar);
      }
    }
    return {};
  }

  base::Result<> Finish() {
    BARO_TRY(EndSeries());
    if (index_.series_count() == 0) return Refuse("no sample at all");
    BARO_TRY(chunks_->Finish());
    BARO_TRY(columns_->Finish());
    BARO_TRY(FinishSideFiles());
    FillMeta();
    const std::string text = FormatBlockMeta(meta_);
    BARO_TRY(index_.Finish({.meta = text,
                            .columns_file_bytes = columns_file_->offset(),
                            .chunks_file_bytes = chunks_file_->offset(),
                            .column_count = columns_->column_count(),
                            .floats = chunks_->floats(),
                            .histograms = chunks_->histograms()},
                           *index_file_));
    for (const auto& file : {chunks_file_.get(), columns_file_.get(), index_file_.get()}) BARO_TRY(file->Finish());
    BARO_TRY(base::WriteFileAtomically(files_, fmt::format("{}/{}", building_, kMetaFileName), base::AsBytes(text)));
    // Always there, so that it is missed when it is gone.
    BARO_TRY(base::WriteSmallFile(files_, fmt::format("{}/{}", building_, kTombstonesFileName),
                                  BlockTombstones().Encode(options_.ulid)));
    BARO_TRY(files_.SyncDirectory(building_));
    return Publish();
  }

  std::uint64_t written_bytes() const {
    return index_file_->offset() + columns_file_->offset() + chunks_file_->offset() + exemplars_file_.written_bytes() +
           starts_file_.written_bytes();
  }
  std::uint64_t series_count() const { return index_.series_count(); }
  const std::string& directory() const { return directory_; }
  const BlockMeta& meta() const { return meta_; }

 private:
  base::Result<> CheckTimes(std::span<const std::int64_t> timestamps_ms, std::optional<std::int64_t> before) {
    if (timestamps_ms.empty()) return {};
    const bool is_behind = !before || *before < timestamps_ms.front();
    if (!is_behind || std::ranges::adjacent_find(timestamps_ms, std::ranges::greater_equal()) != timestamps_ms.end()) {
      return Refuse(fmt::format("timestamps that do not increase: {}", labels_.ToString()));
    }
    const std::int64_t least = options_.min_time_ms.value_or(model::kMinTimestampMs + 1);
    const std::int64_t most = options_.max_time_ms.value_or(model::kMaxTimestampMs) - 1;
    if (timestamps_ms.front() < least || timestamps_ms.back() > most) {
      return Refuse(fmt::format("timestamps {} to {} outside of the block's {} to {}: {}", timestamps_ms.front(),
                                timestamps_ms.back(), least, most, labels_.ToString()));
    }
    return {};
  }

  base::Result<> EndSeries() {
    if (!is_open_) return {};
    is_open_ = false;
    BARO_TRY(FlushFloats(/*is_last=*/true));
    BARO_TRY(FlushHistograms(/*is_last=*/true));
    if (!floats_.track.empty() || !histograms_.track.empty()) {
      BARO_TRY(AddSideRecords(index_.series_count()));
      index_.AddSeries(labels_, floats_.track, histograms_.track);
    }
    starts_.clear();
    series_exemplars_.clear();
    meta_.counts.float_samples += floats_.samples;
    meta_.counts.histogram_samples += histograms_.samples;
    floats_.Clear();
    hint_ = {};
    histograms_.Clear();
    return {};
  }

  // What stands beside the samples of the series of that number.
  base::Result<> AddSideRecords(std::uint64_t number) {
    if (labels_.metric_name() != last_name_) {
      last_name_ = labels_.metric_name();
      if (!options_.metadata.empty()) families_.Add(last_name_);
    }
    if (!starts_.empty()) {
      record_.clear();
      EncodeStarts(starts_, record_);
      BARO_TRY(starts_file_.Add(number, record_));
    }
    if (!series_exemplars_.empty()) {
      record_.clear();
      EncodeExemplars(series_exemplars_, record_);
      BARO_TRY(exemplars_file_.Add(number, record_));
    }
    return {};
  }

  base::Result<> FinishSideFiles() {
    std::uint64_t number = 0;
    for (const FamilyMetadata& family : options_.metadata) {
      if (!families_.Has(family.family)) continue;
      record_.clear();
      EncodeFamily(family, record_);
      BARO_TRY(metadata_file_.Add(number++, record_));
    }
    for (SideFileWriter* file : {&metadata_file_, &exemplars_file_, &starts_file_}) BARO_TRY(file->Finish());
    return {};
  }

  base::Result<> FlushFloats(bool is_last) {
    return Flush(floats_, is_last,
                 [this](std::span<const double> values) { return chunks_->AddFloats(values, hint_); });
  }
  base::Result<> FlushHistograms(bool is_last) {
    return Flush(histograms_, is_last,
                 [this](std::span<const HistogramSample> samples) { return chunks_->AddHistograms(samples); });
  }

  // Cuts what is pending into chunks at the borders of columns.
  template <typename Value, typename AddChunk>
  base::Result<> Flush(Pending<Value>& pending, bool is_last, const AddChunk& add_chunk) {
    if (pending.values.empty()) return {};
    first_ms_ = std::min(first_ms_, pending.timestamps_ms.front());
    last_ms_ = std::max(last_ms_, pending.timestamps_ms.back());
    placement_.end_ms = pending.end_ms;
    BARO_TRY(columns_->Place(group_, pending.timestamps_ms, is_last, placement_));
    std::span<const Value> rest(pending.values);
    for (const PlacedWindow& window : placement_.windows) {
      BARO_TRY(add_chunk(rest.first(window.samples)));
      rest = rest.subspan(window.samples);
      pending.track.Add(window.column, window.window_rows,
                        std::span(placement_.rows).subspan(window.first_run, window.run_count));
    }
    pending.samples += placement_.samples;
    pending.end_ms = placement_.end_ms;
    const auto done = static_cast<std::ptrdiff_t>(placement_.samples);
    if (is_last) {
      BARO_ASSERT(placement_.samples == pending.values.size());
    }
    pending.values.erase(pending.values.begin(), pending.values.begin() + done);
    pending.timestamps_ms.erase(pending.timestamps_ms.begin(), pending.timestamps_ms.begin() + done);
    return {};
  }

  void FillMeta() {
    meta_.ulid = options_.ulid;
    meta_.min_time_ms = options_.min_time_ms.value_or(first_ms_);
    meta_.max_time_ms = options_.max_time_ms.value_or(last_ms_ + 1);
    meta_.form = options_.form;
    meta_.counts.series = index_.series_count();
    meta_.counts.float_chunks = chunks_->floats().chunk_count();
    meta_.counts.histogram_chunks = chunks_->histograms().chunk_count();
    meta_.counts.columns = columns_->column_count();
    meta_.counts.families = metadata_file_.record_count();
    meta_.counts.series_with_exemplars = exemplars_file_.record_count();
    meta_.counts.series_with_starts = starts_file_.record_count();
    meta_.compaction_level = options_.compaction_level;
    meta_.sources = options_.sources.empty() ? std::vector<Ulid>{options_.ulid} : options_.sources;
    meta_.parents = options_.parents;
    meta_.hints = options_.hints;
  }

  // The rename makes the block real. If it cannot be made durable it is taken back, for the caller will keep the data.
  base::Result<> Publish() {
    BARO_TRY(files_.Rename(building_, directory_));
    if (auto synced = files_.SyncDirectory(parent_); !synced) {
      (void)files_.Rename(directory_, building_).has_value();
      return synced;
    }
    is_finished_ = true;
    return {};
  }

  base::FileSystem& files_;
  const std::string parent_;
  const BlockWriterOptions options_;
  const std::string directory_;
  const std::string building_;
  SideFileWriter metadata_file_;
  SideFileWriter exemplars_file_;
  SideFileWriter starts_file_;
  std::unique_ptr<BlockFileWriter> index_file_;
  std::unique_ptr<BlockFileWriter> columns_file_;
  std::unique_ptr<BlockFileWriter> chunks_file_;
  std::unique_ptr<ColumnStore> columns_;
  std::unique_ptr<ChunkFileWriter> chunks_;
  IndexWriter index_;
  BlockMeta meta_;
  std::optional<base::Error> error_;
  bool is_finished_ = false;

  bool is_open_ = false;  // a series is
  model::Labels labels_;  // of the series that is open, or the one before
  GroupKey group_ = 0;
  Pending<double> floats_;
  ChunkHint hint_;  // of the series' floats
  Pending<HistogramSample> histograms_;
  std::vector<StartRun> starts_;                   // of the open series
  std::vector<model::Exemplar> series_exemplars_;  // likewise
  FamiliesInUse families_;
  std::string last_name_;
  base::ByteBuffer record_;
  Placement placement_;
  std::int64_t first_ms_ = model::kMaxTimestampMs;
  std::int64_t last_ms_ = model::kMinTimestampMs;
};

BlockWriter::BlockWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockWriter::~BlockWriter() = default;

base::Result<std::unique_ptr<BlockWriter>> BlockWriter::Create(base::FileSystem& files, std::string parent,
                                                               BlockWriterOptions options) {
  auto impl = std::make_unique<Impl>(files, std::move(parent), std::move(options));
  BARO_TRY(impl->Open());
  return std::unique_ptr<BlockWriter>(new BlockWriter(std::move(impl)));
}

base::Result<> BlockWriter::AddColumn(GroupKey group, std::span<const std::int64_t> timestamps_ms) {
  return impl_->Guard([&] { return impl_->AddColumn(group, timestamps_ms); });
}

base::Result<> BlockWriter::BeginSeries(const model::Labels& labels, std::optional<GroupKey> group) {
  return impl_->Guard([&] { return impl_->BeginSeries(labels, group); });
}

base::Result<> BlockWriter::AddFloats(std::span<const std::int64_t> timestamps_ms, std::span<const double> values) {
  return impl_->Guard([&] { return impl_->AddFloats(timestamps_ms, values); });
}

base::Result<> BlockWriter::AddHistograms(std::span<const HistogramSample> samples) {
  return impl_->Guard([&] { return impl_->AddHistograms(samples); });
}

base::Result<> BlockWriter::AddStarts(std::span<const StartRun> runs) {
  return impl_->Guard([&] { return impl_->AddStarts(runs); });
}

base::Result<> BlockWriter::AddExemplars(std::span<const model::Exemplar> exemplars) {
  return impl_->Guard([&] { return impl_->AddExemplars(exemplars); });
}

base::Result<> BlockWriter::Add(const SampleColumns& columns) {
  if (!columns.values().empty()) BARO_TRY(AddFloats(columns.timestamps_ms(), columns.values()));
  if (!columns.histograms().empty()) BARO_TRY(AddHistograms(columns.histograms()));
  const std::vector<StartRun> starts = RunsOf(columns);
  return starts.empty() ? base::Result<>() : AddStarts(starts);
}

std::uint64_t BlockWriter::series_count() const { return impl_->series_count(); }
std::uint64_t BlockWriter::written_bytes() const { return impl_->written_bytes(); }
std::string BlockWriter::directory() const { return impl_->directory(); }

base::Result<BlockMeta> BlockWriter::Finish() {
  BARO_TRY(impl_->Guard([&] { return impl_->Finish(); }));
  return impl_->meta();
}

}  // namespace baro::tsdb

#include "tsdb/prometheus_block_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "tsdb/promblock/chunk_segment_writer.h"
#include "tsdb/promblock/index_writer.h"
#include "tsdb/promblock/meta_json.h"
#include "tsdb/promblock/series_chunker.h"
#include "tsdb/promblock/tombstones.h"

namespace baro::tsdb {
namespace {

using base::Code;
using base::Fail;
using base::Result;

}  // namespace

// 26 characters of five bits, of which the first two are zero: 48 bits of milliseconds, then 80 of chance.
// Source   github.com/ulid/spec; Crockford's base 32.
std::string MakePrometheusBlockName(std::int64_t time_ms, base::Random& random) {
  BARO_ASSERT(time_ms >= 0 && time_ms < (std::int64_t{1} << 48));
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  constexpr int kTimeCharacters = 10;
  constexpr int kChanceCharacters = 16;
  std::string name;
  for (int i = kTimeCharacters - 1; i >= 0; --i) name += kAlphabet[static_cast<std::size_t>(time_ms >> (5 * i)) & 31];
  for (int i = 0; i < kChanceCharacters; ++i) name += kAlphabet[random.Below(kAlphabet.size())];
  return name;
}

class PrometheusBlockWriter::Impl {
 public:
  Impl(base::FileSystem& files, const std::string& parent, PrometheusBlockWriterOptions options)
      : files_(files),
        parent_(parent),
        options_(std::move(options)),
        directory_(parent + "/" + options_.ulid),
        temporary_(directory_ + ".tmp-for-creation"),
        chunks_(files, temporary_ + "/chunks", options_.segment_bytes_max) {}

  ~Impl() { RemoveTemporary(); }

  Result<> Begin() {
    if (!IsPrometheusBlockName(options_.ulid)) {
      return Fail(Code::kInvalidArgument, fmt::format("\"{:.40}\" is no ULID", options_.ulid));
    }
    if (BARO_TRY(files_.Exists(directory_))) {
      return Fail(Code::kAlreadyExists, fmt::format("{} exists", directory_));
    }
    BARO_TRY(files_.RemoveAll(temporary_));
    is_temporary_there_ = true;
    return files_.CreateDirectories(temporary_ + "/chunks");
  }

  /// Runs one call: after the first error there is nothing but that error.
  template <typename Call>
  auto Guard(const Call& call) -> decltype(call()) {
    if (error_) return std::unexpected(*error_);
    auto result = call();
    if (!result) {
      error_ = result.error().WithContext("writing a Prometheus block");
      RemoveTemporary();
      return std::unexpected(*error_);
    }
    return result;
  }

  Result<> BeginSeries(const model::Labels& labels) {
    if (labels.empty()) return Fail(Code::kInvalidArgument, "a series without labels");
    if (is_open_ && !(last_labels_ < labels)) {
      return Fail(Code::kInvalidArgument, fmt::format("the series {} is not behind {} in label order",
                                                      labels.ToString(), last_labels_.ToString()));
    }
    BARO_TRY(EndSeries());
    series_.Begin(labels);
    last_labels_ = labels;
    is_open_ = true;
    has_samples_ = false;
    return {};
  }

  Result<> Add(std::span<const std::int64_t> timestamps_ms, std::span<const double> values,
               std::span<const HistogramSample> histograms) {
    if (timestamps_ms.size() != values.size()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("{} timestamps and {} values", timestamps_ms.size(), values.size()));
    }
    if (!is_open_) return Fail(Code::kInvalidArgument, "samples before the first series");
    std::size_t next = 0;
    for (const HistogramSample& sample : histograms) {
      for (; next < timestamps_ms.size() && timestamps_ms[next] < sample.timestamp_ms; ++next) {
        BARO_TRY(AddFloat({.timestamp_ms = timestamps_ms[next], .value = values[next]}));
      }
      BARO_TRY(AddHistogram(sample));
    }
    for (; next < timestamps_ms.size(); ++next) {
      BARO_TRY(AddFloat({.timestamp_ms = timestamps_ms[next], .value = values[next]}));
    }
    return {};
  }

  Result<PrometheusBlockMeta> Finish() {
    BARO_TRY(EndSeries());
    series_.DropIfEmpty();
    if (meta_.samples == 0) return Fail(Code::kInvalidArgument, "there is no sample");
    BARO_TRY(chunks_.Finish());
    BARO_TRY(files_.SyncDirectory(temporary_ + "/chunks"));
    BARO_TRY(WriteIndex(files_, temporary_ + "/index", series_));
    CompleteMeta();
    BARO_TRY(WriteWhole("tombstones", Tombstones().Format()));
    BARO_TRY(WriteWhole("meta.json", base::AsBytes(FormatPrometheusMeta(meta_))));
    BARO_TRY(files_.SyncDirectory(temporary_));
    BARO_TRY(files_.Rename(temporary_, directory_));
    is_temporary_there_ = false;
    BARO_TRY(files_.SyncDirectory(parent_));
    error_ = base::Error(Code::kInvalidArgument, "writing a Prometheus block: it is finished");
    return meta_;
  }

 private:
  Result<> CheckTime(std::int64_t timestamp_ms) {
    if (has_samples_ && timestamp_ms <= last_time_ms_) {
      return Fail(Code::kInvalidArgument, fmt::format("series {}: the time {} is not behind {}",
                                                      last_labels_.ToString(), timestamp_ms, last_time_ms_));
    }
    if ((options_.min_time_ms && timestamp_ms < *options_.min_time_ms) ||
        (options_.max_time_ms && timestamp_ms >= *options_.max_time_ms) || timestamp_ms == model::kMaxTimestampMs) {
      return Fail(Code::kInvalidArgument, fmt::format("series {}: the time {} lies outside of the block's range",
                                                      last_labels_.ToString(), timestamp_ms));
    }
    has_samples_ = true;
    last_time_ms_ = timestamp_ms;
    min_time_ms_ = std::min(min_time_ms_, timestamp_ms);
    max_time_ms_ = std::max(max_time_ms_, timestamp_ms);
    ++meta_.samples;
    return {};
  }

  Result<> AddFloat(model::Sample sample) {
    BARO_TRY(CheckTime(sample.timestamp_ms));
    ++meta_.float_samples;
    chunker_.Append(sample, emit_);
    return WriteFinished();
  }

  Result<> AddHistogram(const HistogramSample& sample) {
    BARO_TRY(CheckTime(sample.timestamp_ms));
    if (!model::IsStaleNaN(sample.histogram->sum)) BARO_TRY(sample.histogram->Validate());
    ++meta_.histogram_samples;
    chunker_.Append(sample, emit_);
    return WriteFinished();
  }

  Result<> EndSeries() {
    chunker_.Finish(emit_);
    return WriteFinished();
  }

  Result<> WriteFinished() {
    for (const FinishedChunk& chunk : finished_) {
      const std::uint64_t ref = BARO_TRY(chunks_.Append(chunk));
      series_.AddChunk({.min_time_ms = chunk.min_time_ms, .max_time_ms = chunk.max_time_ms, .ref = ref});
      ++meta_.chunks;
    }
    finished_.clear();
    return {};
  }

  void CompleteMeta() {
    meta_.ulid = options_.ulid;
    meta_.min_time_ms = options_.min_time_ms.value_or(min_time_ms_);
    meta_.max_time_ms = options_.max_time_ms.value_or(max_time_ms_ + 1);
    meta_.series = series_.size();
    meta_.compaction_level = options_.compaction_level;
    meta_.sources = options_.sources.empty() ? std::vector{options_.ulid} : options_.sources;
    meta_.parents = options_.parents;
    meta_.hints = options_.hints;
  }

  Result<> WriteWhole(const std::string& name, base::ByteSpan content) {
    OutputFile file = BARO_TRY(OutputFile::Create(files_, temporary_ + "/" + name));
    BARO_TRY(file.Append(content));
    return file.Finish();
  }

  void RemoveTemporary() {
    if (!std::exchange(is_temporary_there_, false)) return;
    // What cannot be removed carries a name that Prometheus, and we, remove at the next start.
    static_cast<void>(files_.RemoveAll(temporary_));
  }

  base::FileSystem& files_;
  std::string parent_;
  PrometheusBlockWriterOptions options_;
  std::string directory_;
  std::string temporary_;
  bool is_temporary_there_ = false;
  std::optional<base::Error> error_;

  ChunkSegmentWriter chunks_;
  IndexedSeries series_;
  SeriesChunker chunker_;
  std::vector<FinishedChunk> finished_;
  SeriesChunker::Emit emit_ = [this](FinishedChunk chunk) { finished_.push_back(std::move(chunk)); };

  bool is_open_ = false;
  bool has_samples_ = false;  // the open series
  model::Labels last_labels_;
  std::int64_t last_time_ms_ = 0;
  std::int64_t min_time_ms_ = model::kMaxTimestampMs;
  std::int64_t max_time_ms_ = model::kMinTimestampMs;
  PrometheusBlockMeta meta_;
};

PrometheusBlockWriter::PrometheusBlockWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrometheusBlockWriter::~PrometheusBlockWriter() = default;

Result<std::unique_ptr<PrometheusBlockWriter>> PrometheusBlockWriter::Create(base::FileSystem& files,
                                                                             const std::string& parent,
                                                                             PrometheusBlockWriterOptions options) {
  auto impl = std::make_unique<Impl>(files, parent, std::move(options));
  BARO_TRY(impl->Guard([&] { return impl->Begin(); }));
  // NOLINTNEXTLINE(modernize-make-unique): the constructor is private.
  return std::unique_ptr<PrometheusBlockWriter>(new PrometheusBlockWriter(std::move(impl)));
}

Result<> PrometheusBlockWriter::BeginSeries(const model::Labels& labels) {
  return impl_->Guard([&] { return impl_->BeginSeries(labels); });
}

Result<> PrometheusBlockWriter::Add(const SampleColumns& columns) {
  return Add(columns.timestamps_ms(), columns.values(), columns.histograms());
}

Result<> PrometheusBlockWriter::Add(std::span<const std::int64_t> timestamps_ms, std::span<const double> values,
                                    std::span<const HistogramSample> histograms) {
  return impl_->Guard([&] { return impl_->Add(timestamps_ms, values, histograms); });
}

Result<PrometheusBlockMeta> PrometheusBlockWriter::Finish() {
  return impl_->Guard([&] { return impl_->Finish(); });
}

}  // namespace baro::tsdb

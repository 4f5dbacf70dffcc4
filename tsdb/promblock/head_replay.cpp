#include "tsdb/promblock/head_replay.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace baro::tsdb {
namespace {

using base::Code;
using base::Fail;
using base::Result;

// Maps, vectors and the open chunk of a series, about.
constexpr std::size_t kSeriesOverheadBytes = 700;
// Prometheus keeps so many exemplars by default.
constexpr std::size_t kExemplarsMax = 100'000;

std::size_t SizeBytes(const model::FloatHistogram& histogram) {
  return sizeof(HistogramSample) + sizeof(model::FloatHistogram) + 64 +
         8 * (histogram.positive_spans.size() + histogram.negative_spans.size() + histogram.positive_buckets.size() +
              histogram.negative_buckets.size() + histogram.custom_values.size());
}

std::size_t SizeBytes(const FinishedChunk& chunk) { return sizeof(FinishedChunk) + chunk.data.size(); }

}  // namespace

HeadReplay::Series* HeadReplay::Find(WalSeriesRef ref) {
  const auto found = by_ref_.find(ref);
  if (found != by_ref_.end()) return series_[found->second].get();
  ++unknown_refs_;
  return nullptr;
}

Result<> HeadReplay::Charge(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= options_.bytes_max) return {};
  return Fail(Code::kLimitExceeded,
              fmt::format("the head of the Prometheus server needs more than {} bytes of memory: start that server and "
                          "stop it again, so that it makes blocks, or allow more",
                          options_.bytes_max));
}

// A series that left the head and came back has another reference, and is the same series.
Result<> HeadReplay::OnSeries(WalSeriesRef ref, const model::Labels& labels) {
  if (labels.empty()) return {};
  const auto [place, is_new] = by_labels_.emplace(labels, series_.size());
  if (is_new) {
    BARO_TRY(Charge(kSeriesOverheadBytes + labels.packed().size()));
    series_.push_back(std::make_unique<Series>());
    series_.back()->image.labels = labels;
  }
  if (by_ref_.insert_or_assign(ref, place->second).second) return Charge(48);
  return {};
}

bool HeadReplay::IsInOrder(Series& series, std::int64_t timestamp_ms) {
  if (timestamp_ms < options_.min_time_ms) return false;
  if (series.has_samples && timestamp_ms <= series.last_time_ms) return false;
  series.has_samples = true;
  series.last_time_ms = timestamp_ms;
  return true;
}

Result<> HeadReplay::ChargeFinished(Series& series) {
  for (FinishedChunk& chunk : finished_) {
    BARO_TRY(Charge(SizeBytes(chunk)));
    series.image.chunks.push_back(std::move(chunk));
  }
  finished_.clear();
  return {};
}

Result<> HeadReplay::OnSample(WalSeriesRef ref, model::Sample sample) {
  Series* const series = Find(ref);
  if (series == nullptr) return {};
  if (kind_ == LogKind::kOutOfOrder) {
    series->late_samples.push_back(sample);
    return Charge(sizeof sample);
  }
  if (!IsInOrder(*series, sample.timestamp_ms)) return {};
  series->chunker.Append(sample, emit_);
  return ChargeFinished(*series);
}

Result<> HeadReplay::OnHistogram(WalSeriesRef ref, std::int64_t timestamp_ms, model::FloatHistogram histogram) {
  Series* const series = Find(ref);
  if (series == nullptr) return {};
  if (kind_ == LogKind::kInOrder && !IsInOrder(*series, timestamp_ms)) return {};
  const std::size_t size_bytes = SizeBytes(histogram);
  const HistogramSample sample{.timestamp_ms = timestamp_ms,
                               .histogram = std::make_shared<const model::FloatHistogram>(std::move(histogram))};
  if (kind_ == LogKind::kOutOfOrder) {
    series->late_histograms.push_back(sample);
    return Charge(size_bytes);
  }
  series->chunker.Append(sample, emit_);
  return ChargeFinished(*series);
}

Result<> HeadReplay::OnTombstone(WalSeriesRef ref, model::TimeRange range) {
  Series* const series = Find(ref);
  if (series == nullptr) return {};
  series->image.deleted.push_back(range);
  return Charge(sizeof range);
}

Result<> HeadReplay::OnExemplar(WalSeriesRef ref, const model::Exemplar& exemplar) {
  if (Find(ref) == nullptr || exemplars_.size() == kExemplarsMax) return {};
  exemplars_.emplace_back(by_ref_.at(ref), exemplar);
  return Charge(sizeof exemplars_.back() + exemplar.labels.packed().size());
}

Result<> HeadReplay::OnMetadata(WalSeriesRef ref, const model::Metadata& metadata) {
  Series* const series = Find(ref);
  if (series == nullptr) return {};
  series->image.metadata = metadata;
  return Charge(metadata.help.size() + metadata.unit.size());
}

Result<> HeadReplay::OnUnknownRecord(std::uint8_t type) {
  ++unknown_types_[type];
  return {};
}

Result<> HeadReplay::OnChunk(WalSeriesRef ref, FinishedChunk chunk) {
  Series* const series = Find(ref);
  if (series == nullptr) return {};
  BARO_TRY(Charge(SizeBytes(chunk)));
  series->gap_fillers.push_back(std::move(chunk));
  return {};
}

// Sorted, of equal times the first kept; what stands in order as well is found when it is read.
void HeadReplay::EncodeLate(Series& series) {
  SampleColumns columns;
  for (const model::Sample& sample : series.late_samples) {
    columns.timestamp_buffer().push_back(sample.timestamp_ms);
    columns.value_buffer().push_back(sample.value);
  }
  columns.histogram_buffer() = std::move(series.late_histograms);
  MergeBuffers(columns);
  SeriesChunker late;
  auto& histograms = columns.histogram_buffer();
  std::size_t next = 0;
  const auto append_before = [&](std::int64_t time_ms) {
    for (; next < histograms.size() && histograms[next].timestamp_ms < time_ms; ++next) {
      late.Append(histograms[next], emit_);
    }
  };
  for (std::size_t i = 0; i < columns.timestamp_buffer().size(); ++i) {
    append_before(columns.timestamp_buffer()[i]);
    late.Append({.timestamp_ms = columns.timestamp_buffer()[i], .value = columns.value_buffer()[i]}, emit_);
  }
  append_before(model::kMaxTimestampMs);
  late.Finish(emit_);
}

void HeadReplay::Complete(Series& series) {
  const auto take_finished = [&] {
    std::ranges::move(finished_, std::back_inserter(series.image.chunks));
    finished_.clear();
  };
  series.chunker.Finish(emit_);
  take_finished();
  series.image.is_overlapping =
      !series.late_samples.empty() || !series.late_histograms.empty() || !series.gap_fillers.empty();
  EncodeLate(series);
  take_finished();
  std::ranges::move(series.gap_fillers, std::back_inserter(series.image.chunks));
  Normalize(series.image.deleted);
}

std::shared_ptr<PrometheusHead::Image> HeadReplay::Finish() {
  auto image = std::make_shared<PrometheusHead::Image>();
  std::vector<std::size_t> order(series_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [this](std::size_t i) -> const model::Labels& { return series_[i]->image.labels; });
  std::unordered_map<std::size_t, std::size_t> new_index;
  model::TimeRange extent{.min_ms = model::kMaxTimestampMs, .max_ms = model::kMinTimestampMs};
  for (const std::size_t i : order) {
    Complete(*series_[i]);
    HeadSeries& series = series_[i]->image;
    if (!series.chunks.empty()) {
      const model::TimeRange own = series.Extent();
      extent = {.min_ms = std::min(extent.min_ms, own.min_ms), .max_ms = std::max(extent.max_ms, own.max_ms)};
      for (const FinishedChunk& chunk : series.chunks) {
        image->info.samples += chunk.samples;
        image->info.size_bytes += chunk.data.size();
      }
      image->info.chunks += series.chunks.size();
      new_index.emplace(i, image->series.size());
      image->index.Add(static_cast<Slot>(image->series.size()), series.labels);
      image->series.push_back(std::move(series));
    }
    series_[i].reset();
  }
  for (auto& [i, exemplar] : exemplars_) {
    if (const auto found = new_index.find(i); found != new_index.end()) {
      image->exemplars.emplace_back(found->second, std::move(exemplar));
    }
  }
  image->info.series = image->series.size();
  if (!image->series.empty()) {
    image->info.min_time_ms = extent.min_ms;
    image->info.max_time_ms = extent.max_ms == model::kMaxTimestampMs ? extent.max_ms : extent.max_ms + 1;
  }
  if (unknown_refs_ > 0) {
    image->warnings.push_back(
        fmt::format("the log has {} items of series that it does not name; they were left out", unknown_refs_));
  }
  for (const auto& [type, count] : unknown_types_) {
    image->warnings.push_back(fmt::format("the log has {} records of type {}, which is not known here", count, type));
  }
  return image;
}

}  // namespace baro::tsdb

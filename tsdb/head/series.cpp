#include "tsdb/head/series.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/value_codec.h"
#include "tsdb/head/group.h"
#include "tsdb/head/late_samples.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kSealCount = 32;
constexpr std::size_t kChunkCountMax = 256;

}  // namespace

std::shared_ptr<const SingleChunk> MakeSingleChunk(std::span<const std::int64_t> timestamps_ms,
                                                   std::span<const double> values) {
  auto chunk = std::make_shared<SingleChunk>();
  chunk->min_ms = timestamps_ms.front();
  chunk->max_ms = timestamps_ms.back();
  chunk->count = values.size();
  const std::vector<std::uint64_t> stamps(timestamps_ms.begin(), timestamps_ms.end());
  EncodeIntegers(stamps, chunk->bytes);
  EncodeValues(values, chunk->bytes);
  chunk->bytes.shrink_to_fit();
  return chunk;
}

base::Result<> ReadSingleChunk(const SingleChunk& chunk, std::vector<std::int64_t>& timestamps_ms,
                               std::vector<double>& values) {
  std::vector<std::uint64_t> stamps(chunk.count);
  const base::ByteSpan rest = BARO_TRY(DecodeIntegers(chunk.bytes, stamps));
  timestamps_ms.insert(timestamps_ms.end(), stamps.begin(), stamps.end());
  const std::size_t start = values.size();
  values.resize(start + chunk.count);
  BARO_TRY(DecodeValues(rest, std::span(values).subspan(start)));
  return {};
}

std::optional<LastSample> Singles::Seal(CommitNumber visible_to_all) {
  std::size_t count = 0;
  while (count < tail.size() && tail[count].commit <= visible_to_all) ++count;
  if (count < kSealCount) return std::nullopt;
  const LastSample newest{.timestamp_ms = tail[count - 1].timestamp_ms,
                          .bits = std::bit_cast<std::uint64_t>(tail[count - 1].value)};
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    timestamps.push_back(tail[i].timestamp_ms);
    values.push_back(tail[i].value);
  }
  tail.erase(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(count));
  while (!chunks.empty() && chunks.back()->count <= values.size() &&
         chunks.back()->count + values.size() <= kChunkCountMax) {
    std::vector<std::int64_t> joined_timestamps;
    std::vector<double> joined_values;
    if (!ReadSingleChunk(*chunks.back(), joined_timestamps, joined_values))
      break;  // stays as it is; readers will say so
    joined_timestamps.insert(joined_timestamps.end(), timestamps.begin(), timestamps.end());
    joined_values.insert(joined_values.end(), values.begin(), values.end());
    timestamps.swap(joined_timestamps);
    values.swap(joined_values);
    chunks.pop_back();
  }
  for (std::size_t at = 0; at < values.size(); at += kChunkCountMax) {
    const std::size_t size = std::min(kChunkCountMax, values.size() - at);
    chunks.push_back(MakeSingleChunk(std::span(timestamps).subspan(at, size), std::span(values).subspan(at, size)));
  }
  return newest;
}

std::optional<LastSample> Singles::SealHistograms(CommitNumber visible_to_all) {
  std::size_t count = 0;
  while (count < histograms.size() && histograms[count].commit <= visible_to_all) ++count;
  if (count < SealedHistograms::kSealCount) return std::nullopt;
  std::vector<HistogramSample> samples;
  for (std::size_t i = 0; i < count; ++i) samples.push_back(histograms[i].sample);
  bool is_sealed = true;
  for (std::size_t at = 0; at < count && is_sealed; at += SealedHistograms::kChunkCountMax) {
    const std::size_t size = std::min(SealedHistograms::kChunkCountMax, count - at);
    is_sealed = sealed_histograms.Add(std::span(samples).subspan(at, size));
    if (!is_sealed) count = at;  // the rest stays open
  }
  if (count == 0) return std::nullopt;
  const HistogramSample& newest = samples[count - 1];
  histograms.erase(histograms.begin(), histograms.begin() + static_cast<std::ptrdiff_t>(count));
  histograms.shrink_to_fit();
  return LastSample{.timestamp_ms = newest.timestamp_ms, .histogram = newest.histogram};
}

void Singles::Remove(CommitNumber commit) {
  last_logged = {};
  std::erase_if(tail, [commit](const TailSample& sample) { return sample.commit == commit; });
  std::erase_if(histograms, [commit](const HistogramEntry& entry) { return entry.commit == commit; });
}

void Singles::DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all) {
  std::erase_if(chunks, [cutoff_ms](const auto& chunk) { return chunk->max_ms < cutoff_ms; });
  std::erase_if(tail, [=](const TailSample& sample) {
    return sample.timestamp_ms < cutoff_ms && sample.commit <= visible_to_all;
  });
  std::erase_if(histograms, [=](const HistogramEntry& entry) {
    return entry.sample.timestamp_ms < cutoff_ms && entry.commit <= visible_to_all;
  });
  sealed_histograms.DropBefore(cutoff_ms);
}

std::size_t Singles::SizeBytes() const {
  std::size_t size = sizeof(Singles) + tail.capacity() * sizeof(TailSample);
  for (const auto& chunk : chunks) size += sizeof(SingleChunk) + sizeof(chunk) + 16 + chunk->bytes.capacity();
  return size;
}

std::size_t Singles::HistogramBytes() const {
  std::size_t size = histograms.capacity() * sizeof(HistogramEntry) + sealed_histograms.SizeBytes();
  // The last one is kept for the order rules and the log when it is sealed too.
  if (histograms.empty() && last_logged.sample.histogram != nullptr) size += last_logged.sample.histogram->SizeBytes();
  for (const HistogramEntry& entry : histograms) size += entry.sample.histogram->SizeBytes();
  return size;
}

Series::Series(SeriesRef ref_in, model::Labels labels_in, LogSeriesId log_id_in)
    : ref(ref_in), labels(std::move(labels_in)), log_id(log_id_in) {}

Series::~Series() = default;
Series::More::More() = default;
Series::More::~More() = default;

Series::More& Series::MakeMore() {
  if (more_ == nullptr) more_ = std::make_unique<More>();
  return *more_;
}

Singles& Series::MakeSingles() {
  auto& singles = MakeMore().singles;
  if (singles == nullptr) singles = std::make_unique<Singles>();
  return *singles;
}

LateSingles& Series::MakeLate() {
  auto& late = MakeMore().late;
  if (late == nullptr) late = std::make_unique<LateSingles>();
  return *late;
}

void Series::DropEmptyLate() {
  if (late() != nullptr && late()->empty()) more_->late.reset();
}

StartTimes& Series::MakeStarts() {
  auto& starts = MakeMore().starts;
  if (starts == nullptr) starts = std::make_unique<StartTimes>();
  return *starts;
}

void Series::DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all, bool has_late) {
  if (more_ == nullptr) return;
  if (more_->singles != nullptr) {
    more_->floor = LastSingle();
    more_->singles->DropBefore(cutoff_ms, visible_to_all);
    if (more_->singles->empty()) more_->singles.reset();
  }
  if (more_->starts != nullptr) {
    more_->starts->DropBefore(cutoff_ms);
    if (more_->starts->empty()) more_->starts.reset();
  }
  // A tombstone goes with the last sample that it may hide. Late ones may be of any time: theirs goes with all of them.
  if (!has_late) {
    std::erase_if(more_->tombstones, [cutoff_ms](const HeadTombstone& tombstone) {
      return std::min(tombstone.range.max_ms, tombstone.in_order_max_ms) < cutoff_ms;
    });
  }
  const bool is_needless = more_->singles == nullptr && more_->late == nullptr && more_->starts == nullptr &&
                           more_->places.empty() && more_->tombstones.empty() && more_->floor.timestamp_ms < cutoff_ms;
  if (is_needless && home != nullptr) more_.reset();
}

void Series::RaiseFloor(const LastSample& last) {
  if (last.timestamp_ms == model::kMinTimestampMs) return;
  LastSample& floor = MakeMore().floor;
  floor = Later(floor, last);
}

void Series::LeaveHome() {
  MakeMore().places.push_back({.group = std::exchange(home, nullptr), .column = home_column});
}

std::optional<std::uint32_t> Series::TakePlace(const Group& group) {
  if (more_ == nullptr) return std::nullopt;
  std::vector<Place>& places = more_->places;
  const auto place = std::ranges::find(places, &group, [](const Place& each) { return each.group.get(); });
  if (place == places.end()) return std::nullopt;
  const std::uint32_t column = place->column;
  places.erase(place);
  return column;
}

void Series::AddPlace(const CountedPtr<Group>& group, std::uint32_t column) {
  std::vector<Place>& places = MakeMore().places;
  const auto is_it = [&](const Place& place) { return place.group == group && place.column == column; };
  if (std::ranges::none_of(places, is_it)) places.push_back({.group = group, .column = column});
}

void Series::RemovePlace(const Group& group, std::uint32_t column) {
  DropPlaces([&](const Place& place) { return place.group == &group && place.column == column; });
}

LastSample Series::LastSingle() const {
  LastSample last = floor();
  if (singles() == nullptr) return last;
  if (!singles()->tail.empty()) {
    const Singles::TailSample& sample = singles()->tail.back();
    last = Later(last, {.timestamp_ms = sample.timestamp_ms, .bits = std::bit_cast<std::uint64_t>(sample.value)});
  }
  if (!singles()->histograms.empty()) {
    const HistogramSample& sample = singles()->histograms.back().sample;
    last = Later(last, {.timestamp_ms = sample.timestamp_ms, .histogram = sample.histogram});
  }
  return last;
}

void Series::SealSingles(CommitNumber visible_to_all) {
  if (singles() == nullptr) return;
  if (const auto sealed = singles()->Seal(visible_to_all)) RaiseFloor(*sealed);
  if (const auto sealed = singles()->SealHistograms(visible_to_all)) RaiseFloor(*sealed);
}

std::size_t Series::SizeBytes() const {
  if (more_ == nullptr) return sizeof(Series);
  return sizeof(Series) + sizeof(More) + more_->places.capacity() * sizeof(Place) +
         more_->tombstones.capacity() * sizeof(HeadTombstone) + (starts() == nullptr ? 0 : starts()->SizeBytes());
}

SampleStatus Judge(const LastSample& last, std::int64_t timestamp_ms, std::uint64_t bits) {
  if (timestamp_ms > last.timestamp_ms) return SampleStatus::kAccepted;
  if (timestamp_ms < last.timestamp_ms) return SampleStatus::kOutOfOrder;
  return last.histogram == nullptr && last.bits == bits ? SampleStatus::kRepeated : SampleStatus::kDuplicate;
}

SampleStatus Judge(const LastSample& last, std::int64_t timestamp_ms, const model::FloatHistogram& histogram) {
  if (timestamp_ms > last.timestamp_ms) return SampleStatus::kAccepted;
  if (timestamp_ms < last.timestamp_ms) return SampleStatus::kOutOfOrder;
  return last.histogram != nullptr && last.histogram->Equals(histogram) ? SampleStatus::kRepeated
                                                                        : SampleStatus::kDuplicate;
}

}  // namespace baro::tsdb

#include "tsdb/head/late_view.h"

#include <algorithm>
#include <numeric>

namespace baro::tsdb {

class LateView::Sink {
 public:
  Sink(std::span<const HeadTombstone> tombstones, model::TimeRange range, SampleColumns& columns)
      : tombstones_(tombstones), range_(range), columns_(columns) {}

  bool Wants(std::int64_t timestamp_ms, DeleteEpoch epoch) const {
    return range_.Contains(timestamp_ms) && std::ranges::none_of(tombstones_, [=](const HeadTombstone& tombstone) {
             return epoch < tombstone.epoch && tombstone.range.Contains(timestamp_ms);
           });
  }
  bool MayWant(std::int64_t min_ms, std::int64_t max_ms) const {
    return range_.Overlaps({.min_ms = min_ms, .max_ms = max_ms});
  }
  void Put(std::int64_t timestamp_ms, double value, DeleteEpoch epoch) {
    if (!Wants(timestamp_ms, epoch)) return;
    columns_.timestamp_buffer().push_back(timestamp_ms);
    columns_.value_buffer().push_back(value);
  }
  void Put(const HistogramSample& sample, DeleteEpoch epoch) {
    if (Wants(sample.timestamp_ms, epoch)) columns_.histogram_buffer().push_back(sample);
  }

  // Sorts by time and keeps the first sample of each.
  void Finish() {
    std::vector<std::int64_t>& timestamps = columns_.timestamp_buffer();
    std::vector<double>& values = columns_.value_buffer();
    if (std::ranges::adjacent_find(timestamps, std::ranges::greater_equal()) != timestamps.end()) {
      std::vector<std::size_t> order(timestamps.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::sort(order, {}, [&timestamps](std::size_t i) { return std::pair(timestamps[i], i); });
      std::vector<std::int64_t> sorted_timestamps;
      std::vector<double> sorted_values;
      for (const std::size_t i : order) {
        if (!sorted_timestamps.empty() && sorted_timestamps.back() == timestamps[i]) continue;
        sorted_timestamps.push_back(timestamps[i]);
        sorted_values.push_back(values[i]);
      }
      timestamps.swap(sorted_timestamps);
      values.swap(sorted_values);
    }
    std::erase_if(columns_.histogram_buffer(), [&timestamps](const HistogramSample& sample) {
      return std::ranges::binary_search(timestamps, sample.timestamp_ms);
    });
    columns_.UseBuffers();
  }

 private:
  const std::span<const HeadTombstone> tombstones_;
  const model::TimeRange range_;
  SampleColumns& columns_;
};

void LateView::AddSingles(const LateSingles& singles, LateSingles& seen) const {
  for (const LateSingles::Chunk& chunk : singles.chunks) {
    if (range_.Overlaps({.min_ms = chunk.samples->min_ms, .max_ms = chunk.samples->max_ms})) {
      seen.chunks.push_back(chunk);
    }
  }
  for (const LateSingles::Sample& sample : singles.tail) {
    if (sample.commit <= visible_ && range_.Contains(sample.timestamp_ms)) seen.tail.push_back(sample);
  }
  for (const LateSingles::Histogram& histogram : singles.histograms) {
    if (histogram.commit <= visible_ && range_.Contains(histogram.sample.timestamp_ms)) {
      seen.histograms.push_back(histogram);
    }
  }
}

const std::shared_ptr<const LateView::GroupRows>& LateView::ViewGroup(const GroupPtr& group) {
  const auto [place, is_new] = groups_.try_emplace(group.get());
  if (!is_new) return place->second;
  auto rows = std::make_shared<GroupRows>();
  {
    const base::MutexLock lock(group->mutex);
    if (group->late() == nullptr) return place->second;
    for (const LateRows::Chunk& chunk : group->late()->chunks) {
      if (range_.Overlaps({.min_ms = chunk.rows->min_ms(), .max_ms = chunk.rows->max_ms()})) {
        rows->chunks.push_back(chunk);
      }
    }
    for (const LateRows::Staged& each : group->late()->staged) {
      if (each.row->commit <= visible_ && range_.Contains(each.row->timestamp_ms)) rows->rows.push_back(each);
    }
  }
  if (rows->chunks.empty() && rows->rows.empty()) return place->second;
  for (const LateRows::Chunk& chunk : rows->chunks) {
    if (auto read = chunk.rows->ReadTimestamps(rows->timestamps_ms); !read) rows->error = read.error().message();
  }
  place->second = std::move(rows);
  return place->second;
}

std::size_t LateView::Add(const SeriesPtr& series) {
  Entry entry;
  std::vector<Series::Place> places;
  {
    const base::MutexLock lock(head_.StripeMutex(*series));
    places.assign(series->places().begin(), series->places().end());
    if (series->home != nullptr) places.push_back({.group = series->home, .column = series->home_column});
    if (series->late() != nullptr) AddSingles(*series->late(), entry.singles);
    for (const HeadTombstone& tombstone : series->tombstones()) {
      if (tombstone.commit <= visible_) entry.tombstones.push_back(tombstone);
    }
  }
  for (const Series::Place& place : places) {
    const std::shared_ptr<const GroupRows>& group = ViewGroup(place.group);
    if (group == nullptr) continue;
    const auto has = [&place](const auto& each) { return each.Has(place.column); };
    if (std::ranges::any_of(group->chunks, has, [](const auto& chunk) -> const GroupChunk& { return *chunk.rows; }) ||
        std::ranges::any_of(group->rows, has, [](const auto& each) -> const Row& { return *each.row; })) {
      entry.sources.push_back({.group = group, .column = place.column});
    }
  }
  if (entry.sources.empty() && entry.singles.empty()) return kNone;
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

base::Result<> LateView::ReadRows(const Source& source, Sink& sink) {
  const GroupRows& group = *source.group;
  if (!group.error.empty()) return base::Fail(base::Code::kCorruption, group.error);
  std::vector<double> values;
  std::vector<std::uint64_t> presence;
  std::size_t at = 0;
  for (const LateRows::Chunk& chunk : group.chunks) {
    if (chunk.rows->Has(source.column) && sink.MayWant(chunk.rows->min_ms(), chunk.rows->max_ms())) {
      BARO_TRY(chunk.rows->ReadColumn(source.column, values, presence));
      std::size_t next = 0;
      for (std::size_t row = 0; row < chunk.rows->rows(); ++row) {
        if (!presence.empty() && ((presence[row / 64] >> (row % 64)) & 1) == 0) continue;
        sink.Put(group.timestamps_ms[at + row], values[next++], chunk.epoch);
      }
    }
    at += chunk.rows->rows();
  }
  for (const LateRows::Staged& each : group.rows) {
    if (each.row->Has(source.column)) sink.Put(each.row->timestamp_ms, each.row->values[source.column], each.epoch);
  }
  return {};
}

base::Result<> LateView::ReadSingles(const LateSingles& singles, Sink& sink) {
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  for (const LateSingles::Chunk& chunk : singles.chunks) {
    if (!sink.MayWant(chunk.samples->min_ms, chunk.samples->max_ms)) continue;
    timestamps.clear();
    values.clear();
    BARO_TRY(ReadSingleChunk(*chunk.samples, timestamps, values));
    for (std::size_t i = 0; i < values.size(); ++i) sink.Put(timestamps[i], values[i], chunk.epoch);
  }
  for (const LateSingles::Sample& sample : singles.tail) sink.Put(sample.timestamp_ms, sample.value, sample.epoch);
  for (const LateSingles::Histogram& histogram : singles.histograms) sink.Put(histogram.sample, histogram.epoch);
  return {};
}

base::Result<> LateView::Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const {
  columns.Clear();
  range = {.min_ms = std::max(range.min_ms, range_.min_ms), .max_ms = std::min(range.max_ms, range_.max_ms)};
  const Entry& entry = entries_[index];
  Sink sink(entry.tombstones, range, columns);
  for (const Source& source : entry.sources) BARO_TRY(ReadRows(source, sink));
  BARO_TRY(ReadSingles(entry.singles, sink));
  sink.Finish();
  return {};
}

LateSelection::LateSelection(const Head& head, std::vector<SeriesPtr> series, model::TimeRange range,
                             CommitNumber visible, std::size_t limit)
    : view_(head, range, visible) {
  for (SeriesPtr& each : series) {
    if (limit != 0 && entries_.size() == limit) break;
    const std::size_t late = view_.Add(each);
    if (late != LateView::kNone) entries_.push_back({.series = std::move(each), .late = late});
  }
}

}  // namespace baro::tsdb

#include "tsdb/head/head_selection.h"

#include <algorithm>
#include <numeric>

#include "tsdb/merge/merge_columns.h"

namespace baro::tsdb {
namespace {

bool IsStrictlyIncreasing(std::span<const std::int64_t> values) {
  return std::ranges::adjacent_find(values, std::ranges::greater_equal()) == values.end();
}

// Puts samples from several places into the order of time. They never overlap, so this is rare and the lists are
// nearly sorted.
void SortByTime(std::vector<std::int64_t>& timestamps, std::vector<double>& values) {
  if (IsStrictlyIncreasing(timestamps)) return;
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

// Takes out what was deleted.
void HideDeleted(std::span<const HeadTombstone> tombstones, SampleColumns& columns) {
  const auto is_hidden = [tombstones](std::int64_t timestamp_ms) {
    return std::ranges::any_of(tombstones, [=](const HeadTombstone& each) { return each.HidesInOrder(timestamp_ms); });
  };
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  for (std::size_t i = 0; i < columns.values().size(); ++i) {
    if (is_hidden(columns.timestamps_ms()[i])) continue;
    timestamps.push_back(columns.timestamps_ms()[i]);
    values.push_back(columns.values()[i]);
  }
  std::erase_if(columns.histogram_buffer(), [&](const HistogramSample& each) { return is_hidden(each.timestamp_ms); });
  if (values.size() == columns.values().size()) return;
  columns.timestamp_buffer().swap(timestamps);
  columns.value_buffer().swap(values);
  columns.UseBuffers();
}

}  // namespace

bool GroupView::Has(std::size_t column) const {
  return std::ranges::any_of(chunks, [column](const GroupChunkPtr& chunk) { return chunk->Has(column); }) ||
         std::ranges::any_of(rows, [column](const RowPtr& row) { return row->Has(column); });
}

// Makes views while a selection is built; groups are looked at once each.
class HeadSelection::Viewer {
 public:
  Viewer(const Head& head, model::TimeRange range, CommitNumber visible)
      : head_(head), range_(range), visible_(visible) {}

  // False if the series has nothing in the range.
  bool View(const SeriesPtr& series, Entry& entry, std::vector<Source>& sources) {
    std::vector<Series::Place> places;
    {
      const base::MutexLock lock(head_.StripeMutex(*series));
      places.assign(series->places().begin(), series->places().end());
      if (series->home != nullptr) places.push_back({.group = series->home, .column = series->home_column});
      if (series->singles() != nullptr) entry.singles = ViewSingles(*series->singles());
      for (const HeadTombstone& tombstone : series->tombstones()) {
        if (tombstone.commit <= visible_) entry.tombstones.push_back(tombstone);
      }
      if (const StartTimes* starts = series->starts(); starts != nullptr && !starts->empty()) {
        entry.starts = std::make_shared<const std::vector<StartRun>>(starts->runs().begin(), starts->runs().end());
      }
    }
    entry.series = series;
    entry.first_source = sources.size();
    for (const Series::Place& place : places) {
      const std::shared_ptr<const GroupView>& group = ViewGroup(place.group);
      if (!group->Has(place.column)) continue;
      sources.push_back({.group = group, .column = place.column});
    }
    entry.sources = sources.size() - entry.first_source;
    return entry.sources > 0 || entry.singles != nullptr;
  }

 private:
  std::shared_ptr<const SinglesView> ViewSingles(const Singles& singles) const {
    auto view = std::make_shared<SinglesView>();
    for (const auto& chunk : singles.chunks) {
      if (range_.Overlaps({.min_ms = chunk->min_ms, .max_ms = chunk->max_ms})) view->chunks.push_back(chunk);
    }
    for (const Singles::TailSample& sample : singles.tail) {
      if (sample.commit > visible_ || !range_.Contains(sample.timestamp_ms)) continue;
      view->tail.push_back({.timestamp_ms = sample.timestamp_ms, .value = sample.value});
    }
    for (const auto& chunk : singles.sealed_histograms.chunks()) {
      if (range_.Overlaps({.min_ms = chunk->min_ms, .max_ms = chunk->max_ms})) view->histogram_chunks.push_back(chunk);
    }
    for (const Singles::HistogramEntry& entry : singles.histograms) {
      if (entry.commit <= visible_ && range_.Contains(entry.sample.timestamp_ms)) {
        view->histograms.push_back(entry.sample);
      }
    }
    const bool has_histograms = !view->histograms.empty() || !view->histogram_chunks.empty();
    if (view->chunks.empty() && view->tail.empty() && !has_histograms) return nullptr;
    return view;
  }

  const std::shared_ptr<const GroupView>& ViewGroup(const GroupPtr& group) {
    std::shared_ptr<const GroupView>& known = groups_[group.get()];
    if (known != nullptr) return known;
    auto view = std::make_shared<GroupView>();
    view->key = group->log_id;
    {
      const base::MutexLock lock(group->mutex);
      for (const GroupChunkPtr& chunk : group->chunks()) {
        if (range_.Overlaps({.min_ms = chunk->min_ms(), .max_ms = chunk->max_ms()})) view->chunks.push_back(chunk);
      }
      for (const RowPtr& row : group->staged()) {
        if (row->commit <= visible_ && range_.Contains(row->timestamp_ms)) view->rows.push_back(row);
      }
    }
    for (const GroupChunkPtr& chunk : view->chunks) {
      if (auto read = chunk->ReadTimestamps(view->timestamps_ms); !read) view->error = read.error().message();
    }
    for (const RowPtr& row : view->rows) view->timestamps_ms.push_back(row->timestamp_ms);
    view->is_increasing = IsStrictlyIncreasing(view->timestamps_ms);
    known = std::move(view);
    return known;
  }

  const Head& head_;
  const model::TimeRange range_;
  const CommitNumber visible_;
  std::unordered_map<const Group*, std::shared_ptr<const GroupView>> groups_;
};

HeadSelection::HeadSelection(const Head& head, std::vector<SeriesPtr> series, model::TimeRange range,
                             CommitNumber visible, std::size_t limit)
    : range_(range), late_(head, range, visible) {
  std::ranges::sort(series, [](const SeriesPtr& a, const SeriesPtr& b) { return a->labels < b->labels; });
  Viewer viewer(head, range, visible);
  const bool has_late = head.late_samples() > 0;
  for (const SeriesPtr& entry_series : series) {
    if (limit != 0 && entries_.size() == limit) break;
    Entry entry;
    const bool has_samples = viewer.View(entry_series, entry, sources_);
    if (has_late) entry.late = late_.Add(entry_series);
    if (has_samples || entry.late != LateView::kNone) entries_.push_back(std::move(entry));
  }
}

std::optional<std::uint64_t> HeadSelection::group_key(std::size_t index) const {
  const Entry& entry = entries_[index];
  if (entry.sources == 0) return std::nullopt;
  return sources_[entry.first_source + entry.sources - 1].group->key;
}

base::Result<> HeadSelection::Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const {
  columns.Clear();
  range = {.min_ms = std::max(range.min_ms, range_.min_ms), .max_ms = std::min(range.max_ms, range_.max_ms)};
  const Entry& entry = entries_[index];
  BARO_TRY(ReadInOrder(entry, range, columns));
  if (!entry.tombstones.empty()) HideDeleted(entry.tombstones, columns);
  if (entry.late != LateView::kNone) {
    SampleColumns late;
    BARO_TRY(late_.Read(entry.late, range, late));
    if (!late.empty()) {
      MergeInto(late, columns);  // what came in order counts
      std::swap(late, columns);
    }
  }
  if (entry.starts != nullptr) AddStarts(*entry.starts, columns);  // last: it tells them by the samples' times
  return {};
}

base::Result<> HeadSelection::ReadInOrder(const Entry& entry, model::TimeRange range, SampleColumns& columns) const {
  const std::span<const Source> sources(sources_.data() + entry.first_source, entry.sources);
  if (sources.size() == 1 && entry.singles == nullptr && BARO_TRY(ReadWhole(sources[0], range, columns))) return {};
  for (const Source& source : sources) BARO_TRY(ReadPieces(source, range, columns));
  if (entry.singles != nullptr) BARO_TRY(ReadSingles(*entry.singles, range, columns));
  if (sources.size() + (entry.singles != nullptr ? 1 : 0) > 1) {
    SortByTime(columns.timestamp_buffer(), columns.value_buffer());
  }
  columns.UseBuffers();
  return {};
}

// The common case: one group, no gap. Timestamps are the group's own column, only values are decoded. False if the
// series is not like that; `columns` are then empty.
base::Result<bool> HeadSelection::ReadWhole(const Source& source, model::TimeRange range, SampleColumns& columns) {
  const GroupView& view = *source.group;
  if (!view.is_increasing || !view.error.empty()) return false;
  const auto first = std::ranges::lower_bound(view.timestamps_ms, range.min_ms) - view.timestamps_ms.begin();
  const auto last = std::ranges::upper_bound(view.timestamps_ms, range.max_ms) - view.timestamps_ms.begin();
  if (first >= last) return true;
  const auto begin = static_cast<std::size_t>(first);
  const auto end = static_cast<std::size_t>(last);
  const auto give_up = [&columns] {
    columns.Clear();
    return false;
  };

  std::vector<double>& values = columns.value_buffer();
  thread_local std::vector<double> piece;
  thread_local std::vector<std::uint64_t> presence;
  std::size_t at = 0;  // the row that the next chunk begins with
  for (const GroupChunkPtr& chunk : view.chunks) {
    const std::size_t chunk_begin = at;
    at += chunk->rows();
    if (at <= begin) continue;
    if (chunk_begin >= end) break;
    if (!chunk->Has(source.column)) return give_up();
    BARO_TRY(chunk->ReadColumn(source.column, piece, presence));
    if (!presence.empty()) return give_up();
    const std::size_t from = std::max(begin, chunk_begin) - chunk_begin;
    const std::size_t to = std::min(end, at) - chunk_begin;
    values.insert(values.end(), piece.begin() + static_cast<std::ptrdiff_t>(from),
                  piece.begin() + static_cast<std::ptrdiff_t>(to));
  }
  for (std::size_t row = std::max(begin, at); row < end; ++row) {
    const Row& staged = *view.rows[row - at];
    if (!staged.Has(source.column)) return give_up();
    values.push_back(staged.values[source.column]);
  }
  columns.UseSharedTimestamps(std::span(view.timestamps_ms).subspan(begin, end - begin), source.group);
  return true;
}

base::Result<> HeadSelection::ReadPieces(const Source& source, model::TimeRange range, SampleColumns& columns) {
  const GroupView& view = *source.group;
  if (!view.error.empty()) return base::Fail(base::Code::kCorruption, view.error);
  std::vector<double> piece;
  std::vector<std::uint64_t> presence;
  std::size_t at = 0;
  const auto put = [&](std::int64_t timestamp_ms, double value) {
    if (!range.Contains(timestamp_ms)) return;
    columns.timestamp_buffer().push_back(timestamp_ms);
    columns.value_buffer().push_back(value);
  };
  for (const GroupChunkPtr& chunk : view.chunks) {
    if (chunk->Has(source.column)) {
      BARO_TRY(chunk->ReadColumn(source.column, piece, presence));
      std::size_t next = 0;
      for (std::size_t row = 0; row < chunk->rows(); ++row) {
        if (!presence.empty() && ((presence[row / 64] >> (row % 64)) & 1) == 0) continue;
        put(view.timestamps_ms[at + row], piece[next++]);
      }
    }
    at += chunk->rows();
  }
  for (const RowPtr& row : view.rows) {
    if (row->Has(source.column)) put(row->timestamp_ms, row->values[source.column]);
  }
  return {};
}

base::Result<> HeadSelection::ReadSingles(const SinglesView& singles, model::TimeRange range, SampleColumns& columns) {
  std::vector<std::int64_t>& timestamps = columns.timestamp_buffer();
  std::vector<double>& values = columns.value_buffer();
  const std::size_t start = timestamps.size();
  for (const auto& chunk : singles.chunks) {
    if (range.Overlaps({.min_ms = chunk->min_ms, .max_ms = chunk->max_ms})) {
      BARO_TRY(ReadSingleChunk(*chunk, timestamps, values));
    }
  }
  for (const model::Sample& sample : singles.tail) {
    timestamps.push_back(sample.timestamp_ms);
    values.push_back(sample.value);
  }
  std::size_t kept = start;
  for (std::size_t i = start; i < timestamps.size(); ++i) {
    if (!range.Contains(timestamps[i])) continue;
    timestamps[kept] = timestamps[i];
    values[kept++] = values[i];
  }
  timestamps.resize(kept);
  values.resize(kept);
  std::vector<HistogramSample>& histograms = columns.histogram_buffer();
  for (const auto& chunk : singles.histogram_chunks) {
    if (range.Overlaps({.min_ms = chunk->min_ms, .max_ms = chunk->max_ms})) {
      BARO_TRY(ReadHistogramChunk(*chunk, histograms));
    }
  }
  histograms.insert(histograms.end(), singles.histograms.begin(), singles.histograms.end());
  std::erase_if(histograms, [range](const HistogramSample& sample) { return !range.Contains(sample.timestamp_ms); });
  return {};
}

}  // namespace baro::tsdb

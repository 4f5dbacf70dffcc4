#include "tsdb/head/head_selection.h"

#include <algorithm>
#include <bit>

#include "tsdb/merge/merge_columns.h"

namespace baro::tsdb {
namespace {

bool IsStrictlyIncreasing(std::span<const std::int64_t> values) {
  return std::ranges::adjacent_find(values, std::ranges::greater_equal()) == values.end();
}

// Merges neighbouring stretches [begin, middle) and [middle, end), each in order. Of equal times the first one counts.
// Returns how many there are behind `out`.
std::size_t MergeStretches(std::span<const std::int64_t> times, std::span<const double> values, std::size_t middle,
                           std::int64_t* out_times, double* out_values) {
  std::size_t left = 0;
  std::size_t right = middle;
  std::size_t out = 0;
  while (left < middle || right < times.size()) {
    const bool takes_left = right == times.size() || (left < middle && times[left] <= times[right]);
    if (takes_left && left < middle && right < times.size() && times[left] == times[right]) ++right;
    const std::size_t from = takes_left ? left++ : right++;
    out_times[out] = times[from];
    out_values[out++] = values[from];
  }
  return out;
}

// Puts samples from several places into the order of time: each place's are in order, so that it takes one merge for
// each of them.
void SortByTime(std::vector<std::int64_t>& timestamps, std::vector<double>& values) {
  std::vector<std::int64_t> merged_times;
  std::vector<double> merged_values;
  for (;;) {
    const auto behind = std::ranges::adjacent_find(timestamps, std::ranges::greater_equal());
    if (behind == timestamps.end()) return;
    const auto middle = static_cast<std::size_t>(behind - timestamps.begin()) + 1;
    const auto last = std::adjacent_find(behind + 1, timestamps.end(), std::ranges::greater_equal());
    const std::size_t end =
        last == timestamps.end() ? timestamps.size() : static_cast<std::size_t>(last - timestamps.begin()) + 1;
    merged_times.resize(end);
    merged_values.resize(end);
    const std::size_t size = MergeStretches(std::span(timestamps).first(end), std::span(values).first(end), middle,
                                            merged_times.data(), merged_values.data());
    std::ranges::copy(std::span(merged_times).first(size), timestamps.begin());
    std::ranges::copy(std::span(merged_values).first(size), values.begin());
    timestamps.erase(timestamps.begin() + static_cast<std::ptrdiff_t>(size),
                     timestamps.begin() + static_cast<std::ptrdiff_t>(end));
    values.erase(values.begin() + static_cast<std::ptrdiff_t>(size), values.begin() + static_cast<std::ptrdiff_t>(end));
  }
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

std::size_t GroupView::SizeBytes() const {
  constexpr std::size_t kOfIndex = 64;  // a node of the map that finds it, about
  return sizeof(*this) + kOfIndex + chunks.capacity() * sizeof(GroupChunkPtr) + rows.capacity() * sizeof(RowPtr) +
         timestamps_ms.capacity() * sizeof(std::int64_t);
}

bool GroupView::Has(std::size_t column) const {
  return std::ranges::any_of(chunks, [column](const GroupChunkPtr& chunk) { return chunk->Has(column); }) ||
         std::ranges::any_of(rows, [column](const RowPtr& row) { return row->Has(column); });
}

// Makes views while a selection is built; groups are looked at once each.
class HeadSelection::Viewer {
 public:
  Viewer(const Head& head, CommitNumber visible, HeadSelection& selection)
      : head_(head), visible_(visible), selection_(selection), range_(selection.range_) {}

  // False if the series has nothing in the range.
  bool View(const Series& series, Entry& entry) {
    FindPlaces(series, entry);
    entry.first_source = static_cast<std::uint32_t>(selection_.sources_.size());
    for (const Series::Place& place : places_) {
      const std::uint32_t group = ViewGroup(place.group);
      if (!selection_.groups_[group]->Has(place.column)) continue;
      selection_.sources_.push_back({.group = group, .column = place.column});
    }
    entry.sources = static_cast<std::uint32_t>(selection_.sources_.size()) - entry.first_source;
    return entry.sources > 0 || entry.singles() != nullptr;
  }

  // Whether View() would find anything, without keeping it.
  bool HasAny(const Series& series) {
    Entry entry;
    FindPlaces(series, entry);
    return entry.singles() != nullptr ||
           std::ranges::any_of(places_, [this](const Series::Place& place) { return HasSamples(place); });
  }

 private:
  void FindPlaces(const Series& series, Entry& entry) {
    places_.clear();
    const base::MutexLock lock(head_.StripeMutex(series));
    places_.assign(series.places().begin(), series.places().end());
    if (series.home != nullptr) places_.push_back({.group = series.home, .column = series.home_column});
    if (series.has_more()) ViewRare(series, entry);
  }

  // Shape    the series' stripe is held.
  void ViewRare(const Series& series, Entry& entry) const {
    Rare rare;
    if (series.singles() != nullptr) rare.singles = ViewSingles(*series.singles());
    for (const HeadTombstone& tombstone : series.tombstones()) {
      if (tombstone.commit <= visible_) rare.tombstones.push_back(tombstone);
    }
    if (const StartTimes* starts = series.starts(); starts != nullptr && !starts->empty()) {
      rare.starts = std::make_shared<const std::vector<StartRun>>(starts->runs().begin(), starts->runs().end());
    }
    const bool is_empty = rare.singles == nullptr && rare.starts == nullptr && rare.tombstones.empty();
    if (!is_empty) entry.rare = std::make_unique<Rare>(std::move(rare));
  }

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

  // Where it is in the selection's groups. Neighbours mostly are of one group.
  std::uint32_t ViewGroup(const GroupPtr& group) {
    if (group.get() == last_group_) return last_index_;
    const auto [known, is_new] =
        indexes_.try_emplace(group.get(), static_cast<std::uint32_t>(selection_.groups_.size()));
    if (is_new) {
      selection_.groups_.push_back(MakeView(*group));
      (void)selection_.Charge(selection_.groups_.back()->SizeBytes());
    }
    last_group_ = group.get();
    last_index_ = known->second;
    return last_index_;
  }

  bool IsWanted(const GroupChunk& chunk) const {
    return range_.Overlaps({.min_ms = chunk.min_ms(), .max_ms = chunk.max_ms()});
  }
  bool IsWanted(const Row& row) const { return row.commit <= visible_ && range_.Contains(row.timestamp_ms); }

  bool HasSamples(const Series::Place& place) const {
    const Group& group = *place.group;
    const base::MutexLock lock(group.mutex);
    const auto has = [this, &place](const auto& part) { return part->Has(place.column) && IsWanted(*part); };
    return std::ranges::any_of(group.chunks(), has) || std::ranges::any_of(group.staged(), has);
  }

  std::shared_ptr<const GroupView> MakeView(const Group& group) const {
    auto view = std::make_shared<GroupView>();
    view->key = group.log_id;
    {
      const base::MutexLock lock(group.mutex);
      for (const GroupChunkPtr& chunk : group.chunks()) {
        if (IsWanted(*chunk)) view->chunks.push_back(chunk);
      }
      for (const RowPtr& row : group.staged()) {
        if (IsWanted(*row)) view->rows.push_back(row);
      }
    }
    for (const GroupChunkPtr& chunk : view->chunks) {
      if (auto read = chunk->ReadTimestamps(view->timestamps_ms); !read) view->error = read.error().message();
    }
    for (const RowPtr& row : view->rows) view->timestamps_ms.push_back(row->timestamp_ms);
    view->is_increasing = IsStrictlyIncreasing(view->timestamps_ms);
    return view;
  }

  const Head& head_;
  const CommitNumber visible_;
  HeadSelection& selection_;
  const model::TimeRange range_;
  std::unordered_map<const Group*, std::uint32_t> indexes_;
  std::vector<Series::Place> places_;  // of the series at hand
  const Group* last_group_ = nullptr;
  std::uint32_t last_index_ = 0;
};

HeadSelection::HeadSelection(const Head& head, std::vector<SeriesPtr> series, const SelectRequest& request,
                             CommitNumber visible)
    : range_(request.range),
      late_(head, request.range, visible),
      charge_(request.memory),
      joined_times_(request.memory) {
  const std::size_t limit = request.limit;
  const std::size_t most = limit == 0 ? series.size() : std::min(series.size(), limit);
  if (!Charge(series.size() * sizeof(SeriesPtr) + most * (sizeof(Entry) + sizeof(Source)))) return;
  entries_.reserve(most);
  if (!request.labels_only) sources_.reserve(most);
  Viewer viewer(head, visible, *this);
  const bool has_late = head.late_samples() > 0;
  for (SeriesPtr& each : series) {
    if ((limit != 0 && entries_.size() == limit) || over_) break;
    Entry entry;
    bool has_samples = request.labels_only ? viewer.HasAny(*each) : viewer.View(*each, entry);
    if (has_late) {
      if (const std::size_t late = late_.Add(each); late != LateView::kNone) {
        if (entry.rare == nullptr) entry.rare = std::make_unique<Rare>();
        entry.rare->late = late;
        has_samples = true;
      }
    }
    if (!has_samples) continue;
    entry.series = std::move(each);
    entries_.push_back(std::move(entry));
  }
}

bool HeadSelection::Charge(std::size_t bytes) {
  if (auto charged = charge_.Add(bytes); !charged) over_ = std::move(charged).error();
  return !over_;
}

std::optional<std::uint64_t> HeadSelection::group_key(std::size_t index) const {
  const auto sources = SourcesOf(entries_[index]);
  if (sources.empty()) return std::nullopt;
  return groups_[sources.back().group]->key;
}

base::Result<> HeadSelection::Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const {
  columns.Clear();
  range = Visible(range);
  const Entry& entry = entries_[index];
  BARO_TRY(ReadInOrder(entry, range, columns));
  if (entry.rare == nullptr) return {};
  if (!entry.rare->tombstones.empty()) HideDeleted(entry.rare->tombstones, columns);
  if (entry.rare->late != LateView::kNone) {
    SampleColumns late;
    BARO_TRY(late_.Read(entry.rare->late, range, late));
    if (!late.empty()) {
      MergeInto(late, columns);  // what came in order counts
      std::swap(late, columns);
    }
  }
  if (entry.rare->starts != nullptr) AddStarts(*entry.rare->starts, columns);  // last: by the samples' times
  return {};
}

base::Result<> HeadSelection::ReadInOrder(const Entry& entry, model::TimeRange range, SampleColumns& columns) const {
  const auto sources = SourcesOf(entry);
  if (sources.size() == 1 && entry.singles() == nullptr) {
    if (auto times = AppendWhole(sources.front(), range, columns.value_buffer())) {
      columns.UseSharedTimestamps(*std::move(times));
      return {};
    }
  }
  return ReadApart(entry, range, columns);
}

base::Result<> HeadSelection::ReadApart(const Entry& entry, model::TimeRange range, SampleColumns& columns) const {
  const auto sources = SourcesOf(entry);
  for (const Source& source : sources) BARO_TRY(ReadPieces(source, range, columns));
  if (entry.singles() != nullptr) BARO_TRY(ReadSingles(*entry.singles(), range, columns));
  if (sources.size() + (entry.singles() != nullptr ? 1 : 0) > 1) {
    SortByTime(columns.timestamp_buffer(), columns.value_buffer());
  }
  columns.UseBuffers();
  return {};
}

std::optional<SharedTimes> HeadSelection::AppendPlain(std::size_t index, model::TimeRange range,
                                                      std::vector<double>& values) const {
  const Entry& entry = entries_[index];
  if (entry.rare != nullptr) return std::nullopt;
  range = Visible(range);
  const auto sources = SourcesOf(entry);
  if (sources.size() == 1) {
    if (auto times = AppendWhole(sources.front(), range, values)) return times;
  }
  // Gaps, or samples in several groups: series that came together have the same ones.
  thread_local SampleColumns columns;
  columns.Clear();
  if (!ReadApart(entry, range, columns)) return std::nullopt;
  values.insert(values.end(), columns.values().begin(), columns.values().end());
  return joined_times_.Share(columns.timestamps_ms());
}

// The common case: no gap. Timestamps are the group's own column, only values are decoded. Nothing if the series is not
// like that, or damaged.
std::optional<SharedTimes> HeadSelection::AppendWhole(const Source& source, model::TimeRange range,
                                                      std::vector<double>& values) const {
  const GroupView& view = *groups_[source.group];
  if (!view.is_increasing || !view.error.empty()) return std::nullopt;
  const auto first = std::ranges::lower_bound(view.timestamps_ms, range.min_ms) - view.timestamps_ms.begin();
  const auto last = std::ranges::upper_bound(view.timestamps_ms, range.max_ms) - view.timestamps_ms.begin();
  if (first >= last) return SharedTimes();
  const auto begin = static_cast<std::size_t>(first);
  const auto end = static_cast<std::size_t>(last);
  const std::size_t before = values.size();
  const auto give_up = [&values, before] {
    values.resize(before);
    return std::nullopt;
  };

  thread_local std::vector<double> piece;
  thread_local std::vector<std::uint64_t> presence;
  std::size_t at = 0;  // the row that the next chunk begins with
  for (const GroupChunkPtr& chunk : view.chunks) {
    const std::size_t chunk_begin = at;
    at += chunk->rows();
    if (at <= begin) continue;
    if (chunk_begin >= end) break;
    if (!chunk->Has(source.column) || !chunk->ReadColumn(source.column, piece, presence) || !presence.empty()) {
      return give_up();
    }
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
  return SharedTimes{.timestamps_ms = std::span(view.timestamps_ms).subspan(begin, end - begin),
                     .pin = groups_[source.group]};
}

base::Result<> HeadSelection::ReadPieces(const Source& source, model::TimeRange range, SampleColumns& columns) const {
  if (range.min_ms > range.max_ms) return {};  // what is asked is before all that may be seen
  const GroupView& view = *groups_[source.group];
  if (!view.error.empty()) return base::Fail(base::Code::kCorruption, view.error);
  thread_local std::vector<double> piece;
  thread_local std::vector<std::uint64_t> presence;
  std::vector<std::int64_t>& timestamps = columns.timestamp_buffer();
  std::vector<double>& values = columns.value_buffer();
  std::size_t at = 0;
  for (const GroupChunkPtr& chunk : view.chunks) {
    const auto times = std::span(view.timestamps_ms).subspan(at, chunk->rows());
    at += chunk->rows();
    const bool is_wanted = range.Overlaps({.min_ms = chunk->min_ms(), .max_ms = chunk->max_ms()});
    if (!is_wanted || !chunk->Has(source.column)) continue;
    BARO_TRY(chunk->ReadColumn(source.column, piece, presence));
    if (presence.empty() && view.is_increasing) {  // all rows, in the order of time
      const auto from = std::ranges::lower_bound(times, range.min_ms) - times.begin();
      const auto to = std::ranges::upper_bound(times, range.max_ms) - times.begin();
      timestamps.insert(timestamps.end(), times.begin() + from, times.begin() + to);
      values.insert(values.end(), piece.begin() + from, piece.begin() + to);
      continue;
    }
    std::size_t next = 0;
    const auto add = [&](std::size_t row) {
      if (range.Contains(times[row])) {
        timestamps.push_back(times[row]);
        values.push_back(piece[next]);
      }
      ++next;
    };
    if (presence.empty()) {
      for (std::size_t row = 0; row < times.size(); ++row) add(row);
    }
    for (std::size_t word = 0; word < presence.size(); ++word) {
      for (std::uint64_t rows = presence[word]; rows != 0; rows &= rows - 1) {
        add(word * 64 + static_cast<std::size_t>(std::countr_zero(rows)));
      }
    }
  }
  for (const RowPtr& row : view.rows) {
    if (!row->Has(source.column) || !range.Contains(row->timestamp_ms)) continue;
    timestamps.push_back(row->timestamp_ms);
    values.push_back(row->values[source.column]);
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

#include "tsdb/block/block_selection.h"

#include "tsdb/block/side_records.h"

#include <algorithm>

namespace baro::tsdb {
namespace {

using Key = std::vector<std::pair<ColumnId, std::uint32_t>>;

// Drops the samples in these ranges, which are sorted.
void DropDeleted(std::span<const model::TimeRange> deleted, model::TimeRange range, SampleColumns& columns) {
  const bool touches = std::ranges::any_of(deleted, [range](const auto& hole) { return hole.Overlaps(range); });
  if (!touches) return;
  const auto is_deleted = [deleted](std::int64_t timestamp_ms) {
    const auto hole = std::ranges::lower_bound(deleted, timestamp_ms, {}, &model::TimeRange::max_ms);
    return hole != deleted.end() && hole->min_ms <= timestamp_ms;
  };
  std::vector<double>& values = columns.value_buffer();
  std::vector<std::int64_t>& timestamps = columns.timestamp_buffer();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t timestamp_ms = timestamps[i];
    if (is_deleted(timestamp_ms)) continue;
    timestamps[kept] = timestamp_ms;
    values[kept++] = values[i];
  }
  timestamps.resize(kept);
  values.resize(kept);
  std::erase_if(columns.histogram_buffer(),
                [&](const HistogramSample& sample) { return is_deleted(sample.timestamp_ms); });
}

bool HasHoles(std::span<const model::TimeRange> deleted, model::TimeRange range) {
  return std::ranges::any_of(deleted, [range](const auto& hole) { return hole.Overlaps(range); });
}

}  // namespace

// Makes a selection, page by page.
class BlockSelectionImpl::Maker {
 public:
  Maker(BlockSelectionImpl& selection, model::TimeRange range)
      : selection_(selection), index_(selection.block_->index()), range_(range), texts_(index_) {}

  base::Result<> Run(std::span<const std::uint32_t> numbers, std::size_t limit, const base::CancelToken& cancel) {
    std::size_t loaded = index_.root().series_pages.size();
    bool is_readable = false;
    for (const std::uint32_t number : numbers) {
      if (limit != 0 && selection_.entries_.size() == limit) break;
      const std::size_t wanted = number / kSeriesPerPage;
      if (wanted != loaded) {
        if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "selecting series: cancelled");
        auto read = index_.ReadSeries(wanted, page_);
        is_readable = read.has_value();
        if (!read) selection_.block_->NoteDamage(read.error().message());
        loaded = wanted;
      }
      if (is_readable) Add(number, page_.series[number % kSeriesPerPage]);
    }
    return {};
  }

 private:
  void Add(std::uint32_t number, const SeriesPage::Series& series) {
    Entry entry;
    entry.floats = PartOf(series.floats, series.first_float_chunk);
    entry.histograms = PartOf(series.histograms, series.first_histogram_chunk);
    if (entry.floats.timeline == nullptr && entry.histograms.timeline == nullptr) return;
    auto labels = texts_.LabelsOf(page_, series);
    if (!labels) {
      selection_.block_->NoteDamage(labels.error().message());
      return;
    }
    entry.labels = *std::move(labels);
    entry.number = number;
    entry.deleted = selection_.tombstones_->Of(number);
    selection_.entries_.push_back(std::move(entry));
  }

  Part PartOf(TrackRef ref, std::uint64_t first_chunk) {
    const auto track = page_.tracks.Of(ref);
    if (track.empty()) return {};
    Timeline* const timeline = TimelineOf(track);
    if (timeline->empty()) return {};
    timeline->AddUser();
    Part part{.timeline = timeline, .first_chunk = first_chunk + timeline->first_window()};
    part.is_partial = std::ranges::any_of(track, [](const ColumnRun& run) { return run.is_partial; });
    if (part.is_partial) {
      part.first_presence = selection_.presences_.size();
      CopyPresences(track, timeline->first_window(), timeline->size());
    }
    return part;
  }

  // Those of `count` windows of the track, from `first` on.
  void CopyPresences(std::span<const ColumnRun> track, std::size_t first, std::size_t count) {
    std::size_t at = 0;
    for (const ColumnRun& run : track) {
      for (std::uint32_t i = 0; i < run.count; ++i, ++at) {
        if (at < first || at >= first + count) continue;
        WindowPresence presence;
        if (run.is_partial) presence = page_.tracks.presences[run.first_presence + i];
        const auto rows = page_.tracks.Of(presence);
        selection_.presences_.push_back(
            {.first_run = static_cast<std::uint32_t>(selection_.rows_.size()), .run_count = presence.run_count});
        selection_.rows_.insert(selection_.rows_.end(), rows.begin(), rows.end());
      }
    }
  }

  Timeline* TimelineOf(std::span<const ColumnRun> track) {
    key_.clear();
    for (const ColumnRun& run : track) {
      // Whether a series has all rows of a column divides runs, but not timelines.
      if (!key_.empty() && key_.back().first + key_.back().second == run.first_column) {
        key_.back().second += run.count;
      } else {
        key_.emplace_back(run.first_column, run.count);
      }
    }
    const auto [found, is_new] = timelines_.try_emplace(key_);
    if (is_new) {
      selection_.timelines_.push_back(std::make_unique<Timeline>(*selection_.block_, track, range_));
      found->second = selection_.timelines_.back().get();
    }
    return found->second;
  }

  BlockSelectionImpl& selection_;
  const BlockIndex& index_;
  const model::TimeRange range_;
  ValueTexts texts_;
  SeriesPage page_;
  Key key_;
  std::map<Key, Timeline*> timelines_;
};

base::Result<std::unique_ptr<BlockSelectionImpl>> BlockSelectionImpl::Make(
    std::shared_ptr<const BlockImpl> block, std::shared_ptr<const BlockTombstones> tombstones,
    std::span<const std::uint32_t> numbers, model::TimeRange range, std::size_t limit, Order order,
    const base::CancelToken& cancel) {
  std::unique_ptr<BlockSelectionImpl> selection(new BlockSelectionImpl(std::move(block), std::move(tombstones)));
  const bool is_sorted = order == Order::kBlock || selection->block_->index().root().is_in_label_order;
  BARO_TRY(Maker(*selection, range).Run(numbers, is_sorted ? limit : 0, cancel));
  selection->LoadStarts();
  if (!is_sorted) {
    std::ranges::sort(selection->entries_, {}, &Entry::labels);
    if (limit != 0 && selection->entries_.size() > limit) selection->entries_.resize(limit);
  }
  selection->warnings_ = selection->block_->Damage();
  return selection;
}

base::Error BlockSelectionImpl::Told(const std::string& message) const {
  block_->NoteDamage(message);
  return {base::Code::kCorruption, fmt::format("block {}: {}", block_->meta().ulid.ToString(), message)};
}

std::span<const RowRun> BlockSelectionImpl::RowsOf(const Part& part, std::size_t window, std::size_t rows,
                                                   RowRun& all) const {
  all = {.first = 0, .length = static_cast<std::uint16_t>(rows)};
  if (!part.is_partial) return {&all, 1};
  const WindowPresence presence = presences_[part.first_presence + window];
  if (presence.run_count == 0) return {&all, 1};
  return std::span(rows_).subspan(presence.first_run, presence.run_count);
}

// Shape    entries in the order of their numbers.
void BlockSelectionImpl::LoadStarts() {
  const SideFile* file = block_->side_file(BlockFile::kStarts);
  if (file == nullptr) return;
  SideFileCursor cursor(*file);
  for (Entry& entry : entries_) {
    entry.first_start = starts_.size();
    const auto record = cursor.Find(entry.number);
    const auto decoded = !record   ? base::Result<>(record.error())
                         : *record ? DecodeStarts(**record, starts_)
                                   : base::Result<>();
    if (!decoded) {
      starts_.resize(entry.first_start);
      block_->NoteDamage(decoded.error().message());
    }
    entry.start_count = static_cast<std::uint32_t>(starts_.size() - entry.first_start);
  }
}

base::Result<> BlockSelectionImpl::ReadExemplars(std::size_t index, model::TimeRange range,
                                                 std::vector<model::Exemplar>& exemplars) const {
  const SideFile* file = block_->side_file(BlockFile::kExemplars);
  if (file == nullptr) return {};
  const Entry& entry = entries_[index];
  SideFileCursor cursor(*file);
  const auto record = cursor.Find(entry.number);
  if (!record) return Told(record.error().message());
  if (!*record) return {};
  std::vector<model::Exemplar> all;
  if (auto decoded = DecodeExemplars(**record, all); !decoded) return Told(decoded.error().message());
  for (model::Exemplar& exemplar : all) {
    const std::int64_t at_ms = *exemplar.timestamp_ms;
    if (range.Contains(at_ms) && !HasHoles(entry.deleted, {.min_ms = at_ms, .max_ms = at_ms})) {
      exemplars.push_back(std::move(exemplar));
    }
  }
  return {};
}

base::Result<> BlockSelectionImpl::Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const {
  columns.Clear();
  if (range.empty()) return {};
  const Entry& entry = entries_[index];
  auto result = ReadSamples(entry, range, columns);
  if (entry.start_count > 0) AddStarts(std::span(starts_).subspan(entry.first_start, entry.start_count), columns);
  return result;
}

base::Result<> BlockSelectionImpl::ReadSamples(const Entry& entry, model::TimeRange range,
                                               SampleColumns& columns) const {
  const bool has_holes = HasHoles(entry.deleted, range);
  base::Result<> result;
  if (entry.floats.timeline != nullptr) {
    std::optional<SharedTimes> times;
    if (!has_holes && !entry.floats.is_partial) times = AppendWhole(entry.floats, range, columns.value_buffer());
    if (times) {
      columns.UseSharedTimestamps(*std::move(times));
    } else {
      result = ReadPieces(entry.floats, range, columns);
      columns.UseBuffers();
    }
  }
  if (entry.histograms.timeline != nullptr) {
    auto read = ReadHistograms(entry.histograms, range, columns);
    if (result) result = read;
  }
  if (has_holes) {
    DropDeleted(entry.deleted, range, columns);
    columns.UseBuffers();
  }
  return result;
}

std::optional<SharedTimes> BlockSelectionImpl::AppendPlain(std::size_t index, model::TimeRange range,
                                                           std::vector<double>& values) const {
  const Entry& entry = entries_[index];
  const bool is_plain = entry.histograms.timeline == nullptr && !entry.floats.is_partial && entry.start_count == 0;
  if (!is_plain || HasHoles(entry.deleted, range)) return std::nullopt;
  return AppendWhole(entry.floats, range, values);
}

// The common case: the series has all rows. Timestamps are the shared column, values are decoded into place. Nothing if
// something is damaged.
std::optional<SharedTimes> BlockSelectionImpl::AppendWhole(const Part& part, model::TimeRange range,
                                                           std::vector<double>& values) const {
  const auto [first, last] = part.timeline->Find(range);
  if (first == last) return SharedTimes();
  auto shared = part.timeline->Columns(*block_);
  for (std::size_t window = first; window < last; ++window) {
    if (!shared->errors[window].empty()) return std::nullopt;
  }
  const std::size_t begin = shared->begins[first];
  const auto timestamps = std::span(shared->timestamps_ms).subspan(begin, shared->begins[last] - begin);
  const auto from = static_cast<std::size_t>(std::ranges::lower_bound(timestamps, range.min_ms) - timestamps.begin());
  const auto to = static_cast<std::size_t>(std::ranges::upper_bound(timestamps, range.max_ms) - timestamps.begin());
  if (from == to) return SharedTimes();
  const std::size_t before = values.size();
  values.resize(before + to);
  const std::span<double> places = std::span(values).subspan(before);
  for (std::size_t window = first; window < last; ++window) {
    const std::size_t at = shared->begins[window] - begin;
    if (at >= to) break;
    const std::size_t rows = shared->begins[window + 1] - shared->begins[window];
    const auto place = places.subspan(at, std::min(rows, to - at));
    if (!block_->chunks().ReadFloats(part.first_chunk + window, rows, place)) {
      values.resize(before);
      return std::nullopt;
    }
  }
  if (from > 0)
    values.erase(values.begin() + static_cast<std::ptrdiff_t>(before),
                 values.begin() + static_cast<std::ptrdiff_t>(before + from));
  return SharedTimes{.timestamps_ms = timestamps.subspan(from, to - from), .pin = std::move(shared)};
}

base::Result<> BlockSelectionImpl::ReadPieces(const Part& part, model::TimeRange range, SampleColumns& columns) const {
  const auto [first, last] = part.timeline->Find(range);
  if (first == last) return {};
  const auto shared = part.timeline->Columns(*block_);
  base::Result<> result;
  thread_local std::vector<double> piece;
  for (std::size_t window = first; window < last; ++window) {
    if (!shared->errors[window].empty()) {
      result = Told(shared->errors[window]);
      continue;
    }
    const auto timestamps = shared->Window(window);
    RowRun all;
    const auto rows = RowsOf(part, window, timestamps.size(), all);
    const std::size_t row_count = RowCount(rows);
    piece.resize(row_count);
    const bool is_inside = rows.back().first + std::size_t{rows.back().length} <= timestamps.size();
    auto read = is_inside ? block_->chunks().ReadFloats(part.first_chunk + window, row_count, piece)
                          : base::Fail(base::Code::kCorruption, "a series has rows that its column has not");
    if (!read) {
      result = Told(read.error().message());
      continue;
    }
    std::size_t next = 0;
    for (const RowRun& run : rows) {
      for (std::size_t row = run.first; row < std::size_t{run.first} + run.length; ++row, ++next) {
        if (!range.Contains(timestamps[row])) continue;
        columns.timestamp_buffer().push_back(timestamps[row]);
        columns.value_buffer().push_back(piece[next]);
      }
    }
  }
  return result;
}

base::Result<> BlockSelectionImpl::ReadHistograms(const Part& part, model::TimeRange range,
                                                  SampleColumns& columns) const {
  const auto [first, last] = part.timeline->Find(range);
  if (first == last) return {};
  const auto shared = part.timeline->Columns(*block_);
  std::vector<HistogramSample>& samples = columns.histogram_buffer();
  base::Result<> result;
  std::vector<std::int64_t> present;
  for (std::size_t window = first; window < last; ++window) {
    if (!shared->errors[window].empty()) {
      result = Told(shared->errors[window]);
      continue;
    }
    const auto timestamps = shared->Window(window);
    RowRun all;
    const auto rows = RowsOf(part, window, timestamps.size(), all);
    if (rows.back().first + std::size_t{rows.back().length} > timestamps.size()) {
      result = Told("a series has rows that its column has not");
      continue;
    }
    present.clear();
    for (const RowRun& run : rows) {
      const auto from = timestamps.begin() + run.first;
      present.insert(present.end(), from, from + run.length);
    }
    const std::size_t before = samples.size();
    if (auto read = block_->chunks().ReadHistograms(part.first_chunk + window, present, samples); !read) {
      samples.resize(before);
      result = Told(read.error().message());
    }
  }
  std::erase_if(samples, [range](const HistogramSample& sample) { return !range.Contains(sample.timestamp_ms); });
  return result;
}

base::Result<> BlockSelectionImpl::Outline(std::size_t index, model::TimeRange range,
                                           std::vector<ChunkOutline>& outlines) const {
  outlines.clear();
  if (range.empty()) return {};
  const Entry& entry = entries_[index];
  const Part& part = entry.floats;
  if (part.timeline == nullptr) return {};
  const auto [first, last] = part.timeline->Find(range);
  if (first == last) return {};
  const auto shared = part.timeline->Columns(*block_);
  base::Result<> result;
  for (std::size_t window = first; window < last; ++window) {
    ChunkOutline& outline = outlines.emplace_back();
    outline.range = part.timeline->range(window);
    if (!shared->errors[window].empty() || HasHoles(entry.deleted, outline.range)) continue;
    const auto timestamps = shared->Window(window);
    RowRun all;
    const auto rows = RowsOf(part, window, timestamps.size(), all);
    const std::size_t end = rows.back().first + std::size_t{rows.back().length};
    if (end > timestamps.size()) continue;
    const auto summary = block_->chunks().ReadSummary(part.first_chunk + window);
    if (!summary) {
      result = Told(summary.error().message());
      continue;
    }
    if (!summary->has_value()) continue;
    const ValueSummary& known = **summary;
    outline.has_summary = true;
    outline.summary = {.min_time_ms = timestamps[rows.front().first],
                       .max_time_ms = timestamps[end - 1],
                       .count = static_cast<std::uint32_t>(RowCount(rows)),
                       .resets = static_cast<std::uint32_t>(known.resets),
                       .min = known.min,
                       .max = known.max,
                       .sum = known.sum,
                       .first = known.first,
                       .last = known.last};
  }
  return result;
}

}  // namespace baro::tsdb

#include "tsdb/block/block_selection.h"

#include "tsdb/block/side_records.h"

#include <algorithm>
#include <compare>

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

// Label sets of another selection, which are asked for one after the other, mostly in its order.
class AlikeLabels {
 public:
  /// Borrows the selection; null: there are none.
  explicit AlikeLabels(const SeriesSelection* selection) : selection_(selection) {}

  /// The set of these labels if it is there, and null otherwise. Valid as long as the selection.
  const model::Labels* Find(std::span<const model::LabelView> labels) {
    if (selection_ == nullptr || missed_ > found_ + kMissedMax) return nullptr;
    const std::size_t size = selection_->size();
    if (next_ >= size || Compare(next_, labels) != 0) {
      std::size_t first = 0;
      for (std::size_t last = size; first < last;) {
        const std::size_t middle = first + (last - first) / 2;
        if (Compare(middle, labels) < 0) {
          first = middle + 1;
        } else {
          last = middle;
        }
      }
      next_ = first;
      if (next_ >= size || Compare(next_, labels) != 0) {
        ++missed_;
        return nullptr;
      }
    }
    ++found_;
    return &selection_->labels(next_++);
  }

 private:
  // Looking in vain costs more than making a set.
  static constexpr std::size_t kMissedMax = 64;

  std::strong_ordering Compare(std::size_t at, std::span<const model::LabelView> labels) const {
    const model::Labels& known = selection_->labels(at);
    auto label = known.begin();
    const auto end = known.end();
    for (const model::LabelView& each : labels) {
      if (label == end) return std::strong_ordering::less;
      if (const auto order = *label <=> each; order != 0) return order;
      ++label;
    }
    return label == end ? std::strong_ordering::equal : std::strong_ordering::greater;
  }

  const SeriesSelection* const selection_;
  std::size_t next_ = 0;
  std::size_t found_ = 0;
  std::size_t missed_ = 0;
};

}  // namespace

// Makes a selection, page by page.
class BlockSelectionImpl::Maker {
 public:
  Maker(BlockSelectionImpl& selection, const SelectRequest& request)
      : selection_(selection),
        index_(selection.block_->index()),
        range_(request.range),
        texts_(index_),
        alike_(request.alike) {}

  base::Result<> Run(std::span<const std::uint32_t> numbers, std::size_t limit, const base::CancelToken& cancel) {
    const std::size_t most = limit == 0 ? numbers.size() : std::min(numbers.size(), limit);
    BARO_TRY(selection_.charge_.Add(most * sizeof(Entry)));
    selection_.entries_.reserve(most);
    std::size_t loaded = index_.root().series_pages.size();
    bool is_readable = false;
    const bool keeps = CountPages(numbers) <= kPagesKeptMax;
    for (const std::uint32_t number : numbers) {
      if (limit != 0 && selection_.entries_.size() == limit) break;
      const std::size_t wanted = number / kSeriesPerPage;
      if (wanted != loaded) {
        if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "selecting series: cancelled");
        BARO_TRY(ChargeMade());
        auto read = Load(wanted, keeps);
        is_readable = read.has_value();
        if (!read) selection_.block_->NoteDamage(read.error().message());
        loaded = wanted;
      }
      if (is_readable) Add(number, page_->series[number % kSeriesPerPage]);
    }
    return ChargeMade();
  }

 private:
  // Pages of selections that need more are not kept: they would drive out those of all others.
  static constexpr std::size_t kPagesKeptMax = 32;

  static std::size_t CountPages(std::span<const std::uint32_t> numbers) {
    std::size_t pages = 0;
    std::uint32_t last = 0;
    for (const std::uint32_t number : numbers) {
      const auto page = static_cast<std::uint32_t>(number / kSeriesPerPage) + 1;
      if (page != last) ++pages;
      last = page;
    }
    return pages;
  }

  base::Result<> Load(std::size_t page, bool keeps) {
    kept_.reset();
    if (!keeps) {
      BARO_TRY(index_.ReadSeries(page, own_page_));
      page_ = &own_page_;
      return {};
    }
    kept_ = BARO_TRY(index_.KeptSeries(page));
    page_ = &kept_->page();
    return {};
  }

  // What was made since the last time.
  base::Result<> ChargeMade() {
    const std::size_t bytes = bytes_ + selection_.rare_.capacity() * sizeof(Rare) +
                              selection_.presences_.capacity() * sizeof(WindowPresence) +
                              selection_.rows_.capacity() * sizeof(RowRun);
    BARO_TRY(selection_.charge_.Add(bytes - charged_));
    charged_ = bytes;
    return {};
  }

  void Add(std::uint32_t number, const SeriesPage::Series& series) {
    Entry entry{.labels = {}, .number = number};
    const Part floats = PartOf(series.floats, series.first_float_chunk, &entry.timeline);
    const Part histograms = PartOf(series.histograms, series.first_histogram_chunk, nullptr);
    if (floats.timeline == nullptr && histograms.timeline == nullptr) return;
    auto labels = LabelsOf(number % kSeriesPerPage);
    if (!labels) {
      selection_.block_->NoteDamage(labels.error().message());
      return;
    }
    entry.labels = *std::move(labels);
    entry.first_chunk = floats.first_chunk;
    const auto deleted = selection_.tombstones_->Of(number);
    if (floats.is_partial || histograms.timeline != nullptr || !deleted.empty()) {
      Rare& rare = selection_.MakeRare(entry);
      rare.is_partial = floats.is_partial;
      rare.first_presence = floats.first_presence;
      rare.histograms = histograms;
      rare.deleted = deleted;
    }
    selection_.entries_.push_back(std::move(entry));
  }

  // Of a series of the page.
  base::Result<model::Labels> LabelsOf(std::size_t place) {
    if (kept_ == nullptr) return MakeLabels(page_->series[place]);
    model::Labels labels = kept_->LabelsOf(place);
    if (labels.empty()) {
      labels = BARO_TRY(MakeLabels(page_->series[place]));
      kept_->Keep(place, labels);
    }
    return labels;
  }

  base::Result<model::Labels> MakeLabels(const SeriesPage::Series& series) {
    const auto views = BARO_TRY(texts_.ViewsOf(*page_, series));
    if (const model::Labels* known = alike_.Find(views)) return *known;
    constexpr std::size_t kOverhead = 32;  // of the block and its allocation
    model::Labels labels = model::Labels::FromSorted(views);
    bytes_ += labels.packed().size() + kOverhead;
    return labels;
  }

  // `index`: null, or what is to become the timeline's place.
  Part PartOf(TrackRef ref, std::uint64_t first_chunk, std::uint32_t* index) {
    const auto track = page_->tracks.Of(ref);
    if (track.empty()) return {};
    const std::uint32_t place = TimelineOf(track);
    Timeline* const timeline = selection_.timelines_[place].get();
    if (timeline->empty()) return {};
    if (index != nullptr) *index = place;
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
        if (run.is_partial) presence = page_->tracks.presences[run.first_presence + i];
        const auto rows = page_->tracks.Of(presence);
        selection_.presences_.push_back(
            {.first_run = static_cast<std::uint32_t>(selection_.rows_.size()), .run_count = presence.run_count});
        selection_.rows_.insert(selection_.rows_.end(), rows.begin(), rows.end());
      }
    }
  }

  // Its place in timelines_.
  std::uint32_t TimelineOf(std::span<const ColumnRun> track) {
    key_.clear();
    for (const ColumnRun& run : track) {
      // Whether a series has all rows of a column divides runs, but not timelines.
      if (!key_.empty() && key_.back().first + key_.back().second == run.first_column) {
        key_.back().second += run.count;
      } else {
        key_.emplace_back(run.first_column, run.count);
      }
    }
    const auto [found, is_new] = timelines_.try_emplace(key_, static_cast<std::uint32_t>(selection_.timelines_.size()));
    if (is_new) {
      constexpr std::size_t kOfIndex = 128;  // the node that finds it, about
      selection_.timelines_.push_back(std::make_unique<Timeline>(*selection_.block_, track, range_));
      bytes_ += selection_.timelines_.back()->SizeBytes() + kOfIndex;
    }
    return found->second;
  }

  BlockSelectionImpl& selection_;
  const BlockIndex& index_;
  const model::TimeRange range_;
  ValueTexts texts_;
  const SeriesPage* page_ = nullptr;
  SeriesPage own_page_;
  std::shared_ptr<KeptSeriesPage> kept_;  // null: the page is own_page_
  AlikeLabels alike_;
  Key key_;
  std::map<Key, std::uint32_t> timelines_;
  std::size_t bytes_ = 0;    // of labels and timelines
  std::size_t charged_ = 0;  // of all but entries
};

BlockSelectionImpl::Rare& BlockSelectionImpl::MakeRare(Entry& entry) {
  if (entry.rare == kNone) {
    entry.rare = static_cast<std::uint32_t>(rare_.size());
    rare_.emplace_back();
  }
  return rare_[entry.rare];
}

BlockSelectionImpl::Part BlockSelectionImpl::FloatsOf(const Entry& entry) const {
  if (entry.timeline == kNone) return {};
  const Rare& rare = RareOf(entry);
  return {.timeline = timelines_[entry.timeline].get(),
          .first_chunk = entry.first_chunk,
          .first_presence = rare.first_presence,
          .is_partial = rare.is_partial};
}

base::Result<std::unique_ptr<BlockSelectionImpl>> BlockSelectionImpl::Make(
    std::shared_ptr<const BlockImpl> block, std::shared_ptr<const BlockTombstones> tombstones,
    std::span<const std::uint32_t> numbers, const SelectRequest& request, Order order,
    const base::CancelToken& cancel) {
  const std::size_t limit = request.limit;
  std::unique_ptr<BlockSelectionImpl> selection(
      new BlockSelectionImpl(std::move(block), std::move(tombstones), request.memory));
  const bool is_sorted = order == Order::kBlock || selection->block_->index().root().is_in_label_order;
  BARO_TRY(Maker(*selection, request).Run(numbers, is_sorted ? limit : 0, cancel));
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
    const std::size_t first = starts_.size();
    const auto record = cursor.Find(entry.number);
    const auto decoded = !record   ? base::Result<>(record.error())
                         : *record ? DecodeStarts(**record, starts_)
                                   : base::Result<>();
    if (!decoded) {
      starts_.resize(first);
      block_->NoteDamage(decoded.error().message());
    }
    if (starts_.size() == first) continue;
    Rare& rare = MakeRare(entry);
    rare.first_start = first;
    rare.start_count = static_cast<std::uint32_t>(starts_.size() - first);
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
    if (range.Contains(at_ms) && !HasHoles(RareOf(entry).deleted, {.min_ms = at_ms, .max_ms = at_ms})) {
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
  const Rare& rare = RareOf(entry);
  if (rare.start_count > 0) AddStarts(std::span(starts_).subspan(rare.first_start, rare.start_count), columns);
  return result;
}

base::Result<> BlockSelectionImpl::ReadSamples(const Entry& entry, model::TimeRange range,
                                               SampleColumns& columns) const {
  const Part floats = FloatsOf(entry);
  const Rare& rare = RareOf(entry);
  const bool has_holes = HasHoles(rare.deleted, range);
  base::Result<> result;
  if (floats.timeline != nullptr) {
    std::optional<SharedTimes> times;
    if (!has_holes && !floats.is_partial) times = AppendWhole(floats, range, columns.value_buffer());
    if (times) {
      columns.UseSharedTimestamps(*std::move(times));
    } else {
      result = ReadPieces(floats, range, columns);
      columns.UseBuffers();
    }
  }
  if (rare.histograms.timeline != nullptr) {
    auto read = ReadHistograms(rare.histograms, range, columns);
    if (result) result = read;
  }
  if (has_holes) {
    DropDeleted(rare.deleted, range, columns);
    columns.UseBuffers();
  }
  return result;
}

std::optional<SharedTimes> BlockSelectionImpl::AppendPlain(std::size_t index, model::TimeRange range,
                                                           std::vector<double>& values) const {
  const Entry& entry = entries_[index];
  const Rare& rare = RareOf(entry);
  const bool is_plain = rare.histograms.timeline == nullptr && !rare.is_partial && rare.start_count == 0;
  if (!is_plain || HasHoles(rare.deleted, range)) return std::nullopt;
  return AppendWhole(FloatsOf(entry), range, values);
}

// The common case: the series has all rows. Timestamps are the shared column, values are decoded into place. Nothing if
// something is damaged.
std::optional<SharedTimes> BlockSelectionImpl::AppendWhole(const Part& part, model::TimeRange range,
                                                           std::vector<double>& values) const {
  const auto [first, last] = part.timeline->Find(range);
  if (first == last) return SharedTimes();
  auto shared = Columns(part);
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
  const auto shared = Columns(part);
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
  const auto shared = Columns(part);
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
  const Part part = FloatsOf(entry);
  if (part.timeline == nullptr) return {};
  const auto [first, last] = part.timeline->Find(range);
  if (first == last) return {};
  const auto shared = Columns(part);
  base::Result<> result;
  for (std::size_t window = first; window < last; ++window) {
    ChunkOutline& outline = outlines.emplace_back();
    outline.range = part.timeline->range(window);
    if (!shared->errors[window].empty() || HasHoles(RareOf(entry).deleted, outline.range)) continue;
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

#include "tsdb/block/timeline.h"

#include <algorithm>

namespace baro::tsdb {

Timeline::Timeline(const ColumnSource& source, std::span<const ColumnRun> track, model::TimeRange range) {
  std::vector<Window> all;
  for (const ColumnRun& run : track) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      Window& window = all.emplace_back();
      if (auto entry = source.ReadColumnEntry(run.first_column + i)) {
        window.entry = *entry;
        window.range = entry->range();
      } else {
        window.error = entry.error().message();
      }
    }
  }
  // Between its neighbours is all that is known of a window whose entry is damaged.
  std::int64_t before_ms = model::kMinTimestampMs;
  for (Window& window : all) {
    if (!window.error.empty()) {
      window.range.min_ms = before_ms == model::kMinTimestampMs ? before_ms : before_ms + 1;
    } else {
      if (window.range.min_ms <= before_ms) window.error = "columns out of order";
      before_ms = window.range.max_ms;
    }
  }
  std::int64_t behind_ms = model::kMaxTimestampMs;
  for (auto window = all.rbegin(); window != all.rend(); ++window) {
    if (!window->error.empty()) window->range.max_ms = std::max(behind_ms, window->range.min_ms);
    behind_ms = window->range.min_ms == model::kMinTimestampMs ? behind_ms : window->range.min_ms - 1;
  }
  const auto first = std::ranges::find_if(all, [range](const Window& window) { return window.range.Overlaps(range); });
  const auto last =
      std::find_if(first, all.end(), [range](const Window& window) { return !window.range.Overlaps(range); });
  first_window_ = static_cast<std::size_t>(first - all.begin());
  windows_.assign(std::make_move_iterator(first), std::make_move_iterator(last));
}

std::pair<std::size_t, std::size_t> Timeline::Find(model::TimeRange range) const {
  const auto overlaps = [range](const Window& window) { return window.range.Overlaps(range); };
  const auto first = std::ranges::find_if(windows_, overlaps);
  const auto last = std::find_if_not(first, windows_.end(), overlaps);
  return {static_cast<std::size_t>(first - windows_.begin()), static_cast<std::size_t>(last - windows_.begin())};
}

std::shared_ptr<const TimelineColumns> Timeline::Columns(const ColumnSource& source, ColumnsKept& kept) const {
  if (users_ < 2) return Decode(source);
  std::shared_ptr<const TimelineColumns> columns;
  {
    const base::MutexLock lock(mutex_);
    if (columns_ != nullptr) return columns_;
    columns = columns_ = Decode(source);
  }
  kept.Add(*this, columns->SizeBytes());
  return columns;
}

void Timeline::Drop() const {
  const base::MutexLock lock(mutex_);
  columns_.reset();
}

std::size_t Timeline::SizeBytes() const { return sizeof(*this) + windows_.capacity() * sizeof(Window); }

void ColumnsKept::Add(const Timeline& timeline, std::size_t bytes) {
  const base::MutexLock lock(mutex_);
  timelines_.push_back(&timeline);
  bytes_ += bytes;
  if (bytes_ <= kBytesMax && charge_.Set(bytes_)) return;
  for (const Timeline* each : timelines_) each->Drop();
  timelines_.clear();
  bytes_ = 0;
  charge_.Reset();
}

std::shared_ptr<const TimelineColumns> Timeline::Decode(const ColumnSource& source) const {
  auto columns = std::make_shared<TimelineColumns>();
  std::size_t rows = 0;
  for (const Window& window : windows_) {
    columns->begins.push_back(rows);
    rows += window.entry.rows;
  }
  columns->begins.push_back(rows);
  columns->timestamps_ms.resize(rows);
  columns->errors.resize(windows_.size());
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Window& window = windows_[i];
    columns->errors[i] = window.error;
    if (!window.error.empty()) continue;
    const auto place = std::span(columns->timestamps_ms).subspan(columns->begins[i], window.entry.rows);
    if (auto read = source.ReadColumn(window.entry, place); !read) columns->errors[i] = read.error().message();
  }
  return columns;
}

}  // namespace baro::tsdb

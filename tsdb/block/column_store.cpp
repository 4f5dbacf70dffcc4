#include "tsdb/block/column_store.h"

#include <algorithm>

#include "base/crc32c.h"

namespace baro::tsdb {
namespace {

// Targets whose series are scraped by several jobs, and rules of several groups, share a key; more than a few sets of
// timestamps under one key means that there is nothing to share.
constexpr std::size_t kTimelinesPerGroup = 4;

// Decoded columns at hand: 4 MiB. With more columns than that each comparison decodes once more, about 1 ns per row.
constexpr std::size_t kDecodedColumns = 512;

// What a column is worth that was told before any series had it.
constexpr std::uint32_t kUsesToCome = 16;

// Columns looked at when memory is full, per column that is added.
constexpr std::size_t kForgetSteps = 64;

constexpr std::size_t kKnownBytes = 200;  // what a known column costs besides its bytes, about

std::size_t WindowsFor(std::size_t rows) { return (rows + kWindowRowsMax - 1) / kWindowRowsMax; }

}  // namespace

void Placement::Clear() {
  windows.clear();
  rows.clear();
  samples = 0;
}

base::Result<> ColumnStore::Add(GroupKey group, std::span<const std::int64_t> timestamps_ms) {
  if (timestamps_ms.empty()) return {};
  return AddWindows(group, timestamps_ms, WindowsFor(timestamps_ms.size()), nullptr);
}

base::Result<> ColumnStore::Place(GroupKey group, std::span<const std::int64_t> timestamps_ms, bool is_last,
                                  Placement& placement) {
  placement.Clear();
  while (placement.samples < timestamps_ms.size()) {
    const auto rest = timestamps_ms.subspan(placement.samples);
    const Fit best = BestFit(group, rest, placement.end_ms);
    if (!best.is_whole) {
      if (const Window* twin = FindTwin(rest); twin != nullptr) {
        const Window window = *twin;
        Keep(group, window);
        Use(window, window.rows, rest, placement);
        continue;
      }
    }
    if (best.is_whole || best.is_part) {
      // The window may go on behind what was given: whether all rows are there shows when more has come.
      if (!is_last && best.samples == rest.size() && rest.back() < best.window.max_ms) return {};
      Use(best.window, best.samples, rest, placement);
      continue;
    }
    std::size_t misfits = best.samples;
    while (misfits < rest.size()) {
      const Fit next = BestFit(group, rest.subspan(misfits), rest[misfits - 1]);
      if (next.is_whole || next.is_part) break;
      misfits += next.samples;
    }
    if (misfits == rest.size() && !is_last) misfits = misfits / kWindowRowsMax * kWindowRowsMax;
    if (misfits == 0) return {};
    BARO_TRY(AddWindows(group, rest.first(misfits), WindowsFor(misfits), &placement));
  }
  return {};
}

// The window of the group that has most of the front of the timestamps, whose timeline then stands first; or, if none
// has, the number of timestamps before the next border of a window.
ColumnStore::Fit ColumnStore::BestFit(GroupKey group, std::span<const std::int64_t> timestamps_ms,
                                      std::int64_t end_ms) {
  auto& timelines = groups_[group];
  Fit best{.samples = timestamps_ms.size()};
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < timelines.size() && !best.is_whole; ++i) {
    const Fit fit = Lay(timelines[i], timestamps_ms, end_ms);
    const bool fits = fit.is_whole || fit.is_part;
    const bool had_fit = best.is_whole || best.is_part;
    const bool is_better =
        fits ? (fit.is_whole || !had_fit || fit.samples > best.samples) : (!had_fit && fit.samples < best.samples);
    if (!is_better) continue;
    best = fit;
    chosen = i;
  }
  if (best.is_whole || best.is_part) {
    const auto at = timelines.begin() + static_cast<std::ptrdiff_t>(chosen);
    std::rotate(timelines.begin(), at, at + 1);
  }
  return best;
}

// Lays the front of the timestamps over the first window that does not end before them.
ColumnStore::Fit ColumnStore::Lay(const Timeline& timeline, std::span<const std::int64_t> timestamps_ms,
                                  std::int64_t end_ms) {
  const auto found = std::ranges::lower_bound(timeline, timestamps_ms.front(), {}, &Window::max_ms);
  if (found == timeline.end()) return {.samples = timestamps_ms.size()};
  const Window& window = *found;
  Fit fit{.window = window};
  if (timestamps_ms.front() < window.min_ms) {
    fit.samples =
        static_cast<std::size_t>(std::ranges::lower_bound(timestamps_ms, window.min_ms) - timestamps_ms.begin());
    return fit;
  }
  if (timestamps_ms.size() >= window.rows && timestamps_ms[window.rows - 1] == window.max_ms) {
    fit.samples = window.rows;
  } else {
    fit.samples =
        static_cast<std::size_t>(std::ranges::upper_bound(timestamps_ms, window.max_ms) - timestamps_ms.begin());
  }
  const auto inside = timestamps_ms.first(fit.samples);
  const auto column = TimestampsOf(window.column);
  // Windows of a series do not overlap, whoever else's they are.
  if (column.empty() || window.min_ms <= end_ms) return fit;
  fit.is_whole = std::ranges::equal(inside, column);
  fit.is_part = !fit.is_whole && FindRows(window.column, inside, nullptr);
  return fit;
}

// Whether all of the timestamps are rows of the column, and which.
bool ColumnStore::FindRows(ColumnId column, std::span<const std::int64_t> timestamps_ms, std::vector<RowRun>* rows) {
  const auto all = TimestampsOf(column);
  std::size_t row = 0;
  std::size_t before = all.size();  // the row of the timestamp before
  for (const std::int64_t timestamp_ms : timestamps_ms) {
    while (row < all.size() && all[row] < timestamp_ms) ++row;
    if (row == all.size() || all[row] != timestamp_ms) return false;
    if (rows == nullptr) continue;
    if (before + 1 == row) {
      ++rows->back().length;
    } else {
      rows->push_back({.first = static_cast<std::uint16_t>(row), .length = 1});
    }
    before = row;
  }
  return true;
}

// A column of any group that is just the front of these timestamps.
const ColumnStore::Window* ColumnStore::FindTwin(std::span<const std::int64_t> timestamps_ms) {
  const auto found = by_min_time_.find(timestamps_ms.front());
  if (found == by_min_time_.end()) return nullptr;
  const Window& window = known_.at(found->second).window;
  if (timestamps_ms.size() < window.rows || timestamps_ms[window.rows - 1] != window.max_ms) return nullptr;
  return std::ranges::equal(timestamps_ms.first(window.rows), TimestampsOf(window.column)) ? &window : nullptr;
}

void ColumnStore::Use(const Window& window, std::size_t samples, std::span<const std::int64_t> timestamps_ms,
                      Placement& placement) {
  PlacedWindow placed{.column = window.column,
                      .window_rows = window.rows,
                      .samples = static_cast<std::uint32_t>(samples),
                      .first_run = static_cast<std::uint32_t>(placement.rows.size())};
  if (samples < window.rows) {
    FindRows(window.column, timestamps_ms.first(samples), &placement.rows);
    placed.run_count = static_cast<std::uint32_t>(placement.rows.size()) - placed.first_run;
  }
  placement.windows.push_back(placed);
  placement.samples += samples;
  placement.end_ms = window.max_ms;
  if (const auto known = known_.find(window.column); known != known_.end()) ++known->second.uses;
}

// Cuts into windows of nearly equal length: of 1,030 rows neither half is a stump.
base::Result<> ColumnStore::AddWindows(GroupKey group, std::span<const std::int64_t> timestamps_ms, std::size_t windows,
                                       Placement* placement) {
  for (std::size_t i = 0; i < windows; ++i) {
    const std::size_t begin = timestamps_ms.size() * i / windows;
    const std::size_t end = timestamps_ms.size() * (i + 1) / windows;
    const auto rows = timestamps_ms.subspan(begin, end - begin);
    const ColumnId column = BARO_TRY(AddColumn(rows, placement == nullptr ? kUsesToCome : 0));
    const Window window{.min_ms = rows.front(),
                        .max_ms = rows.back(),
                        .column = column,
                        .rows = static_cast<std::uint32_t>(rows.size())};
    Keep(group, window);
    if (placement != nullptr) Use(window, rows.size(), rows, *placement);
    ForgetSome();
  }
  return {};
}

base::Result<ColumnId> ColumnStore::AddColumn(std::span<const std::int64_t> timestamps_ms, std::uint32_t uses) {
  if (column_count_ > std::numeric_limits<ColumnId>::max()) {
    return base::Fail(base::Code::kLimitExceeded, "writing a block: more than 4294967296 columns of timestamps");
  }
  const auto column = static_cast<ColumnId>(column_count_++);
  Known known;
  EncodeColumn(timestamps_ms, known.encoded);
  EncodeColumnEntry({.min_time_ms = timestamps_ms.front(),
                     .max_time_ms = timestamps_ms.back(),
                     .offset = columns_.offset(),
                     .rows = static_cast<std::uint16_t>(timestamps_ms.size()),
                     .size_bytes = static_cast<std::uint32_t>(known.encoded.size()),
                     .crc = base::Crc32c(known.encoded, columns_.seed())},
                    directory_);
  BARO_TRY(columns_.Append(known.encoded));
  if (directory_.size() == kColumnEntriesPerFrame * kColumnEntryBytes) {
    BARO_ASSERT(index_.offset() == ColumnFrameOffset(column));
    BARO_TRY(index_.AppendFrame(FrameKind::kColumnDirectory, directory_, FrameForm::kPlain));
    directory_.clear();
  }
  known.window = {.min_ms = timestamps_ms.front(),
                  .max_ms = timestamps_ms.back(),
                  .column = column,
                  .rows = static_cast<std::uint32_t>(timestamps_ms.size())};
  known.uses = uses;
  known.encoded.shrink_to_fit();
  memory_bytes_ += known.encoded.size() + kKnownBytes;
  by_min_time_[known.window.min_ms] = column;
  known_.emplace(column, std::move(known));
  oldest_.push_back(column);
  return column;
}

// Puts the window into the group's first timeline where it does not disturb, or displaces smaller ones.
void ColumnStore::Keep(GroupKey group, const Window& window) {
  auto& timelines = groups_[group];
  for (Timeline& timeline : timelines) {
    const auto first = std::ranges::lower_bound(timeline, window.min_ms, {}, &Window::max_ms);
    auto last = first;
    std::size_t rows = 0;
    for (; last != timeline.end() && last->min_ms <= window.max_ms; ++last) rows += last->rows;
    // Twice as many rows: a series that was there all the time displaces one that was there at times, but two kinds of
    // series with a rhythm of their own do not displace one another.
    if (first != last && window.rows < 2 * rows) continue;
    timeline.insert(timeline.erase(first, last), window);
    return;
  }
  if (timelines.size() == kTimelinesPerGroup) timelines.pop_back();
  timelines.insert(timelines.begin(), Timeline{window});
}

void ColumnStore::ForgetSome() {
  for (std::size_t left = std::min(oldest_.size(), kForgetSteps); memory_bytes_ > memory_bytes_max_ && left > 0;
       --left) {
    const ColumnId column = oldest_.front();
    oldest_.pop_front();
    const auto known = known_.find(column);
    // Shared columns go around once more with half their merit, so that in the end something can be forgotten.
    if (known->second.uses > 1) {
      known->second.uses /= 2;
      oldest_.push_back(column);
      continue;
    }
    const auto twin = by_min_time_.find(known->second.window.min_ms);
    if (twin != by_min_time_.end() && twin->second == column) by_min_time_.erase(twin);
    memory_bytes_ -= known->second.encoded.size() + kKnownBytes;
    known_.erase(known);
    if (!decoded_.empty() && decoded_[column % kDecodedColumns].column == column) {
      decoded_[column % kDecodedColumns].timestamps_ms.clear();
    }
  }
}

// Empty if the column was forgotten.
std::span<const std::int64_t> ColumnStore::TimestampsOf(ColumnId column) {
  if (decoded_.empty()) decoded_.resize(kDecodedColumns);
  Decoded& slot = decoded_[column % kDecodedColumns];
  if (slot.column == column && !slot.timestamps_ms.empty()) return slot.timestamps_ms;
  const auto known = known_.find(column);
  if (known == known_.end()) return {};
  slot.column = column;
  slot.timestamps_ms.resize(known->second.window.rows);
  if (!DecodeColumn(known->second.encoded, slot.timestamps_ms)) slot.timestamps_ms.clear();
  return slot.timestamps_ms;
}

base::Result<> ColumnStore::Finish() {
  if (directory_.empty()) return {};
  BARO_TRY(index_.AppendFrame(FrameKind::kColumnDirectory, directory_, FrameForm::kPlain));
  directory_.clear();
  return {};
}

}  // namespace baro::tsdb

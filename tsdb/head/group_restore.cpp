// What a group has after a restart: columns as the log says, chunks that lay in files.
#include <algorithm>
#include <bit>

#include "tsdb/head/group.h"

namespace baro::tsdb {

void Group::Widen(std::size_t columns) {
  if (members_.size() >= columns) return;
  vacant_ += columns - members_.size();
  members_.resize(columns);
  ++version_;
}

bool Group::JoinAt(std::uint32_t column, const SeriesPtr& series, const LastSample& last, bool was_here) {
  Widen(std::size_t{column} + 1);
  if (members_[column] != nullptr) return false;
  const auto left = left_.find(column);
  if (left != left_.end() && left->second != series->log_id && !was_here) {
    return false;
  }
  Join(series, last, column);
  return true;
}

bool Group::NoteOwner(std::uint32_t column, LogSeriesId series) {
  Widen(std::size_t{column} + 1);
  if (members_[column] != nullptr) return false;
  return left_.try_emplace(column, series).first->second == series;
}

std::vector<LogSeriesId> Group::Layout(std::size_t count) const {
  std::vector<LogSeriesId> layout(count, LogSeriesId::kNone);
  for (std::uint32_t column = 0; column < std::min(count, members_.size()); ++column) {
    if (members_[column] != nullptr) layout[column] = members_[column]->log_id;
  }
  for (const auto& [column, series] : left_) {
    if (column < count) layout[column] = series;
  }
  return layout;
}

void Group::RaiseLast(std::uint32_t column, const LastSample& last) {
  LastSample& departed = departed_[column];
  departed = Later(departed, last);
  clear_after_ms_ = std::max(clear_after_ms_, last.timestamp_ms);
}

base::Result<> Group::Restore(std::span<const GroupChunkPtr> chunks) {
  for (const GroupChunkPtr& chunk : chunks) {
    Widen(chunk->columns());
    clear_after_ms_ = std::max(clear_after_ms_, chunk->max_ms());
    NoteRowNumber(chunk->last_row());
    InsertChunk(chunk);
  }
  return chunks_.empty() ? base::Result<>() : RestoreNewest();
}

// The order rules look at the staged rows, at the last sealed one, and at what departed: all columns whose newest
// sample is in a chunk must be in one of the latter.
base::Result<> Group::RestoreNewest() {
  const auto is_full = [this](const RowPtr& row) {
    return row->presence.empty() && row->values.size() == members_.size();
  };
  const bool is_behind = staged_.empty() || staged_.back()->number < chunks_.back()->last_row();
  if (!is_behind && std::ranges::any_of(staged_, is_full)) return {};
  std::vector<bool> is_known(members_.size());
  if (!is_behind) {
    for (const RowPtr& row : staged_) {
      for (std::size_t column = 0; column < is_known.size(); ++column)
        is_known[column] = is_known[column] || row->Has(column);
    }
  }
  auto last = std::make_shared<Row>();
  last->number = chunks_.back()->last_row();
  last->values.resize(members_.size());
  last->presence.resize((members_.size() + 63) / 64);
  std::vector<std::int64_t> timestamps;
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend(); ++chunk) {
    timestamps.clear();
    BARO_TRY((*chunk)->ReadTimestamps(timestamps));
    const bool is_newest = chunk == chunks_.rbegin();
    if (is_newest) last->timestamp_ms = timestamps.back();
    for (std::uint32_t column = 0; column < is_known.size(); ++column) {
      if (is_known[column] || !(*chunk)->Has(column)) continue;
      const model::Sample sample = BARO_TRY((*chunk)->ReadLast(column, timestamps));
      is_known[column] = true;
      if (is_newest && sample.timestamp_ms == last->timestamp_ms) {
        last->values[column] = sample.value;
        last->presence[column / 64] |= std::uint64_t{1} << (column % 64);
      } else {
        RaiseLast(column, {.timestamp_ms = sample.timestamp_ms, .bits = std::bit_cast<std::uint64_t>(sample.value)});
      }
    }
    if (std::ranges::all_of(is_known, [](bool known) { return known; })) break;
  }
  last_sealed_ = std::move(last);
  return {};
}

}  // namespace baro::tsdb

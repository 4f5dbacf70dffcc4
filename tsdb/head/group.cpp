#include "tsdb/head/group.h"

#include <algorithm>
#include <bit>

namespace baro::tsdb {
namespace {

// 32 rows cost 128 bytes per series on average before they are transposed (design, codec section 1).
constexpr std::size_t kSealRows = 32;
// So many small chunks become one: the codec's own costs per column then vanish.
constexpr std::size_t kJoinChunks = 8;
constexpr std::size_t kJoinedRows = kSealRows * kJoinChunks;
// Readers that stay open keep rows staged; past this many they are sealed all the same, and such a reader sees commits
// that are newer than itself.
constexpr std::size_t kStagedRowsMax = 4096;
constexpr std::size_t kWholeRowEvery = 128;
// A target's samples and its report series are two lists; a rule group or a flapping target may have a few more.
constexpr std::size_t kOrdersMax = 4;
// A node of the hash table and its bucket.
constexpr std::size_t kDepartedBytes = sizeof(LastSample) + 40;
constexpr std::size_t kLeftBytes = sizeof(LogSeriesId) + 40;

}  // namespace

std::uint32_t Group::Join(const SeriesPtr& series, const LastSample& last, std::optional<std::uint32_t> known) {
  const std::uint32_t column = known.value_or(static_cast<std::uint32_t>(members_.size()));
  if (!known) {
    members_.push_back(series);
  } else {
    BARO_ASSERT(members_[column] == nullptr);
    members_[column] = series;
    left_.erase(column);
    --vacant_;
  }
  if (last.timestamp_ms != model::kMinTimestampMs) {
    LastSample& departed = departed_[column];
    departed = Later(departed, last);
    clear_after_ms_ = std::max(clear_after_ms_, last.timestamp_ms);
  }
  ++version_;
  return column;
}

LastSample Group::Leave(std::uint32_t column) {
  const LastSample last = Last(column);
  if (members_[column] != nullptr) {
    left_[column] = members_[column]->log_id;
    if (pending_ > 0) left_while_pending_.push_back(members_[column]);
    members_[column] = nullptr;
    ++vacant_;
    ++version_;
    ++leave_version_;
    orders_.clear();
  }
  return last;
}

LastSample Group::Last(std::uint32_t column) const {
  const auto sample_of = [column](const Row& row) {
    return LastSample{.timestamp_ms = row.timestamp_ms, .bits = std::bit_cast<std::uint64_t>(row.values[column])};
  };
  LastSample last;
  if (const auto departed = departed_.find(column); departed != departed_.end()) last = departed->second;
  if (last_sealed_ != nullptr && last_sealed_->Has(column)) last = Later(last, sample_of(*last_sealed_));
  for (auto row = staged_.rbegin(); row != staged_.rend(); ++row) {
    if ((*row)->Has(column)) return Later(last, sample_of(**row));
  }
  return last;
}

RowOrderPtr Group::FindOrder(std::span<const SeriesRef> series) const {
  for (const RowOrderPtr& order : orders_) {
    if (order->series.size() == series.size() &&
        std::memcmp(order->series.data(), series.data(), series.size_bytes()) == 0) {
      return order;
    }
  }
  return nullptr;
}

void Group::KeepOrder(RowOrderPtr order) {
  if (orders_.size() == kOrdersMax) orders_.erase(orders_.begin());
  orders_.push_back(std::move(order));
}

void Group::Link(RowPtr row) {
  clear_after_ms_ = std::max(clear_after_ms_, row->timestamp_ms);
  next_row_number_ = row->number + 1;
  staged_.push_back(std::move(row));
}

void Group::Unlink(CommitNumber commit) {
  std::erase_if(staged_, [commit](const RowPtr& row) { return row->commit == commit; });
  if (late_ == nullptr) return;
  late_->Unlink(commit);
  if (late_->empty()) late_.reset();
}

void Group::LinkLate(RowPtr row, DeleteEpoch epoch) {
  if (late_ == nullptr) late_ = std::make_unique<LateRows>();
  late_->Link(std::move(row), epoch);
}

void Group::SealLate(CommitNumber visible_to_all, std::int64_t range_ms, bool all) {
  if (late_ != nullptr) late_->Seal(visible_to_all, range_ms, all);
}

std::size_t Group::DropLate(const LateCut& cut) {
  if (late_ == nullptr) return 0;
  const std::size_t dropped = late_->Drop(cut);
  if (late_->empty()) late_.reset();
  return dropped;
}

void Group::RemovePending() {
  BARO_ASSERT(pending_ > 0);
  if (--pending_ == 0) left_while_pending_ = {};
}

SeriesPtr Group::FindLeft(SeriesRef ref) const {
  const auto found = std::ranges::find(left_while_pending_, ref, [](const SeriesPtr& series) { return series->ref; });
  return found == left_while_pending_.end() ? nullptr : *found;
}

void Group::TakeSealed(std::size_t count, GroupChunkPtr chunk) {
  const RowPtr new_last = staged_[count - 1];
  const std::size_t columns = members_.size();
  const bool is_full = new_last->presence.empty() && new_last->values.size() == columns;
  if (is_full) {
    departed_.clear();
  } else {
    for (std::uint32_t column = 0; column < columns; ++column) {
      if (new_last->Has(column)) {
        departed_.erase(column);
        continue;
      }
      LastSample last;
      if (last_sealed_ != nullptr && last_sealed_->Has(column)) {
        last = {.timestamp_ms = last_sealed_->timestamp_ms,
                .bits = std::bit_cast<std::uint64_t>(last_sealed_->values[column])};
      }
      for (std::size_t i = count; i-- > 0;) {
        if (!staged_[i]->Has(column)) continue;
        last = {.timestamp_ms = staged_[i]->timestamp_ms,
                .bits = std::bit_cast<std::uint64_t>(staged_[i]->values[column])};
        break;
      }
      if (last.timestamp_ms != model::kMinTimestampMs) {
        LastSample& departed = departed_[column];
        departed = Later(departed, last);
      }
    }
  }
  last_sealed_ = new_last;
  staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(count));
  InsertChunk(std::move(chunk));
}

void Group::InsertChunk(GroupChunkPtr chunk) {
  auto place = chunks_.end();
  while (place != chunks_.begin() && (*std::prev(place))->first_row() > chunk->first_row()) --place;
  chunks_.insert(place, std::move(chunk));
}

// Rows of one chunk follow each other without a gap, so that two numbers say which ones it has.
std::size_t Group::CountToSeal(CommitNumber visible_to_all, bool all) const {
  const bool is_overfull = staged_.size() > kStagedRowsMax;
  std::size_t count = 0;
  bool is_at_gap = false;
  while (count < staged_.size() && count < kSealRows) {
    const Row& row = *staged_[count];
    if (row.commit > visible_to_all && !is_overfull) break;
    is_at_gap = count > 0 && row.number != staged_[count - 1]->number + 1;
    if (is_at_gap) break;
    ++count;
  }
  return count == kSealRows || is_at_gap || all ? count : 0;
}

void Group::Seal(CommitNumber visible_to_all, bool all) {
  for (;;) {
    std::vector<RowPtr> rows;
    {
      const base::MutexLock lock(mutex);
      if (is_sealing_) return;
      const std::size_t count = CountToSeal(visible_to_all, all);
      if (count == 0) return;
      rows.assign(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(count));
      is_sealing_ = true;
    }
    GroupChunkPtr chunk = GroupChunk::FromRows(rows);
    {
      const base::MutexLock lock(mutex);
      TakeSealed(rows.size(), chunk);
    }
    if (GroupChunkPtr joined = JoinChunks()) chunk = std::move(joined);
    {
      const base::MutexLock lock(mutex);
      is_sealing_ = false;
    }
    if (sink_ != nullptr) sink_->OnSealed(GroupPtr(this), chunk);
  }
}

// The last chunks become one when there are enough of them. Nobody else changes the list's end: `is_sealing_` is set.
// Null: there are not.
GroupChunkPtr Group::JoinChunks() {
  std::vector<GroupChunkPtr> last;
  {
    const base::MutexLock lock(mutex);
    std::size_t rows = 0;
    for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend() && (*chunk)->rows() <= kSealRows; ++chunk) {
      if (!last.empty() && (*chunk)->last_row() + 1 != last.back()->first_row()) break;
      rows += (*chunk)->rows();
      last.push_back(*chunk);
    }
    if (rows < kJoinedRows || last.size() < kJoinChunks) return nullptr;
  }
  std::ranges::reverse(last);
  auto joined = GroupChunk::Join(last);
  if (!joined) return nullptr;  // they stay as they are, and readers will say what is wrong
  const base::MutexLock lock(mutex);
  // Retention may have taken some of them away meanwhile, and others may lie in a file by now.
  if (chunks_.size() < last.size()) return nullptr;
  if (chunks_[chunks_.size() - last.size()]->first_row() != last.front()->first_row()) return nullptr;
  chunks_.resize(chunks_.size() - last.size());
  chunks_.push_back(*joined);
  return *std::move(joined);
}

bool Group::HasChunk(const GroupChunkPtr& chunk) const { return std::ranges::find(chunks_, chunk) != chunks_.end(); }

bool Group::ReplaceChunk(const GroupChunkPtr& chunk, GroupChunkPtr replacement) {
  const auto place = std::ranges::find(chunks_, chunk);
  if (place == chunks_.end()) return false;
  *place = std::move(replacement);
  return true;
}

void Group::DropBefore(std::int64_t cutoff_ms, CommitNumber visible_to_all) {
  while (!chunks_.empty() && chunks_.front()->max_ms() < cutoff_ms) chunks_.pop_front();
  if (is_sealing_ || staged_.empty() || clear_after_ms_ >= cutoff_ms) return;
  // Nothing came for a whole retention: what is staged goes too, if nobody is looking.
  const auto is_free = [=](const RowPtr& row) {
    return row->timestamp_ms < cutoff_ms && row->commit <= visible_to_all;
  };
  if (!std::ranges::all_of(staged_, is_free)) return;
  last_sealed_ = staged_.back();
  staged_.clear();
}

bool Group::NeedsWholeRow(std::uint64_t segment) const {
  return logged_segment_ != segment || logged_version_ != version_ || rows_since_whole_ >= kWholeRowEvery ||
         last_row() == nullptr;
}

void Group::NoteLogged(std::uint64_t segment, bool was_whole) {
  logged_segment_ = segment;
  logged_version_ = version_;
  rows_since_whole_ = was_whole ? 1 : rows_since_whole_ + 1;
}

Group::Sizes Group::SizeBytes() const {
  Sizes sizes;
  for (const RowPtr& row : staged_) {
    sizes.staged_bytes += sizeof(Row) + row->values.capacity() * 8 + row->presence.capacity() * 8;
  }
  sizes.table_bytes = sizeof(Group) + members_.capacity() * sizeof(SeriesPtr) + departed_.size() * kDepartedBytes +
                      left_.size() * kLeftBytes;
  for (const RowOrderPtr& order : orders_) sizes.table_bytes += order->SizeBytes();
  for (const GroupChunkPtr& chunk : chunks_) sizes.chunk_bytes += chunk->SizeBytes();
  sizes.late_bytes = late_ == nullptr ? 0 : late_->SizeBytes();
  sizes.chunks = chunks_.size();
  return sizes;
}

}  // namespace baro::tsdb

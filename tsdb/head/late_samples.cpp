#include "tsdb/head/late_samples.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace baro::tsdb {
namespace {

// As many as a chunk in order has at first.
constexpr std::size_t kSealRows = 32;
// Rows that are spread over many block ranges are sealed in whatever pieces they make when there are so many.
constexpr std::size_t kStagedRowsMax = 256;
constexpr std::size_t kSealCount = 32;
constexpr std::size_t kChunkCountMax = 256;

std::size_t CountPresent(const Row& row) {
  if (row.presence.empty()) return row.values.size();
  std::size_t count = 0;
  for (const std::uint64_t word : row.presence) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

// Which block range a time is in.
std::int64_t RangeOf(std::int64_t time_ms, std::int64_t range_ms) {
  if (range_ms <= 0) return 0;
  return time_ms / range_ms - (time_ms % range_ms < 0 ? 1 : 0);
}

}  // namespace

void LateRows::Link(RowPtr row, DeleteEpoch epoch) {
  const auto place = std::ranges::upper_bound(staged, row->timestamp_ms, {},
                                              [](const Staged& each) { return each.row->timestamp_ms; });
  staged.insert(place, {.row = std::move(row), .epoch = epoch});
}

void LateRows::Unlink(CommitNumber commit) {
  std::erase_if(staged, [commit](const Staged& each) { return each.row->commit == commit; });
}

bool LateRows::HasStaged(std::int64_t timestamp_ms) const {
  return std::ranges::binary_search(staged, timestamp_ms, {},
                                    [](const Staged& each) { return each.row->timestamp_ms; });
}

bool LateRows::IsTaken(std::uint32_t column, std::int64_t timestamp_ms, DeleteEpoch epoch) const {
  const auto same =
      std::ranges::equal_range(staged, timestamp_ms, {}, [](const Staged& each) { return each.row->timestamp_ms; });
  return std::ranges::any_of(same, [=](const Staged& each) { return each.epoch == epoch && each.row->Has(column); });
}

bool LateRows::Has(std::uint32_t column) const {
  return std::ranges::any_of(chunks, [column](const Chunk& chunk) { return chunk.rows->Has(column); }) ||
         std::ranges::any_of(staged, [column](const Staged& each) { return each.row->Has(column); });
}

void LateRows::Seal(CommitNumber visible_to_all, std::int64_t range_ms, bool all) {
  if (staged.size() < kSealRows && !all) return;
  const bool is_crowded = all || staged.size() >= kStagedRowsMax;
  std::vector<Staged> kept;
  for (std::size_t first = 0; first < staged.size();) {
    std::size_t end = first;
    const auto belongs = [&](const Staged& each) {
      return each.epoch == staged[first].epoch && each.row->commit <= visible_to_all &&
             RangeOf(each.row->timestamp_ms, range_ms) == RangeOf(staged[first].row->timestamp_ms, range_ms);
    };
    while (end < staged.size() && end - first < kChunkCountMax && belongs(staged[end])) ++end;
    const std::size_t count = end - first;
    if (count == 0 || (count < kSealRows && !is_crowded)) {
      kept.insert(kept.end(), staged.begin() + static_cast<std::ptrdiff_t>(first),
                  staged.begin() + static_cast<std::ptrdiff_t>(std::max(end, first + 1)));
      first = std::max(end, first + 1);
      continue;
    }
    std::vector<RowPtr> rows;
    Chunk chunk{.epoch = staged[first].epoch};
    for (std::size_t i = first; i < end; ++i) {
      rows.push_back(staged[i].row);
      chunk.newest_commit = std::max(chunk.newest_commit, staged[i].row->commit);
      chunk.samples += CountPresent(*staged[i].row);
    }
    chunk.rows = GroupChunk::FromRows(rows);
    chunks.push_back(std::move(chunk));
    first = end;
  }
  staged.swap(kept);
}

std::int64_t LateRows::MinFrom(std::int64_t from_ms) const {
  std::int64_t least = model::kMaxTimestampMs;
  for (const Chunk& chunk : chunks) {
    if (chunk.rows->max_ms() >= from_ms) least = std::min(least, std::max(from_ms, chunk.rows->min_ms()));
  }
  for (const Staged& each : staged) {
    if (each.row->timestamp_ms >= from_ms) least = std::min(least, each.row->timestamp_ms);
  }
  return least;
}

std::size_t LateRows::Drop(const LateCut& cut) {
  std::size_t count = 0;
  std::erase_if(chunks, [&](const Chunk& chunk) {
    if (chunk.rows->max_ms() >= cut.until_ms || chunk.newest_commit > cut.commit) return false;
    count += chunk.samples;
    return true;
  });
  std::erase_if(staged, [&](const Staged& each) {
    if (each.row->timestamp_ms >= cut.until_ms || each.row->commit > cut.commit) return false;
    count += CountPresent(*each.row);
    return true;
  });
  return count;
}

std::size_t LateRows::SizeBytes() const {
  std::size_t size = sizeof(LateRows) + chunks.capacity() * sizeof(Chunk) + staged.capacity() * sizeof(Staged);
  for (const Chunk& chunk : chunks) size += chunk.rows->SizeBytes();
  for (const Staged& each : staged) {
    size += sizeof(Row) + each.row->values.capacity() * 8 + each.row->presence.capacity() * 8;
  }
  return size;
}

bool LateSingles::IsTaken(std::int64_t timestamp_ms, DeleteEpoch epoch) const {
  const auto is_of_epoch = [epoch](const auto& each) { return each.epoch == epoch; };
  return std::ranges::any_of(std::ranges::equal_range(tail, timestamp_ms, {}, &Sample::timestamp_ms), is_of_epoch) ||
         std::ranges::any_of(std::ranges::equal_range(histograms, timestamp_ms, {},
                                                      [](const Histogram& each) { return each.sample.timestamp_ms; }),
                             is_of_epoch);
}

void LateSingles::Insert(const Sample& sample) {
  tail.insert(std::ranges::upper_bound(tail, sample.timestamp_ms, {}, &Sample::timestamp_ms), sample);
}

void LateSingles::Insert(Histogram histogram) {
  const auto place = std::ranges::upper_bound(histograms, histogram.sample.timestamp_ms, {},
                                              [](const Histogram& each) { return each.sample.timestamp_ms; });
  histograms.insert(place, std::move(histogram));
}

void LateSingles::Seal(CommitNumber visible_to_all) {
  if (tail.size() < kSealCount) return;
  const auto may_go = [&](const Sample& each) {
    return each.commit <= visible_to_all && each.epoch == tail.front().epoch;
  };
  if (static_cast<std::size_t>(std::ranges::count_if(tail, may_go)) < kSealCount) return;
  Chunk chunk{.epoch = tail.front().epoch};
  std::vector<std::int64_t> timestamps;
  std::vector<double> values;
  std::vector<Sample> kept;
  for (const Sample& each : tail) {
    if (!may_go(each)) {
      kept.push_back(each);
      continue;
    }
    chunk.newest_commit = std::max(chunk.newest_commit, each.commit);
    timestamps.push_back(each.timestamp_ms);
    values.push_back(each.value);
  }
  tail.swap(kept);
  // What follows the last chunk joins it, while it is small.
  if (!chunks.empty() && chunks.back().epoch == chunk.epoch && chunks.back().samples->max_ms < timestamps.front() &&
      chunks.back().samples->count <= values.size() && chunks.back().samples->count + values.size() <= kChunkCountMax) {
    std::vector<std::int64_t> joined_timestamps;
    std::vector<double> joined_values;
    if (ReadSingleChunk(*chunks.back().samples, joined_timestamps, joined_values)) {
      joined_timestamps.insert(joined_timestamps.end(), timestamps.begin(), timestamps.end());
      joined_values.insert(joined_values.end(), values.begin(), values.end());
      timestamps.swap(joined_timestamps);
      values.swap(joined_values);
      chunk.newest_commit = std::max(chunk.newest_commit, chunks.back().newest_commit);
      chunks.pop_back();
    }
  }
  for (std::size_t at = 0; at < values.size(); at += kChunkCountMax) {
    const std::size_t size = std::min(kChunkCountMax, values.size() - at);
    chunk.samples = MakeSingleChunk(std::span(timestamps).subspan(at, size), std::span(values).subspan(at, size));
    chunks.push_back(chunk);
  }
}

void LateSingles::Remove(CommitNumber commit) {
  std::erase_if(tail, [commit](const Sample& each) { return each.commit == commit; });
  std::erase_if(histograms, [commit](const Histogram& each) { return each.commit == commit; });
}

std::int64_t LateSingles::MinFrom(std::int64_t from_ms) const {
  std::int64_t least = model::kMaxTimestampMs;
  const auto note = [&least, from_ms](std::int64_t min_ms, std::int64_t max_ms) {
    if (max_ms >= from_ms) least = std::min(least, std::max(from_ms, min_ms));
  };
  for (const Chunk& chunk : chunks) note(chunk.samples->min_ms, chunk.samples->max_ms);
  for (const Sample& each : tail) note(each.timestamp_ms, each.timestamp_ms);
  for (const Histogram& each : histograms) note(each.sample.timestamp_ms, each.sample.timestamp_ms);
  return least;
}

std::size_t LateSingles::Drop(const LateCut& cut) {
  std::size_t count = 0;
  for (Chunk& chunk : chunks) {
    if (chunk.newest_commit > cut.commit || chunk.samples->min_ms >= cut.until_ms) continue;
    if (chunk.samples->max_ms < cut.until_ms) {
      count += chunk.samples->count;
      chunk.samples.reset();
      continue;
    }
    std::vector<std::int64_t> timestamps;
    std::vector<double> values;
    if (!ReadSingleChunk(*chunk.samples, timestamps, values)) continue;  // readers will say so
    const auto gone = std::ranges::lower_bound(timestamps, cut.until_ms) - timestamps.begin();
    count += static_cast<std::size_t>(gone);
    chunk.samples = MakeSingleChunk(std::span(timestamps).subspan(static_cast<std::size_t>(gone)),
                                    std::span(values).subspan(static_cast<std::size_t>(gone)));
  }
  std::erase_if(chunks, [](const Chunk& chunk) { return chunk.samples == nullptr; });
  count += std::erase_if(
      tail, [&](const Sample& each) { return each.timestamp_ms < cut.until_ms && each.commit <= cut.commit; });
  count += std::erase_if(histograms, [&](const Histogram& each) {
    return each.sample.timestamp_ms < cut.until_ms && each.commit <= cut.commit;
  });
  return count;
}

std::size_t LateSingles::SizeBytes() const {
  std::size_t size = sizeof(LateSingles) + chunks.capacity() * sizeof(Chunk) + tail.capacity() * sizeof(Sample) +
                     histograms.capacity() * sizeof(Histogram);
  for (const Chunk& chunk : chunks) size += sizeof(SingleChunk) + 16 + chunk.samples->bytes.capacity();
  for (const Histogram& each : histograms) size += each.sample.histogram->SizeBytes();
  return size;
}

}  // namespace baro::tsdb

#include "tsdb/merge/joined_times.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace baro::tsdb {
namespace {

// A bound on what is kept for many targets, each with times of its own. What was given out lives on while it is in use.
constexpr std::size_t kBytesMax = std::size_t{16} << 20;

}  // namespace

SharedTimes JoinedTimes::Join(std::span<const SharedTimes> pieces) const {
  thread_local Key key;
  key.clear();
  for (const SharedTimes& piece : pieces) key.emplace_back(piece.timestamps_ms.data(), piece.timestamps_ms.size());
  const base::MutexLock lock(mutex_);
  if (const auto known = columns_.find(key); known != columns_.end()) {
    return {.timestamps_ms = known->second->timestamps_ms, .pin = known->second};
  }
  auto column = std::make_shared<Column>();
  column->pieces.assign(pieces.begin(), pieces.end());
  for (const SharedTimes& piece : pieces) {
    column->timestamps_ms.insert(column->timestamps_ms.end(), piece.timestamps_ms.begin(), piece.timestamps_ms.end());
  }
  Charge(*column);
  columns_.emplace(key, column);
  return {.timestamps_ms = column->timestamps_ms, .pin = column};
}

SharedTimes JoinedTimes::Share(std::span<const std::int64_t> timestamps_ms) const {
  const std::uint64_t hash = XXH3_64bits(timestamps_ms.data(), timestamps_ms.size_bytes());
  const base::MutexLock lock(mutex_);
  const auto known = shared_.find(hash);
  if (known != shared_.end() && std::ranges::equal(known->second->timestamps_ms, timestamps_ms)) {
    return {.timestamps_ms = known->second->timestamps_ms, .pin = known->second};
  }
  auto column = std::make_shared<Column>();
  column->timestamps_ms.assign(timestamps_ms.begin(), timestamps_ms.end());
  Charge(*column);
  shared_.insert_or_assign(hash, column);
  return {.timestamps_ms = column->timestamps_ms, .pin = column};
}

void JoinedTimes::Charge(const Column& column) const {
  // Pieces keep columns of about their own size.
  const std::size_t copies = column.pieces.empty() ? 1 : 2;
  const std::size_t bytes = sizeof(Column) + copies * column.timestamps_ms.size() * sizeof(std::int64_t);
  bytes_ += bytes;
  if (bytes_ <= kBytesMax && charge_.Set(bytes_)) return;
  columns_.clear();
  shared_.clear();
  bytes_ = bytes;
  // What is about to be kept is little: it need not fit.
  if (!charge_.Set(bytes_)) charge_.Reset();
}

bool TimesInSequence::Add(std::optional<SharedTimes> piece) {
  if (!piece) return false;
  if (piece->timestamps_ms.empty()) return true;
  if (only_.timestamps_ms.empty()) {
    only_ = *std::move(piece);
    return true;
  }
  if (pieces_.empty()) pieces_.push_back(only_);
  if (pieces_.back().timestamps_ms.back() >= piece->timestamps_ms.front()) return false;
  pieces_.push_back(*std::move(piece));
  return true;
}

SharedTimes TimesInSequence::Finish() {
  if (!pieces_.empty()) return joined_.Join(pieces_);
  return std::move(only_);
}

}  // namespace baro::tsdb

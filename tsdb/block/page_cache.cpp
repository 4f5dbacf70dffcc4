#include "tsdb/block/page_cache.h"

namespace baro::tsdb {

namespace {

constexpr std::size_t kLabelBytes = 160;  // of a set of ten labels

}  // namespace

void KeptSeriesPage::Keep(std::size_t series, const model::Labels& labels) {
  const base::MutexLock lock(mutex_);
  const std::size_t bytes = labels.packed().size();
  if (label_bytes_ + bytes > labels_.size() * kLabelBytes) return;
  label_bytes_ += bytes;
  labels_[series] = labels;
}

std::size_t KeptSeriesPage::SizeBytes() const {
  const Tracks& tracks = page_.tracks;
  return sizeof(*this) + page_.series.capacity() * (sizeof(SeriesPage::Series) + sizeof(model::Labels) + kLabelBytes) +
         page_.values.capacity() * sizeof(std::uint32_t) + tracks.columns.capacity() * sizeof(ColumnRun) +
         tracks.presences.capacity() * sizeof(WindowPresence) + tracks.rows.capacity() * sizeof(RowRun);
}

std::shared_ptr<KeptSeriesPage> PageCache::FindSeries(std::uint64_t offset) const {
  const base::MutexLock lock(mutex_);
  const auto known = series_.find(offset);
  return known == series_.end() ? nullptr : known->second;
}

std::shared_ptr<const ValuePage> PageCache::FindValues(std::uint64_t offset) const {
  const base::MutexLock lock(mutex_);
  const auto known = values_.find(offset);
  return known == values_.end() ? nullptr : known->second;
}

void PageCache::Keep(std::uint64_t offset, std::shared_ptr<KeptSeriesPage> page) {
  const std::size_t bytes = page->SizeBytes();
  const base::MutexLock lock(mutex_);
  if (!series_.try_emplace(offset, std::move(page)).second) return;
  MakeRoom(offset, bytes);
}

void PageCache::Keep(std::uint64_t offset, std::shared_ptr<const ValuePage> page) {
  const std::size_t bytes = page->SizeBytes();
  const base::MutexLock lock(mutex_);
  if (!values_.try_emplace(offset, std::move(page)).second) return;
  MakeRoom(offset, bytes);
}

// For what was just put in.
void PageCache::MakeRoom(std::uint64_t offset, std::size_t bytes) {
  oldest_.emplace_back(offset, bytes);
  bytes_ += bytes;
  while (bytes_ > kBytesMax) {
    const auto [gone, gone_bytes] = oldest_.front();
    oldest_.pop_front();
    bytes_ -= gone_bytes;
    // Frames of the index do not share offsets.
    if (series_.erase(gone) == 0) values_.erase(gone);
  }
}

}  // namespace baro::tsdb

// Pages of a block's index that were used lately, taken apart: small queries ask for the same ones again and again.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/block/series_page.h"
#include "tsdb/block/value_page.h"

namespace baro::tsdb {

/// A page of series, and the label sets that were made of it.
///
/// Threads  Safe to share.
class KeptSeriesPage {
 public:
  explicit KeptSeriesPage(SeriesPage page) : page_(std::move(page)), labels_(page_.series.size()) {}

  const SeriesPage& page() const { return page_; }

  /// Empty: it was not made yet.
  model::Labels LabelsOf(std::size_t series) const {
    const base::MutexLock lock(mutex_);
    return labels_[series];
  }
  /// Does nothing once label sets have taken the room that SizeBytes() has for them.
  void Keep(std::size_t series, const model::Labels& labels);

  /// With all label sets, as long as they are of usual length.
  std::size_t SizeBytes() const;

 private:
  const SeriesPage page_;
  mutable base::Mutex mutex_;  // a leaf
  std::vector<model::Labels> labels_ BARO_GUARDED_BY(mutex_);
  std::size_t label_bytes_ BARO_GUARDED_BY(mutex_) = 0;
};

/// Keeps so many bytes of pages; what came first goes first.
///
/// Threads  Safe to share.
class PageCache {
 public:
  /// Null: it is not there.
  std::shared_ptr<KeptSeriesPage> FindSeries(std::uint64_t offset) const;
  std::shared_ptr<const ValuePage> FindValues(std::uint64_t offset) const;

  /// Pages by their place in the index.
  void Keep(std::uint64_t offset, std::shared_ptr<KeptSeriesPage> page);
  void Keep(std::uint64_t offset, std::shared_ptr<const ValuePage> page);

 private:
  // For each block that is asked: some 5,000 series. Blocks are few, and most queries look at those of the last day.
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  void MakeRoom(std::uint64_t offset, std::size_t bytes) BARO_REQUIRES(mutex_);

  mutable base::Mutex mutex_;  // a leaf
  std::unordered_map<std::uint64_t, std::shared_ptr<KeptSeriesPage>> series_ BARO_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::shared_ptr<const ValuePage>> values_ BARO_GUARDED_BY(mutex_);
  std::deque<std::pair<std::uint64_t, std::size_t>> oldest_ BARO_GUARDED_BY(mutex_);  // offsets and bytes
  std::size_t bytes_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::tsdb
